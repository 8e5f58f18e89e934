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
from ecg_anomaly.records.channels import Channel, choose_ecg, distinct, millivolts_per
from ecg_anomaly.records.checks import check_gap

_COPY = "copy or download the record again, with all its files"
_NULL = "~"  # a stretch where nothing was recorded
# Of the formats with a fixed number of bits; a compressed file (508, 516, 524) may be of any size.
_BITS_PER_SAMPLE = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12}


@dataclass(frozen=True)
class _Segment:
    """A stretch of a record that has its own files; of one where nothing was recorded, no lead has a channel."""

    stem: Path  # of its files, without extension
    frames: int  # how many of its frames are part of the record
    channels: dict[int, tuple[int, float]]  # for each lead that it has: its channel, and millivolts per unit
    differences: bool = False  # whether samples are stored as differences, so that it must be read from its start

    def read(self, leads: Sequence[int], first: int, last: int) -> dict[int, np.ndarray]:
        """Read frames of those leads that it has, in millivolts."""
        there = [lead for lead in leads if lead in self.channels]
        if not there:
            return {}
        begin = 0 if self.differences else first
        channels = [self.channels[lead][0] for lead in there]
        record = _guarded(
            f"{self.stem}: cannot be read",
            lambda: wfdb.rdrecord(str(self.stem), begin, last, channels=channels, smooth_frames=False),
        )
        return {
            lead: signal[len(signal) * (first - begin) // (last - begin) :] * self.channels[lead][1]
            for lead, signal in zip(there, record.e_p_signal, strict=True)
        }


@dataclass(frozen=True)
class WfdbSource:
    """The ECG leads of a WFDB record; see `recording.RecordingFile`."""

    sampling_rate_hz: Fraction
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    samples_per_frame: int  # per lead and frame
    segments: tuple[_Segment, ...] = field(repr=False)  # as they follow each other
    ends: np.ndarray = field(repr=False)  # shape (segments,): the frame before which each ends

    @property
    def samples(self) -> int:
        """Samples per lead."""
        return int(self.ends[-1]) * self.samples_per_frame

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some leads, in millivolts, of shape ``(length, columns)``, the last shorter."""
        for start in range(0, self.samples, length):
            stop = min(start + length, self.samples)
            first, last = start // self.samples_per_frame, -(-stop // self.samples_per_frame)
            skipped = start - first * self.samples_per_frame
            yield self._frames(columns, first, last)[skipped : skipped + stop - start]

    def _frames(self, columns: Sequence[int], first: int, last: int) -> np.ndarray:
        block = np.full(((last - first) * self.samples_per_frame, len(columns)), np.nan)
        for index in range(int(np.searchsorted(self.ends, first, side="right")), len(self.ends)):
            segment, end = self.segments[index], int(self.ends[index])
            begin = end - segment.frames
            if begin >= last:
                break
            low, high = max(first, begin), min(last, end)
            place = slice((low - first) * self.samples_per_frame, (high - first) * self.samples_per_frame)
            for lead, signal in segment.read(columns, low - begin, high - begin).items():
                block[place, columns.index(lead)] = signal
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
    channels = [
        Channel(name or "", unit or "mV", frame_rate_hz * (count or 1))  # no unit means millivolts, says the standard
        for name, unit, count in zip(layout.sig_name, layout.units, layout.samps_per_frame, strict=True)
    ]
    kept, notes = choose_ecg(channels, path)
    samples_per_frame = layout.samps_per_frame[kept[0]] or 1
    by_name = isinstance(header, wfdb.MultiRecord) and header.layout == "variable"  # each segment has its own channels
    segments = []
    for segment_file, segment, frames in parts:
        if segment is None:
            segments.append(_Segment(segment_file.with_suffix(""), frames, {}))
            continue
        where = dict(enumerate(kept))
        if by_name:
            there, wanted = list(segment.sig_name), [layout.sig_name[index] for index in kept]
            where = {lead: there.index(name) for lead, name in enumerate(wanted) if name in there}
        segments.append(_segment(segment_file, segment, frames, where, samples_per_frame))
    rate_hz = channels[kept[0]].sampling_rate_hz.limit_denominator(1000)
    names = distinct([channels[index].label for index in kept])
    ends = np.cumsum([segment.frames for segment in segments], dtype=np.int64)
    return WfdbSource(rate_hz, names, tuple(notes), samples_per_frame, tuple(segments), ends)


def _segment(path: Path, header: wfdb.Record, frames: int, where: dict[int, int], samples_per_frame: int) -> _Segment:
    if any(i >= header.n_sig or (header.samps_per_frame[i] or 1) != samples_per_frame for i in where.values()):
        raise UserError(f"{path}: has other channels or sampling rates than the record that it is part of; {_COPY}")
    factors = {lead: millivolts_per(header.units[index] or "mV") for lead, index in where.items()}
    channels = {lead: (where[lead], factor) for lead, factor in factors.items() if factor is not None}
    return _Segment(path.with_suffix(""), frames, channels, any(header.fmt[index] == "8" for index in where.values()))


def _guarded(failure: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
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
