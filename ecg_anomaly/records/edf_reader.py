"""EDF, EDF+, BDF and BDF+ files, read block by block.

The files are parsed by edfio, a few data records at a time: it reads EDF lazily but a BDF file only whole.
Format: https://www.edfplus.info/specs/edfplus.html
"""

from __future__ import annotations

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
from ecg_anomaly.records.channels import Channel, choose_ecg, distinct, lead_name, looks_like_ecg, millivolts_per
from ecg_anomaly.records.checks import LONGEST_GAP_S, check_gap

_COPY = "copy or export the recording again"
_HEADER_BYTES = 256  # of the file, and again of each signal
_ONSET = re.compile(rb"[+-]\d{1,12}(\.\d{1,12})?")
_SHORTEST_RECORD_S = Fraction(1, 10_000)


@dataclass(frozen=True)
class EdfSource:
    """The ECG leads of an EDF or BDF file; see `recording.RecordingFile`."""

    path: Path
    sampling_rate_hz: Fraction
    leads: tuple[str, ...]
    notes: tuple[str, ...]
    header: bytes = field(repr=False)
    record_bytes: int  # size of a data record
    starts: np.ndarray = field(repr=False)  # shape (data records,): the sample at which each begins
    samples_per_record: int  # per lead and data record
    signals: tuple[int, ...]  # which of the ordinary signals of the file the leads are
    factors: tuple[float, ...]  # millivolts per unit of each lead

    @property
    def samples(self) -> int:
        """Samples per lead."""
        return int(self.starts[-1]) + self.samples_per_record

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some leads, in millivolts, of shape ``(length, columns)``, the last shorter."""
        for start in range(0, self.samples, length):
            stop = min(start + length, self.samples)
            block = np.full((stop - start, len(columns)), np.nan)
            first = int(np.searchsorted(self.starts, start - self.samples_per_record, side="right"))
            last = int(np.searchsorted(self.starts, stop, side="left"))
            if first < last:
                positions = self.starts[first:last, np.newaxis] + np.arange(self.samples_per_record) - start
                inside = (positions >= 0) & (positions < len(block))
                block[positions[inside]] = self._records(columns, first, last)[inside.ravel()]
            yield block

    def _records(self, columns: Sequence[int], first: int, last: int) -> np.ndarray:
        expected = (last - first) * self.record_bytes
        try:
            with self.path.open("rb") as file:
                file.seek(len(self.header) + first * self.record_bytes)
                body = file.read(expected)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}; {_COPY}") from None
        if len(body) < expected:
            raise UserError(f"{self.path}: has become shorter while it was read; {_COPY}")
        signals = _parse(self.path, self.header, body).signals
        return np.stack([signals[self.signals[column]].data * self.factors[column] for column in columns], axis=1)


def open_edf(path: Path) -> EdfSource:
    """Open an EDF, EDF+, BDF or BDF+ file; errors as for `recording.open_recording`."""
    header = _read_header(path)
    record_bytes, timekeeping = _layout(path, header)
    edf = _parse(path, header, b"")
    duration_s = Fraction(str(edf.data_record_duration))
    if not _SHORTEST_RECORD_S <= duration_s <= LONGEST_GAP_S:
        raise UserError(f"{path}: its data records last {float(duration_s):g} s; {_COPY}")
    channels, guesses = _channels(edf, duration_s)
    kept, notes = choose_ecg(channels, path)
    rate_hz = channels[kept[0]].sampling_rate_hz.limit_denominator(1000)
    records, surplus = _count_records(path, header, record_bytes)
    samples_per_record = edf.signals[kept[0]].samples_per_data_record
    starts = np.arange(records) * samples_per_record
    if header[192:197] in (b"EDF+D", b"BDF+D"):
        if timekeeping is None:
            raise UserError(f"{path}: says that it has gaps (EDF+D), and not where; export it as EDF+C")
        onsets_s = _onsets(path, range(len(header), len(header) + records * record_bytes, record_bytes), timekeeping)
        starts, gaps = _starts(path, onsets_s, duration_s, samples_per_record)
        notes += gaps
    names = distinct([lead_name(channels[index].label) for index in kept])
    factors = tuple(millivolts_per(channels[index].unit) or 1.0 for index in kept)
    notes = [*guesses, *notes, *surplus]
    return EdfSource(
        path, rate_hz, names, tuple(notes), header, record_bytes, starts, samples_per_record, tuple(kept), factors
    )


def _read_header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            fixed = file.read(_HEADER_BYTES)
            signals = int(fixed[252:256])
            header = fixed + file.read(_HEADER_BYTES * max(0, signals))
            promised = int(fixed[184:192])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is no EDF or BDF file: {error}; {_COPY}") from None
    if fixed[:8].strip() not in (b"0", b"\xffBIOSEMI"):
        raise UserError(f"{path}: is no EDF or BDF file, it does not begin as one; {_COPY}")
    if len(header) != promised or signals < 1:
        raise UserError(
            f"{path}: its header is damaged: it promises {promised} bytes for {signals} signals, and {len(header)} are "
            f"there; {_COPY}"
        )
    return header


def _is_bdf(header: bytes) -> bool:
    return header.startswith(b"\xff")


def _parse(path: Path, header: bytes, body: bytes) -> edfio.Edf | edfio.Bdf:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the header promises more data records than these
            read = edfio.read_bdf if _is_bdf(header) else edfio.read_edf
            # Not ASCII, which the standard demands: devices write a micro sign.
            return read(header + body, header_encoding="latin-1")
    except Exception as error:  # edfio lets what a damaged file provokes through as it comes
        raise UserError(f"{path}: cannot be read: {error}; {_COPY}") from None


def _layout(path: Path, header: bytes) -> tuple[int, slice | None]:
    """Find the size of a data record, and the bytes of it that tell when it begins."""
    # edfio keeps to itself where the annotations lie; the fields are of fixed width, signal after signal.
    signals = len(header) // _HEADER_BYTES - 1
    labels = [header[_HEADER_BYTES + 16 * index :][:16].decode("latin-1").strip() for index in range(signals)]
    counts = [header[_HEADER_BYTES + 216 * signals + 8 * index :][:8] for index in range(signals)]
    try:
        samples = [int(count) for count in counts]
    except ValueError as error:
        raise UserError(f"{path}: its header is damaged: {error}; {_COPY}") from None
    if min(samples) < 0 or not any(samples):
        raise UserError(f"{path}: its header is damaged: its data records hold {samples} samples; {_COPY}")
    ends = np.cumsum([0, *samples]) * (3 if _is_bdf(header) else 2)
    annotated = next((i for i, label in enumerate(labels) if label in ("EDF Annotations", "BDF Annotations")), None)
    return int(ends[-1]), None if annotated is None else slice(int(ends[annotated]), int(ends[annotated + 1]))


def _channels(edf: edfio.Edf | edfio.Bdf, duration_s: Fraction) -> tuple[list[Channel], list[str]]:
    channels, guesses = [], []
    for signal in edf.signals:
        unit = signal.physical_dimension
        if not unit.strip() and looks_like_ecg(signal.label):
            unit = "mV"
            guesses.append(f"channel {signal.label} has no unit and is taken to be in millivolts")
        rate_hz = signal.samples_per_data_record / duration_s
        channels.append(Channel(signal.label, unit, rate_hz, _fault(signal)))
    return channels, guesses


def _fault(signal: edfio.EdfSignal | edfio.BdfSignal) -> str:
    try:
        limits = (signal.physical_min, signal.physical_max, signal.digital_min, signal.digital_max)
    except ValueError:
        return "its range in the header is no number"
    if not all(map(math.isfinite, limits)) or limits[0] == limits[1] or limits[2] == limits[3]:
        return "its range in the header is empty, so that its unit is unknown"
    return "" if signal.samples_per_data_record else "it has no samples"


def _count_records(path: Path, header: bytes, record_bytes: int) -> tuple[int, list[str]]:
    data_bytes = path.stat().st_size - len(header)
    records = data_bytes // record_bytes
    promised = int(header[236:244])
    if promised == -1:  # the recorder did not come to write the number
        promised = records
    if promised < 1 or records < promised:
        raise UserError(
            f"{path}: is {'truncated' if promised > 0 else 'without samples'}: its header promises {promised} data "
            f"records of {record_bytes} bytes, and {data_bytes} bytes are there; {_COPY}"
        )
    surplus = data_bytes - promised * record_bytes
    return promised, [f"{surplus} bytes after the last data record were left out"] if surplus else []


def _onsets(path: Path, records: Sequence[int], where: slice) -> np.ndarray:
    """Read when each data record begins, in seconds, from the first annotation in it: ``+12.5``, then byte 20."""
    onsets = []
    with path.open("rb") as file:
        for number, begin in enumerate(records, start=1):
            file.seek(begin + where.start)
            text = file.read(where.stop - where.start).split(b"\x14")[0]
            if not _ONSET.fullmatch(text):
                raise UserError(f"{path}: data record {number} does not say when it begins; {_COPY}")
            onsets.append(float(text))
    return np.array(onsets)


def _starts(
    path: Path, onsets_s: np.ndarray, duration_s: Fraction, samples_per_record: int
) -> tuple[np.ndarray, list[str]]:
    """Place data records on the samples that their onsets say, with gaps between them."""
    gaps_s = np.diff(onsets_s) - float(duration_s)
    # Clocks jitter: less than a sample is no gap.
    gaps = np.rint(gaps_s * samples_per_record / float(duration_s)).astype(np.int64)
    if np.any(gaps < 0):
        record = int(np.argmax(gaps < 0)) + 2
        raise UserError(f"{path}: data record {record} begins before the one before it ends; {_COPY}")
    if len(gaps_s):
        check_gap(gaps_s.max(), path, f"data record {int(gaps_s.argmax()) + 2}")
    starts = np.concatenate([[0], np.cumsum(gaps + samples_per_record)])
    if not gaps.any():
        return starts, []
    total_s = gaps.sum() * float(duration_s) / samples_per_record
    return starts, [f"{np.count_nonzero(gaps)} gaps, {total_s:.1f} s together, are missing signal"]
