"""WFDB records of one or several segments, read block by block.

Format: https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_gap, denied
from ecg_anomaly.records.units import millivolts_per

_COPY = "copy or download the record again, with all its files"
_NULL = "~"  # a stretch where nothing was recorded
# Of the formats with a fixed number of bits; a compressed file (508, 516, 524) may be of any size.
_BITS_PER_SAMPLE = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12}


@dataclass(frozen=True)
class _Segment:
    """A stretch of a record that has its own files; of one where nothing was recorded, no lead has a channel."""

    stem: Path  # of its files, without extension
    frames: int  # how many of its frames are part of the record
    channels: dict[
        int, tuple[int, float]
    ]  # by channel of the record: its own of that name, and its unit in the record's
    differences: bool = False  # whether samples are stored as differences, so that it must be read from its start

    def read(self, wanted: Sequence[int], first: int, last: int) -> dict[int, np.ndarray]:
        """Read frames of those channels that it has."""
        there = [channel for channel in wanted if channel in self.channels]
        if not there:
            return {}
        begin = 0 if self.differences else first
        own = [self.channels[channel][0] for channel in there]
        record = _guarded(
            f"{self.stem}: cannot be read",
            lambda: wfdb.rdrecord(str(self.stem), begin, last, channels=own, smooth_frames=False),
        )
        return {
            channel: signal[len(signal) * (first - begin) // (last - begin) :] * self.channels[channel][1]
            for channel, signal in zip(there, record.e_p_signal, strict=True)
        }


@dataclass(frozen=True)
class WfdbSource:
    """The channels of a WFDB record; see `source.Source`."""

    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    samples_per_frame: tuple[int, ...]  # of each channel
    segments: tuple[_Segment, ...] = field(repr=False)  # as they follow each other
    ends: np.ndarray = field(repr=False)  # shape (segments,): the frame before which each ends

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        per_frame, samples = self.samples_per_frame[columns[0]], self.channels[columns[0]].samples
        for start in range(0, samples, length):
            stop = min(start + length, samples)
            first, last = start // per_frame, -(-stop // per_frame)
            skipped = start - first * per_frame
            yield self._frames(columns, first, last)[skipped : skipped + stop - start]

    def _frames(self, columns: Sequence[int], first: int, last: int) -> np.ndarray:
        per_frame = self.samples_per_frame[columns[0]]
        block = np.full(((last - first) * per_frame, len(columns)), np.nan)
        for index in range(int(np.searchsorted(self.ends, first, side="right")), len(self.ends)):
            segment, end = self.segments[index], int(self.ends[index])
            begin = end - segment.frames
            if begin >= last:
                break
            low, high = max(first, begin), min(last, end)
            place = slice((low - first) * per_frame, (high - first) * per_frame)
            for channel, signal in segment.read(columns, low - begin, high - begin).items():
                block[place, columns.index(channel)] = signal
        block[np.isinf(block)] = np.nan  # a gain next to nothing
        return block


def header_of(path: Path) -> Path | None:
    """Find the WFDB header that a path with or without extension means; ``None`` if there is none."""
    if not path.name:
        return None
    candidates = (path, path.with_name(path.name + ".hea"), path.with_suffix(".hea"))
    return next((header for header in candidates if header.suffix == ".hea" and header.is_file()), None)


def files_of(header_file: Path) -> list[Path]:
    """List the headers and signal files of a record, each once, as far as headers that are there name them.

    Raises `UserError` when one of those cannot be read.
    """
    header = _read_header(header_file)
    segments = _segments(header_file, header)
    headers = {header_file: header} | {path: _read_header(path) for path in segments if path.is_file()}
    signals = [file for path, read in headers.items() for file in _signal_files(path, read)]
    return list(dict.fromkeys([header_file, *segments, *signals]))


def segments_of(header_file: Path) -> list[Path]:
    """List the headers of the segments of a record; none if it has but one, or its header cannot be read."""
    try:
        return _segments(header_file, _read_header(header_file))
    except UserError:
        return []


def open_wfdb(header_file: Path) -> WfdbSource:
    """Open a WFDB record by its header; errors as for `recording.open_recording`."""
    header = _read_header(header_file)
    if not 0 < header.fs < np.inf:
        raise UserError(f"{header_file}: the sampling rate is {header.fs} Hz; {_COPY}")
    if isinstance(header, wfdb.Record):
        return _source(header_file, header, header, [(header_file, header, _frames_of(header_file, header))])
    parts = []
    for name, frames in zip(header.seg_name, header.seg_len, strict=True):
        path = header_file.with_name(f"{name}.hea")
        segment = None if name == _NULL else _read_header(path)
        if isinstance(segment, wfdb.MultiRecord):
            raise UserError(f"{path}: is a segment of {header_file} and consists of segments itself; {_COPY}")
        parts.append((path, segment, frames))
    described = [segment for _, segment, _ in parts if segment is not None]
    if not described or min(header.seg_len) < 0:
        raise UserError(f"{header_file}: describes no segment with signals; {_COPY}")
    # The first segment of a variable layout has no samples: it lists all channels that occur.
    recorded = [(path, segment, frames) for path, segment, frames in parts if frames > 0]
    for number, (path, segment, frames) in enumerate(recorded, start=1):
        if segment is None:
            check_gap(frames / header.fs, header_file, f"segment {number + 1}")
        elif _frames_of(path, segment) < frames:
            raise UserError(f"{path}: is shorter than the {frames} samples that {header_file} says; {_COPY}")
    return _source(header_file, header, described[0], recorded)


def _source(
    path: Path,
    header: wfdb.Record | wfdb.MultiRecord,
    layout: wfdb.Record,
    parts: Sequence[tuple[Path, wfdb.Record | None, int]],
) -> WfdbSource:
    frame_rate_hz = Fraction(str(header.fs))
    by_name = isinstance(header, wfdb.MultiRecord) and header.layout == "variable"  # each segment has its own channels
    segments = []
    for segment_file, segment, frames in parts:
        there = [] if segment is None else list(segment.sig_name)
        where = {
            channel: there.index(name) if by_name else channel
            for channel, name in enumerate(layout.sig_name)
            if segment is not None and (not by_name or name in there)
        }
        segments.append(_segment(segment_file, segment, frames, where, layout))
    ends = np.cumsum([segment.frames for segment in segments], dtype=np.int64)
    per_frame = tuple(count or 1 for count in layout.samps_per_frame)
    channels = tuple(
        Channel(name or "", unit or "mV", (frame_rate_hz * count).limit_denominator(1000), int(ends[-1]) * count)
        for name, unit, count in zip(layout.sig_name, layout.units, per_frame, strict=True)
    )
    return WfdbSource(channels, (), per_frame, tuple(segments), ends)


def _segment(
    path: Path, header: wfdb.Record | None, frames: int, where: dict[int, int], layout: wfdb.Record
) -> _Segment:
    if header is None:
        return _Segment(path.with_suffix(""), frames, {})
    if any(
        own >= header.n_sig or (header.samps_per_frame[own] or 1) != (layout.samps_per_frame[channel] or 1)
        for channel, own in where.items()
    ):
        raise UserError(f"{path}: has other channels or sampling rates than the record that it is part of; {_COPY}")
    factors = {channel: _factor(header.units[own], layout.units[channel]) for channel, own in where.items()}
    channels = {channel: (where[channel], factor) for channel, factor in factors.items() if factor is not None}
    return _Segment(path.with_suffix(""), frames, channels, any(header.fmt[own] == "8" for own in where.values()))


def _factor(unit: str | None, of_record: str | None) -> float | None:
    """Tell how many of a record's units one of a segment's is; no unit means millivolts, says the standard."""
    if (unit or "mV") == (of_record or "mV"):
        return 1.0
    own_mv, mv = millivolts_per(unit or "mV"), millivolts_per(of_record or "mV")
    return None if own_mv is None or mv is None else own_mv / mv


def _guarded(failure: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except PermissionError as error:
        raise denied(error.filename) from None
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{failure}: {error}; {_COPY}") from None


def _read_header(path: Path) -> wfdb.Record | wfdb.MultiRecord:
    if not path.is_file():
        raise UserError(f"{path}: is missing, and the record needs it; {_COPY}")
    header = _guarded(f"{path}: is not a WFDB header", lambda: wfdb.rdheader(str(path.with_suffix(""))))
    if isinstance(header, wfdb.Record) and len(header.file_name or []) != (header.n_sig or 0):
        described = len(header.file_name or [])
        raise UserError(f"{path}: promises {header.n_sig} signals and describes {described}; {_COPY}")
    if not header.n_sig:
        raise UserError(f"{path}: describes no signal; {_COPY}")
    return header


def _segments(path: Path, header: wfdb.Record | wfdb.MultiRecord) -> list[Path]:
    names = header.seg_name if isinstance(header, wfdb.MultiRecord) else []
    return [path.with_name(f"{name}.hea") for name in names if name != _NULL]


def _signal_files(path: Path, header: wfdb.Record | wfdb.MultiRecord) -> list[Path]:
    names = header.file_name if isinstance(header, wfdb.Record) else []
    return [path.with_name(name) for name in dict.fromkeys(names) if name != _NULL]


def _frames_of(path: Path, header: wfdb.Record) -> int:
    """Count the frames of a record, and check that its signal files hold them."""
    for signals in _signal_files(path, header):
        if not signals.is_file():
            raise UserError(f"{signals}: is missing, and {path} names it; {_COPY}")
        bits = sum(  # of one frame; 0 if the file is compressed
            _BITS_PER_SAMPLE.get(form, 0) * (count or 1)
            for form, count, name in zip(header.fmt, header.samps_per_frame, header.file_name, strict=True)
            if name == signals.name
        )
        size = signals.stat().st_size - (header.byte_offset[header.file_name.index(signals.name)] or 0)
        if header.sig_len is None:  # which the format allows, and wfdb reads only whole
            number = f" ({size * 8 // bits}, by the size of {signals.name})" if bits else ""
            raise UserError(
                f"{path}: does not say how many samples it has; write their number{number} behind the sampling rate in "
                "its first line"
            )
        # wfdb pads or misreads a signal file that is shorter than its header says.
        if size < header.sig_len * bits // 8:
            raise UserError(
                f"{signals}: is truncated: {path} promises {header.sig_len * bits // 8} bytes of samples, the file has "
                f"{size}; delete it, and {_COPY}"
            )
    if max(skew or 0 for skew in header.skew) > header.sig_len:
        raise UserError(f"{path}: shifts a channel by more samples than it has; {_COPY}")
    return int(header.sig_len)
