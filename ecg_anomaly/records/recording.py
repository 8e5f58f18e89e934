"""The one way from a file to samples: recordings of any kind, read block by block or whole."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError, harmless
from ecg_anomaly.records import kinds
from ecg_anomaly.records.channels import choose_ecg, find_leads
from ecg_anomaly.records.checks import check_asked_rate, check_file, check_sampling_rate
from ecg_anomaly.records.devices.biopac_reader import open_biopac
from ecg_anomaly.records.devices.clinical_reader import open_clinical
from ecg_anomaly.records.devices.ishne_reader import open_ishne
from ecg_anomaly.records.devices.opensignals_reader import open_opensignals
from ecg_anomaly.records.devices.xdf_reader import open_xdf
from ecg_anomaly.records.edf_reader import open_edf
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.tables.reader import open_csv
from ecg_anomaly.records.wfdb_reader import files_of, header_of, open_wfdb
from ecg_anomaly.words import StartTime

_SHORTEST_S = 1.0  # no shorter recording holds a beat
_BLOCK_S = 3600.0
_HELPFUL_NOTES = 2
_FIRST_LOOK_S = 60.0

_READERS: Mapping[str, Callable[[Path], Source]] = {  # of a table, the sampling rate can be given
    kinds.EDF: open_edf,
    kinds.ISHNE: open_ishne,
    kinds.BIOPAC: open_biopac,
    kinds.HDF5: open_opensignals,
    kinds.XDF: open_xdf,
    **{kind: functools.partial(open_clinical, kind=kind) for kind in kinds.CLINICAL},
}


@dataclass(frozen=True)
class Recording:
    """Signals in memory."""

    name: str  # of a record: database/name
    sampling_rate_hz: Fraction
    leads: tuple[str, ...]  # names, in the order of signals_mv
    signals_mv: np.ndarray  # shape (samples, leads), in millivolts; NaN where a sample is missing
    notes: tuple[str, ...] = ()  # what was guessed, repaired or left out

    def blocks(self, seconds: float) -> Iterator[np.ndarray]:
        """Give the signals as `RecordingFile.blocks` does."""
        length = max(1, round(seconds * self.sampling_rate_hz))
        for first in range(0, len(self.signals_mv), length):
            yield self.signals_mv[first : first + length]


@dataclass(frozen=True)
class RecordingFile:
    """A recording on disk that is read in blocks, so that its length does not matter."""

    name: str  # what outputs are called after: the name of the file without folder and extension
    path: Path
    sampling_rate_hz: Fraction
    leads: tuple[str, ...]  # names, each once, in the order of the file
    samples: int  # per lead
    notes: tuple[str, ...]  # what the user should know: channels that were left out, gaps, guesses
    source: Source = field(repr=False, compare=False)
    asked: tuple[str, ...]  # which of the leads were asked for, in that order
    channels: tuple[int, ...] = field(repr=False)  # which of the source's channels the leads are
    factors_mv: tuple[float, ...] = field(repr=False)  # millivolts per unit of each

    @property
    def start_time(self) -> StartTime | None:
        """When the first sample was taken; a time alone where the day is not known, ``None`` where neither is."""
        return self.source.start_time

    def blocks(self, seconds: float) -> Iterator[np.ndarray]:
        """Read the signals from the start, in blocks of so many seconds; the last one may be shorter.

        Yields
        ------
        ndarray
            Shape ``(samples, leads)``, float64, in millivolts; NaN where a sample is missing.

        Raises
        ------
        UserError
            When the file turns out to be damaged.
        """
        for block in self.source.blocks(self.channels, max(1, round(seconds * self.sampling_rate_hz))):
            if set(self.factors_mv) != {1.0}:
                np.multiply(block, self.factors_mv, out=block)
            yield block

    def read(self) -> np.ndarray:
        """Read all signals: as `blocks` yields them, in one array."""
        blocks = list(self.blocks(_BLOCK_S))
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def chosen(self, leads: Sequence[str]) -> RecordingFile:
        """Take some of the leads, in this order, whatever their case.

        Raises
        ------
        UserError
            When no lead is named, one is named twice, or one is not in the recording.
        """
        taken = find_leads(self.leads, leads, self.path)
        return dataclasses.replace(
            self,
            leads=tuple(self.leads[position] for position in taken),
            channels=tuple(self.channels[position] for position in taken),
            factors_mv=tuple(self.factors_mv[position] for position in taken),
        )


def open_recording(
    path: str | Path,
    sampling_rate_hz: float | None = None,
    gain: float | None = None,
    leads: Sequence[str] = (),
    with_others: bool = False,
) -> RecordingFile:
    """Open a recording of any kind that is known, and check it.

    Parameters
    ----------
    path
        A WFDB record with or without extension (``mitdb/100``, ``mitdb/100.hea``, ``mitdb/100.dat``), or a file of one
        of the other kinds that `kinds.kind_of` tells apart.
    sampling_rate_hz
        Samples per second, for a table without a time column.
    gain
        Units per millivolt, of channels whose unit is no voltage.
    leads
        Names of the channels to take, whatever they hold; empty: those that may be leads, see `channels.choose_ecg`.
    with_others
        Whether other leads come along where some are asked for.

    Raises
    ------
    UserError
        When a file of the recording is not there, is damaged or cannot be understood, when it holds no ECG lead or no
        signal, when nothing tells its sampling rate, or an option contradicts the file.
    """
    for option, value in (("--sampling-rate", sampling_rate_hz), ("--gain", gain)):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise UserError(f"{option} is {value:g}; give a number above 0")
    path = Path(path)
    source = _open_source(path, sampling_rate_hz)
    recording = recording_of(source, recording_name(path), path, gain, leads, with_others)
    check_asked_rate(sampling_rate_hz, recording.sampling_rate_hz, path, "what it says itself", "the file")
    return recording


def recording_of(
    source: Source, name: str, path: Path, gain: float | None, leads: Sequence[str], with_others: bool
) -> RecordingFile:
    """Choose the leads of a source that is open, as `open_recording` does, and check it; ``path`` is for messages."""
    try:
        chosen = choose_ecg(source.channels, path, leads, gain, with_others)
    except UserError as error:  # what the file says of itself may help
        raise UserError("; ".join([str(error), *source.notes[:_HELPFUL_NOTES]])) from None
    first = source.channels[chosen.channels[0]]
    notes = tuple(map(harmless, (*source.notes, *chosen.notes)))
    described = first.sampling_rate_hz, chosen.names, first.samples, notes
    recording = RecordingFile(name, path, *described, source, chosen.asked, chosen.channels, chosen.factors_mv)
    _check(recording)
    return recording


def recording_name(path: Path) -> str:
    """Name a recording by its file, without folder and extension; a WFDB record may be given without one."""
    return (_header_of(path) or path).stem


def files_of_recording(path: Path) -> list[Path]:
    """List the files that a recording consists of, as far as they are there.

    Raises
    ------
    UserError
        When a WFDB header cannot be read.
    """
    header = _header_of(path)
    return [file for file in ([path] if header is None else files_of(header)) if file.is_file()]


def _header_of(path: Path) -> Path | None:
    # Signals of WFDB may begin as anything, so that a header decides; but not beside a file that is named otherwise.
    return None if path.suffix.lower() in kinds.NO_WFDB_SUFFIXES else header_of(path)


def _open_source(path: Path, sampling_rate_hz: float | None) -> Source:
    suffix = path.suffix.lower()
    header = _header_of(path)
    if header is None and not path.exists() and not suffix:
        raise UserError(f"{path}: is not there, nor is a WFDB header {path}.hea; check the path")
    absent = UserError(f"{path}: the WFDB header {path.with_suffix('.hea')} is not there; put it beside its signals")
    if header is None and suffix in (".hea", ".dat") and not path.exists():
        raise absent
    check_file(header or path)
    if header is not None:
        return open_wfdb(header)
    kind = kinds.kind_of(path)
    if kind == kinds.WFDB:
        raise absent
    return open_csv(path, sampling_rate_hz) if kind == kinds.TABLE else _READERS[kind](path)


def _check(recording: RecordingFile) -> None:
    path = recording.path
    rate_hz = float(recording.sampling_rate_hz)
    check_sampling_rate(rate_hz, path)
    if recording.samples < _SHORTEST_S * rate_hz:
        raise UserError(
            f"{path}: is shorter than {_SHORTEST_S:g} s ({recording.samples} samples at {rate_hz:g} Hz); "
            "give a longer recording"
        )
    if not any(np.isfinite(block).any() for block in recording.blocks(_FIRST_LOOK_S)):
        raise UserError(f"{path}: holds no signal, all samples are missing; check how it was exported")
