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
from ecg_anomaly.records.wfdb_records import bits_per_frame

_COPY = "copy the record again, with all its files"
_LONGEST_GAP_S = 86_400.0  # a longer one is a damaged header, or better cut into two recordings
_NULL = "~"  # a stretch where nothing was recorded


@dataclass(frozen=True)
class _Segment:
    """A stretch of a record that has its own files.

    Attributes
    ----------
    stem
        Path of its files without extension.
    channels
        For each lead of the record, the channel of the segment that holds it; ``None`` if there is none.
    factors
        For each lead of the record, millivolts per unit in this segment.
    differences
        Whether its samples are stored as differences, so that it must be read from its start.
    """

    stem: Path
    channels: tuple[int | None, ...]
    factors: tuple[float, ...]
    differences: bool

    def read(self, columns: Sequence[int], first: int, last: int) -> list[np.ndarray | None]:
        """Read frames of some leads, in millivolts; ``None`` for a lead that the segment does not have."""
        taken = [column for column in columns if self.channels[column] is not None]
        signals: dict[int, np.ndarray] = {}
        if taken:
            begin = 0 if self.differences else first
            record = _guarded(
                self.stem,
                lambda: wfdb.rdrecord(
                    str(self.stem),
                    sampfrom=begin,
                    sampto=last,
                    channels=[self.channels[column] for column in taken],
                    smooth_frames=False,
                ),
            )
            for column, signal in zip(taken, record.e_p_signal, strict=True):
                skipped = len(signal) * (first - begin) // (last - begin)
                signals[column] = signal[skipped:] * self.factors[column]
        return [signals.get(column) for column in columns]


@dataclass(frozen=True)
class WfdbSource:
    """The ECG leads of a WFDB record; see ``recording_files.Source``.

    Attributes
    ----------
    samples_per_frame
        Samples per lead and frame.
    segments
        The segments that follow each other; ``None`` in place of one where nothing was recorded.
    ends
        Shape ``(segments,)``: the frame before which each ends.
    """

    sampling_rate_hz: Fraction
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    samples_per_frame: int
    segments: tuple[_Segment | None, ...] = field(repr=False)
    ends: np.ndarray = field(repr=False)

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
            begin = int(self.ends[index - 1]) if index else 0
            if begin >= last:
                break
            segment = self.segments[index]
            if segment is None:
                continue
            low, high = max(first, begin), min(last, int(self.ends[index]))
            place = slice((low - first) * self.samples_per_frame, (high - first) * self.samples_per_frame)
            for position, signal in enumerate(segment.read(columns, low - begin, high - begin)):
                if signal is not None:
                    block[place, position] = signal
        block[np.isinf(block)] = np.nan  # a gain next to nothing
        return block


def header_of(path: Path) -> Path | None:
    """Find the WFDB header that a path with or without extension means; ``None`` if there is none."""
    if not path.name:
        return None
    candidates = (path, path.with_name(path.name + ".hea"), path.with_suffix(".hea"))
    return next((header for header in candidates if header.suffix == ".hea" and header.is_file()), None)


def open_wfdb(header_file: Path) -> WfdbSource:
    """Open a WFDB record by its header.

    Raises
    ------
    UserError
        When a file is missing or damaged, or no channel is an ECG lead.
    """
    header = _read_header(header_file)
    if not isinstance(header, wfdb.MultiRecord):
        return _source(header_file, header, header, [_Part(header_file, header, _frames_of(header_file, header))])
    parts = [
        _Part(header_file.with_name(f"{name}.hea"), _segment_header(header_file, name), frames)
        for name, frames in zip(header.seg_name, header.seg_len, strict=True)
    ]
    described = [part for part in parts if part.header is not None]
    if not described or min(header.seg_len) < 0:
        raise UserError(f"{header_file}: describes no segment with signals; {_COPY}")
    for part in parts:
        if part.header is None and part.frames > _LONGEST_GAP_S * header.fs:
            hours = part.frames / header.fs / 3600
            raise UserError(f"{header_file}: has a gap of {hours:.0f} h; make a record of what is before and after it")
    # The first segment of a variable layout has no samples: it lists all channels that occur.
    recorded = [part for part in parts if part.frames > 0]
    for part in recorded:
        if part.header is not None and _frames_of(part.path, part.header) < part.frames:
            raise UserError(f"{part.path}: is shorter than the {part.frames} samples that {header_file} says; {_COPY}")
    return _source(header_file, header, described[0].header, recorded)


@dataclass(frozen=True)
class _Part:
    path: Path
    header: wfdb.Record | None
    frames: int


