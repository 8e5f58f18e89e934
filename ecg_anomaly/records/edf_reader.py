"""EDF, EDF+, BDF and BDF+ files, read block by block.

The files are parsed by edfio, a few data records at a time: it reads EDF lazily but a BDF file only whole.
Format: https://www.edfplus.info/specs/edfplus.html
"""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import edfio
import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import COPY, LONGEST_GAP_S, check_gap, check_missing, damaged
from ecg_anomaly.records.edf_header import DURATION, HEADER_BYTES, count_records, is_bdf, read_header, read_start
from ecg_anomaly.records.start_times import later
from ecg_anomaly.words import StartTime, count_text

_ONSET = re.compile(rb"[+-]\d{1,12}(\.\d{1,12})?")
_SHORTEST_RECORD_S = Fraction(1, 10_000)


@dataclass(frozen=True)
class EdfSource:
    """The ordinary signals of an EDF or BDF file; see `source.Source`."""

    path: Path
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    start_time: StartTime | None
    header: bytes = field(repr=False)
    record_bytes: int  # size of a data record
    samples_per_record: tuple[int, ...]  # of each channel
    gaps_s: np.ndarray = field(repr=False)  # shape (data records,): how long nothing was recorded before each

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        per_record, samples = self.samples_per_record[columns[0]], self.channels[columns[0]].samples
        starts = _starts(self.gaps_s, per_record, self.channels[columns[0]].sampling_rate_hz)
        for start in range(0, samples, length):
            block = np.full((min(length, samples - start), len(columns)), np.nan)
            self._fill(block, columns, start, starts)
            yield block

    def _fill(self, block: np.ndarray, columns: Sequence[int], start: int, starts: np.ndarray) -> None:
        """Put the data records, which begin at ``starts``, into a block that begins at ``start``."""
        per_record = self.samples_per_record[columns[0]]
        first = int(np.searchsorted(starts, start - per_record, side="right"))
        last = int(np.searchsorted(starts, start + len(block), side="left"))
        if first >= last:
            return
        values = self._records(columns, first, last)
        joints = 1 + np.flatnonzero(np.diff(starts[first:last]) != per_record)  # what follows a gap
        for begin, end in itertools.pairwise([0, *joints.tolist(), last - first]):
            place = int(starts[first + begin]) - start
            kept = values[begin * per_record + max(0, -place) : end * per_record][: len(block) - max(0, place)]
            block[max(0, place) : max(0, place) + len(kept)] = kept

    def _records(self, columns: Sequence[int], first: int, last: int) -> np.ndarray:
        expected = (last - first) * self.record_bytes
        try:
            with self.path.open("rb") as file:
                file.seek(len(self.header) + first * self.record_bytes)
                body = file.read(expected)
        except OSError as error:
            raise damaged(self.path, error.strerror) from None
        if len(body) < expected:
            raise UserError(f"{self.path}: has become shorter while it was read; {COPY}")
        signals = _parse(self.path, self.header, body).signals
        return np.stack([signals[column].data for column in columns], axis=1)


def open_edf(path: Path) -> EdfSource:
    """Open an EDF, EDF+, BDF or BDF+ file; errors as for `recording.open_recording`."""
    header, mended = read_header(path)
    record_bytes, timekeeping = _layout(path, header)
    duration_s = _duration_s(path, header)
    edf = _parse(path, header, b"")
    records, told = count_records(path, header, record_bytes)
    gaps_s, notes = np.zeros(records), [*mended, *told]
    start = read_start(header)
    if header[192:197] in (b"EDF+D", b"BDF+D"):
        if timekeeping is None:
            raise UserError(f"{path}: says that it has gaps (EDF+D), and not where; export it as EDF+C")
        onsets_s = _onsets(path, range(len(header), len(header) + records * record_bytes, record_bytes), timekeeping)
        start = later(start, max(0.0, float(onsets_s[0])) if np.isfinite(onsets_s[0]) else 0.0)
        most = max((signal.samples_per_data_record for signal in edf.signals), default=1)
        gaps_s, told = _gaps(path, onsets_s, duration_s, most)
        notes += told
    channels = tuple(_channel(signal, duration_s, gaps_s) for signal in edf.signals)
    per_record = tuple(signal.samples_per_data_record for signal in edf.signals)
    return EdfSource(path, channels, tuple(notes), start, header, record_bytes, per_record, gaps_s)


def _parse(path: Path, header: bytes, body: bytes) -> edfio.Edf | edfio.Bdf:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the header promises more data records than these
            read = edfio.read_bdf if is_bdf(header) else edfio.read_edf
            # Not ASCII, which the standard demands: devices write a micro sign.
            return read(header + body, header_encoding="latin-1")
    except Exception as error:  # edfio lets what a damaged file provokes through as it comes
        raise damaged(path, error) from None


