"""WFDB records of one or several segments, read block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_gap, check_missing
from ecg_anomaly.records.units import millivolts_per
from ecg_anomaly.records.wfdb_header import COPY, NULL, Header, read_header
from ecg_anomaly.records.wfdb_signals import NO_SAMPLES, count_frames, read_frames
from ecg_anomaly.words import StartTime, count_text


@dataclass(frozen=True)
class _Segment:
    """A stretch of a record that has its own files; of one where nothing was recorded, no channel is there."""

    header: Header
    begin: int  # the first of its frames in the record
    frames: int  # how many of its frames are part of the record
    length: int = 0  # how many it has
    channels: dict[int, tuple[int, float]] = field(default_factory=dict)  # of the record's: its own, and factor

    def read(self, columns: Sequence[int], first: int, last: int) -> dict[int, np.ndarray]:
        """Read frames of the record, of those of its channels that the segment has."""
        there = {column: self.channels[column] for column in columns if column in self.channels}
        own = [channel for channel, _ in there.values()]
        read = read_frames(self.header, self.length, own, first - self.begin, last - self.begin)
        return {column: read[channel] * factor for column, (channel, factor) in there.items()}


@dataclass(frozen=True)
class WfdbSource:
    """The channels of a WFDB record; see `source.Source`."""

    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    samples_per_frame: tuple[int, ...] = field(repr=False)  # of each channel
    start_time: StartTime | None
    segments: tuple[_Segment, ...] = field(repr=False)  # as they follow each other
    ends: np.ndarray = field(repr=False)  # shape (segments,): the frame before which each ends

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels of one sampling rate, in their units, the last block shorter."""
        count = self.samples_per_frame[columns[0]]
        samples = int(self.ends[-1]) * count
        for start in range(0, samples, length):
            stop = min(start + length, samples)
            first, last = start // count, -(-stop // count)
            skipped = start - first * count
            yield self._frames(columns, first, last, count)[skipped : skipped + stop - start]

    def _frames(self, columns: Sequence[int], first: int, last: int, count: int) -> np.ndarray:
        block = np.full(((last - first) * count, len(columns)), np.nan)
        inside = np.searchsorted(self.ends, [first, last - 1], side="right")
        for segment in self.segments[inside[0] : inside[1] + 1]:
            low, high = max(first, segment.begin), min(last, segment.begin + segment.frames)
            place = slice((low - first) * count, (high - first) * count)
            for column, signal in segment.read(columns, low, high).items():
                block[place, columns.index(column)] = signal
        block[np.isinf(block)] = np.nan  # a gain next to nothing
        return block


def header_of(path: Path) -> Path | None:
    """Find the WFDB header that a path with or without extension means; ``None`` if there is none."""
    if not path.name:
        return None
    candidates = (path, path.with_name(path.name + ".hea"), path.with_suffix(".hea"))
    return next((header for header in candidates if header.suffix == ".hea" and os.path.isfile(header)), None)  # noqa: PTH113


def files_of(header_file: Path) -> list[Path]:
    """List the headers and signal files of a record, each once, as far as headers that are there name them.

    Raises `UserError` when one of those cannot be read.
    """
    header = read_header(header_file)
    there = [header, *(read_header(path) for path in header.segment_files if path.is_file())]
    signals = [file for read in there for file in read.signal_files]
    return list(dict.fromkeys([header_file, *header.segment_files, *signals]))


def segments_of(header_file: Path) -> list[Path]:
    """List the headers of the segments of a record; none if it has but one, or its header cannot be read."""
    try:
        return read_header(header_file).segment_files
    except UserError:
        return []


def open_wfdb(header_file: Path) -> WfdbSource:
    """Open a WFDB record by its header; errors as for `recording.open_recording`."""
    header = read_header(header_file)
    if not header.signal_count:
        raise UserError(f"{header_file}: describes no signal: there is nothing to read")
    if header.segments:
        return _open_segments(header)
    frames, notes = count_frames(header)
    return _source(header, header, [_segment(header, header, header, 0, frames, frames, notes)], notes)