def _source(
    path: Path, header: wfdb.Record | wfdb.MultiRecord, layout: wfdb.Record, parts: Sequence[_Part]
) -> WfdbSource:
    if not 0 < header.fs < np.inf:
        raise UserError(f"{path}: the sampling rate is {header.fs} Hz; {_COPY}")
    frame_rate_hz = Fraction(str(header.fs))
    channels = [
        Channel(name or "", unit or "mV", frame_rate_hz * (count or 1))  # no unit means millivolts, says the standard
        for name, unit, count in zip(layout.sig_name, layout.units, layout.samps_per_frame, strict=True)
    ]
    kept, notes = choose_ecg(channels, path)
    samples_per_frame = layout.samps_per_frame[kept[0]] or 1
    by_name = isinstance(header, wfdb.MultiRecord) and header.layout == "variable"
    wanted = [layout.sig_name[index] for index in kept]
    segments = [
        None
        if part.header is None
        else _segment(part.path, part.header, kept, wanted if by_name else None, samples_per_frame)
        for part in parts
    ]
    return WfdbSource(
        channels[kept[0]].sampling_rate_hz.limit_denominator(1000),
        distinct([channels[index].label for index in kept]),
        tuple(notes),
        samples_per_frame,
        tuple(segments),
        np.cumsum([part.frames for part in parts], dtype=np.int64),
    )


def _segment(
    path: Path, header: wfdb.Record, kept: Sequence[int], names: Sequence[str] | None, samples_per_frame: int
) -> _Segment:
    where: list[int | None] = list(kept)
    if names is not None:  # of a variable layout, where each segment has its own channels
        there = list(header.sig_name)
        where = [there.index(name) if name in there else None for name in names]
    present = [index for index in where if index is not None]
    if any(index >= header.n_sig or (header.samps_per_frame[index] or 1) != samples_per_frame for index in present):
        raise UserError(f"{path}: has other channels or sampling rates than the record that it is part of; {_COPY}")
    units = {index: millivolts_per(header.units[index] or "mV") for index in present}
    return _Segment(
        path.with_suffix(""),
        tuple(index if index is not None and units[index] is not None else None for index in where),
        tuple(1.0 if index is None else units[index] or 1.0 for index in where),
        any(header.fmt[index] == "8" for index in present),
    )


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{path}: cannot be read: {error}; {_COPY}") from None


def _read_header(path: Path) -> wfdb.Record | wfdb.MultiRecord:
    if not path.is_file():
        raise UserError(f"{path}: is missing, and the record needs it; {_COPY}")
    header = _guarded(path, lambda: wfdb.rdheader(str(path.with_suffix(""))))
    if isinstance(header, wfdb.Record) and len(header.file_name or []) != (header.n_sig or 0):
        described = len(header.file_name or [])
        raise UserError(f"{path}: promises {header.n_sig} signals and describes {described}; {_COPY}")
    if not header.n_sig:
        raise UserError(f"{path}: describes no signal; {_COPY}")
    return header


def _segment_header(record: Path, name: str) -> wfdb.Record | None:
    if name == _NULL:
        return None
    path = record.with_name(f"{name}.hea")
    header = _read_header(path)
    if isinstance(header, wfdb.MultiRecord):
        raise UserError(f"{path}: is a segment of {record} and consists of segments itself; {_COPY}")
    return header


def _frames_of(path: Path, header: wfdb.Record) -> int:
    """Count the frames of a record, and check that its signal files hold them."""
    for name in dict.fromkeys(header.file_name):
        signals = path.with_name(name)
        if not signals.is_file():
            raise UserError(f"{signals}: is missing, and {path} names it; {_COPY}")
        bits = bits_per_frame(header, name)
        size = signals.stat().st_size - (header.byte_offset[header.file_name.index(name)] or 0)
        if header.sig_len is None:  # which the format allows, and wfdb reads only whole
            told = f" ({size * 8 // bits}, by the size of {signals.name})" if bits else ""
            raise UserError(
                f"{path}: does not say how many samples it has; write their number{told} behind the sampling rate in "
                "its first line"
            )
        if size < header.sig_len * bits // 8:
            raise UserError(
                f"{signals}: is truncated: {path} promises {header.sig_len * bits // 8} bytes of samples, the file has "
                f"{size}; {_COPY}"
            )
    if max(skew or 0 for skew in header.skew) > header.sig_len:
        raise UserError(f"{path}: shifts a channel by more samples than it has; {_COPY}")
    return int(header.sig_len)