def _layout(path: Path, header: bytes) -> tuple[int, slice | None]:
    """Find the size of a data record, and the bytes of it that tell when it begins."""
    # edfio keeps to itself where the annotations lie; the fields are of fixed width, signal after signal.
    signals = len(header) // HEADER_BYTES - 1
    labels = [header[HEADER_BYTES + 16 * index :][:16].decode("latin-1").strip() for index in range(signals)]
    counts = [header[HEADER_BYTES + 216 * signals + 8 * index :][:8] for index in range(signals)]
    try:
        samples = [int(count) for count in counts]
    except ValueError as error:
        raise UserError(f"{path}: its header is damaged: {error}; {COPY}") from None
    if min(samples) < 0 or not any(samples):
        raise UserError(f"{path}: its header is damaged: its data records hold {samples} samples; {COPY}")
    ends = np.cumsum([0, *samples]) * (3 if is_bdf(header) else 2)
    annotated = next((i for i, label in enumerate(labels) if label in ("EDF Annotations", "BDF Annotations")), None)
    return int(ends[-1]), None if annotated is None else slice(int(ends[annotated]), int(ends[annotated + 1]))


def _duration_s(path: Path, header: bytes) -> Fraction:
    """Read how long a data record lasts, which edfio does not check."""
    text = header[DURATION].decode("latin-1").strip()
    try:
        duration_s = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise UserError(f"{path}: its data records last {text!r} s, which is no number; {COPY}") from None
    if not _SHORTEST_RECORD_S <= duration_s <= LONGEST_GAP_S:
        raise UserError(f"{path}: its data records last {float(duration_s):g} s; {COPY}")
    return duration_s


def _channel(signal: edfio.EdfSignal | edfio.BdfSignal, duration_s: Fraction, gaps_s: np.ndarray) -> Channel:
    per_record, fault = signal.samples_per_data_record, _fault(signal)
    rate_hz = (per_record / duration_s).limit_denominator(1000)
    samples = int(_starts(gaps_s, per_record, rate_hz)[-1]) + per_record if per_record else 0
    return Channel(signal.label, signal.physical_dimension, rate_hz, samples, fault)


def _fault(signal: edfio.EdfSignal | edfio.BdfSignal) -> str:
    try:
        limits = (signal.physical_min, signal.physical_max, signal.digital_min, signal.digital_max)
    except ValueError:
        return "its range in the header is no number"
    if not all(map(math.isfinite, limits)) or limits[0] == limits[1] or limits[2] == limits[3]:
        return "its range in the header is empty, so that its unit is unknown"
    return "" if signal.samples_per_data_record else "it has no samples"


def _onsets(path: Path, records: Sequence[int], where: slice) -> np.ndarray:
    """Read when each data record begins, in seconds, from the first annotation in it: ``+12.5``, then byte 20.

    NaN where it does not say.
    """
    onsets = []
    with path.open("rb") as file:
        for begin in records:
            file.seek(begin + where.start)
            text = file.read(where.stop - where.start).split(b"\x14")[0]
            onsets.append(float(text) if _ONSET.fullmatch(text) else math.nan)
    return np.array(onsets)


def _gaps(path: Path, onsets_s: np.ndarray, duration_s: Fraction, most_samples: int) -> tuple[np.ndarray, list[str]]:
    """Find how long nothing was recorded before each data record; less than a sample is the jitter of a clock."""
    onsets_s, notes = _complete(path, onsets_s, float(duration_s))
    gaps_s = np.diff(onsets_s, prepend=onsets_s[0] - float(duration_s)) - float(duration_s)
    sample_s = float(duration_s) / max(1, most_samples)
    gaps_s[np.abs(gaps_s) < sample_s / 2] = 0
    if np.any(gaps_s <= -float(duration_s)):
        record = int(np.argmax(gaps_s <= -float(duration_s))) + 1
        raise UserError(f"{path}: data record {record} begins before the one before it ends; {COPY}")
    if early := int(np.sum(gaps_s < 0)):
        notes.append(
            f"{count_text(early, 'data record')} up to {-gaps_s.min():.3f} s too early: put behind the one before"
        )
        gaps_s = np.maximum(gaps_s, 0)
    longest_s, where = float(gaps_s.max()), f"data record {int(gaps_s.argmax()) + 1}"
    check_gap(longest_s, path, where)
    check_missing(float(gaps_s.sum()), len(gaps_s) * float(duration_s), longest_s, path, where)
    if gaps_s.any():
        notes.append(
            f"missing signal: {count_text(int(np.count_nonzero(gaps_s)), 'gap')}, {gaps_s.sum():.1f} s together"
        )
    return gaps_s, notes


def _complete(path: Path, onsets_s: np.ndarray, duration_s: float) -> tuple[np.ndarray, list[str]]:
    """Take data records that do not say when they begin to follow the one before; the gap comes before the next."""
    said, records = np.flatnonzero(np.isfinite(onsets_s)), np.arange(len(onsets_s))
    if not len(said):
        raise UserError(f"{path}: no data record says when it begins; {COPY}")
    if len(said) == len(records):
        return onsets_s, []
    last = said[np.maximum(np.searchsorted(said, records, side="right") - 1, 0)]
    silent = count_text(len(records) - len(said), "data record")
    return onsets_s[last] + (records - last) * duration_s, [f"{silent} without a time: put behind the one before"]


def _starts(gaps_s: np.ndarray, per_record: int, rate_hz: Fraction) -> np.ndarray:
    """Place the data records on the samples of a channel, with gaps between them."""
    ahead = np.rint(gaps_s * float(rate_hz)).astype(np.int64) + per_record
    return np.cumsum(ahead) - per_record
