"""Signal files of a WFDB header: how many samples they hold, and the samples of any frames.

Formats: https://physionet.org/physiotools/wag/signal-5.htm
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np
from wfdb.io import _signal as wfdb_signal  # of the library only this reads samples with a header that it did not parse

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.wfdb_header import COPY, Header, Signal

NO_SAMPLES = "0"  # the format of a channel that is described and not recorded
_COMPRESSED = ("508", "516", "524")
_DIFFERENCES = "8"  # which must be read from their start
_BITS = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12}
_BITS_PER_SAMPLE = {fmt: Fraction(bits) for fmt, bits in _BITS.items()} | dict.fromkeys(("310", "311"), Fraction(32, 3))
_PADDING = 2  # samples by which formats that pack several into some bytes may make a file longer


def count_frames(header: Header) -> tuple[int, list[str]]:
    """Count the frames of a record of one segment, and check that its signal files hold them.

    Returns
    -------
    frames : int
        As the header says, or else as the size of its files does.
    notes : list of str
        Where the number comes from if not from the header, and what its files hold beyond it.

    Raises
    ------
    UserError
        When a file is missing, shorter than the header says, or in no format of the standard.
    """
    held = {path: _frames_in(path, header) for path in header.signal_files}
    shortest = min(held, key=lambda path: held[path], default=None)
    frames, notes = header.frames, []
    if shortest is not None and not frames:
        frames = held[shortest]
        notes.append(f"its header does not say how long it is: {frames} samples, by the size of {shortest.name}")
    for path, there in held.items():
        if there < frames:  # wfdb pads or misreads such a file
            raise UserError(
                f"{path}: is truncated: {header.path} promises {frames} samples of each signal, the file has {there}; "
                f"delete it, and {COPY}"
            )
        if there > frames + _PADDING:
            notes.append(f"{path.name} goes on for {there - frames} samples behind the end of the record: left out")
    if max((signal.skew for signal in header.signals), default=0) > frames:
        raise UserError(f"{header.path}: shifts a channel by more samples than it has; {COPY}")
    return frames, notes


def read_frames(header: Header, frames: int, channels: Sequence[int], first: int, last: int) -> dict[int, np.ndarray]:
    """Read some channels of a record of one segment.

    Parameters
    ----------
    frames
        As `count_frames` gives them.
    channels
        Which of the header's signals.
    first, last
        The frames to read: from the first to that before the last.

    Returns
    -------
    dict
        For each channel its samples, of shape ``(frames * samples per frame,)``, in its unit; NaN where one is missing.
    """
    stored = sorted((header.signals[channel].file, header.signals[channel].skew, channel) for channel in channels)
    read = {}
    for (file, skew), group in groupby(stored, lambda item: item[:2]):
        steps = _steps(header, file, frames, first + skew, last + skew)
        for _, _, channel in group:
            signal = header.signals[channel]
            values = np.full((last - first) * signal.samples_per_frame, np.nan)
            there = steps[channel]
            values[: len(there)] = np.where(there == _missing_step(signal), np.nan, there)
            read[channel] = (values - signal.baseline) / signal.gain
    return read


def _frames_in(path: Path, header: Header) -> int:
    """Count the frames that a signal file holds."""
    if not path.is_file():
        raise UserError(f"{path}: is missing, and {header.path} names it; {COPY}")
    signals = [signal for signal in header.signals if signal.file == path.name]
    fmt = signals[0].fmt
    if fmt in _COMPRESSED:
        return (_compressed_samples(path) - signals[0].offset) // signals[0].samples_per_frame
    if fmt not in _BITS_PER_SAMPLE or any(signal.fmt != fmt for signal in signals):
        raise UserError(f"{header.path}: gives {path.name} two formats, or one without samples; {COPY}")
    bits = _BITS_PER_SAMPLE[fmt] * sum(signal.samples_per_frame for signal in signals)
    return max(0, int((path.stat().st_size - signals[0].offset) * 8 // bits))


def _compressed_samples(path: Path) -> int:
    try:
        import soundfile  # which wfdb brings; few records are compressed

        return int(soundfile.info(path).frames)
    except Exception as error:  # damaged, or the library's own library is not there
        raise UserError(f"{path}: cannot be read: {error}; {COPY}") from None


def _steps(header: Header, file: str, frames: int, first: int, last: int) -> dict[int, np.ndarray]:
    """Read all channels of a signal file as the converter wrote them, as far as the file goes."""
    channels = [channel for channel, signal in enumerate(header.signals) if signal.file == file]
    signals = [header.signals[channel] for channel in channels]
    begin = 0 if signals[0].fmt == _DIFFERENCES else first
    last = min(last, frames)
    if begin >= last:
        return {channel: np.empty(0) for channel in channels}
    try:
        read = wfdb_signal._rd_dat_signals(
            file_name=file,
            dir_name=str(header.path.parent),
            pn_dir=None,
            fmt=signals[0].fmt,
            n_sig=len(signals),
            sig_len=frames,
            byte_offset=signals[0].offset,
            samps_per_frame=[signal.samples_per_frame for signal in signals],
            skew=[0] * len(signals),
            init_value=[signal.initial for signal in signals],
            sampfrom=begin,
            sampto=last,
        )
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{header.path.with_name(file)}: cannot be read: {error}; {COPY}") from None
    return {
        channel: steps[(first - begin) * signal.samples_per_frame :]
        for channel, signal, steps in zip(channels, signals, read, strict=True)
    }


def _missing_step(signal: Signal) -> int | None:
    """Give the step that stands for a missing sample."""
    step: int | None = wfdb_signal.INVALID_SAMPLE_VALUE[signal.fmt]
    return step