def _open_segments(header: Header) -> WfdbSource:
    parts = [
        (None if name == NULL else read_header(header.path.with_name(f"{name}.hea")), frames)
        for name, frames in header.segments
    ]
    for part, _ in parts:
        if part is not None and part.segments:
            raise UserError(f"{part.path}: is a segment of {header.path} and consists of segments itself; {COPY}")
    layout = next((part for part, _ in parts if part is not None and part.signals), None)
    # The first segment of a variable layout has no samples: it lists all channels that occur.
    recorded = [(part, frames) for part, frames in parts if frames]
    if layout is None or not recorded:
        raise UserError(f"{header.path}: describes no segment with signals; {COPY}")
    segments: list[_Segment] = []
    notes: list[str] = []
    begin = 0
    for number, (part, frames) in enumerate(recorded, start=1):
        if part is None:
            check_gap(float(frames / header.frame_rate_hz), header.path, f"segment {number + 1}")
            segments.append(_Segment(header, begin, frames))
        else:
            length, told = _frames_there(part, frames, header)
            notes += [*part.notes, *told]
            segments.append(_segment(header, layout, part, begin, frames, length, notes))
        begin += frames
    _check_null(header, segments)
    if header.frames not in (0, begin):
        notes.append(f"its header says {header.frames} samples, its segments have {begin}, and those are read")
    return _source(header, layout, segments, notes)


def _check_null(header: Header, segments: Sequence[_Segment]) -> None:
    gaps_s = [0.0 if segment.channels else segment.frames / float(header.frame_rate_hz) for segment in segments]
    missing_s, longest_s = sum(gaps_s), max(gaps_s)
    recorded_s = sum(segment.frames for segment in segments) / float(header.frame_rate_hz) - missing_s
    check_missing(missing_s, recorded_s, longest_s, header.path, f"segment {gaps_s.index(longest_s) + 2}")


def _frames_there(part: Header, frames: int, record: Header) -> tuple[int, list[str]]:
    """Count the frames of a segment, and check that so many are there as the record says."""
    length, notes = count_frames(part)
    if length < frames:
        raise UserError(f"{part.path}: is shorter than the {frames} samples that {record.path} says; {COPY}")
    if length > frames:
        surplus = count_text(length - frames, "sample")
        notes = [*notes, f"{part.path.stem} goes on for {surplus} behind its end here: left out"]
    return length, notes


def _segment(
    record: Header, layout: Header, part: Header, begin: int, frames: int, length: int, notes: list[str]
) -> _Segment:
    """Find the record's channels, which the layout lists, in one of its segments."""
    if part.frame_rate_hz != record.frame_rate_hz:
        raise UserError(f"{part.path}: has another sampling rate than {record.path}, of which it is part; {COPY}")
    own = {channel: channel for channel in range(len(layout.signals))}
    if record.variable:
        names = [signal.label for signal in part.signals]
        own = {
            number: names.index(listed.label) for number, listed in enumerate(layout.signals) if listed.label in names
        }
    if any(
        number >= len(part.signals)
        or part.signals[number].samples_per_frame != layout.signals[channel].samples_per_frame
        for channel, number in own.items()
    ):
        raise UserError(f"{part.path}: has other channels or sampling rates than the record that it is part of; {COPY}")
    channels = {}
    for channel, number in own.items():
        signal, listed = part.signals[number], layout.signals[channel]
        factor = _factor(signal.unit, listed.unit)
        if factor is None:
            notes.append(
                f"{part.path.stem} has {listed.label} in {signal.unit}, not in {listed.unit}: it is missing there"
            )
        elif signal.fmt != NO_SAMPLES:
            channels[channel] = number, factor
    return _Segment(part, begin, frames, length, channels)


def _factor(unit: str, wanted: str) -> float | None:
    """How many of the wanted units one unit is; ``None`` if it cannot be one of those."""
    if unit == wanted:
        return 1.0
    in_mv, wanted_in_mv = millivolts_per(unit), millivolts_per(wanted)
    return in_mv / wanted_in_mv if in_mv and wanted_in_mv else None


def _source(record: Header, layout: Header, segments: Sequence[_Segment], notes: Sequence[str]) -> WfdbSource:
    ends = np.cumsum([segment.frames for segment in segments], dtype=np.int64)
    recorded = {channel for segment in segments for channel in segment.channels}
    channels = [
        Channel(
            signal.label,
            signal.unit,
            (record.frame_rate_hz * signal.samples_per_frame).limit_denominator(1000),
            int(ends[-1]) * signal.samples_per_frame,
            "" if channel in recorded else "nothing was recorded of it",
        )
        for channel, signal in enumerate(layout.signals)
    ]
    counts = tuple(signal.samples_per_frame for signal in layout.signals)
    told = tuple(dict.fromkeys([*record.notes, *notes]))
    return WfdbSource(tuple(channels), told, counts, record.start_time, tuple(segments), ends)
