"""Records on disk: where they lie, what their files say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import wfdb

from ecg_anomaly.errors import UserError

# The database of records that the project simulates; every result that rests on it says so.
SIMULATED_DATABASE = "simdb"

# Factors to millivolts; a channel in any other unit (blood pressure, respiration) is no lead.
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "v": 1e3}
_SHORTEST_S = 1.0  # no shorter record holds a beat
_REPLACE = "replace the files of the record, or leave it out of the splits"
# Of the formats with a fixed number of bits; a compressed file (508, 516, 524) may be of any size.
_BITS_PER_SAMPLE = {"8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12}


@dataclass(frozen=True)
class RecordFiles:
    """Where one record lies.

    Attributes
    ----------
    name
        ``database/name``, as users write it.
    folder
        The folder that holds the files of the record.
    annotator
        Extension of the annotation file.
    """

    name: str
    folder: Path
    annotator: str

    @property
    def stem(self) -> Path:
        """Path of the record's files without extension, as WFDB names a record."""
        return self.folder / self.name.rpartition("/")[2]

    @property
    def header(self) -> Path:
        """Path of the header file."""
        return self.stem.with_name(self.stem.name + ".hea")

    @property
    def annotations(self) -> Path:
        """Path of the annotation file."""
        return self.stem.with_name(f"{self.stem.name}.{self.annotator}")

    def missing(self) -> list[Path]:
        """List the files of the record that are not there, as far as its header tells."""
        try:
            signals = self.signals() if self.header.is_file() else [self.header]
        except UserError:
            signals = []  # a header that cannot be read is found, and its damage told when it is read
        return [path for path in [*signals, self.annotations] if not path.is_file()]

    def signals(self) -> list[Path]:
        """List the signal files that the header names, each once."""
        return [self.folder / name for name in dict.fromkeys(_read_header(self).file_name or [])]

    def all(self) -> list[Path]:
        """List all files of the record."""
        return [self.header, *self.signals(), self.annotations]


@dataclass(frozen=True)
class Recording:
    """Signals of one record.

    Attributes
    ----------
    name
        ``database/name``.
    sampling_rate_hz
        Samples per second of each lead.
    leads
        Names of the leads, in the order of ``signals_mv``.
    signals_mv
        Shape ``(samples, leads)``, in millivolts; NaN where a sample is missing.
    """

    name: str
    sampling_rate_hz: Fraction
    leads: tuple[str, ...]
    signals_mv: np.ndarray

    @property
    def samples(self) -> int:
        """Samples per lead."""
        return len(self.signals_mv)


class Sampled(Protocol):
    """A recording, of which only its length is asked for."""

    @property
    def samples(self) -> int:
        """Samples per lead."""


@dataclass(frozen=True)
class Annotations:
    """Annotations of one record.

    Attributes
    ----------
    samples
        Shape ``(annotations,)``: where each stands, in samples of the record, increasing.
    symbols
        Shape ``(annotations,)``: what each says, in WFDB's symbols.
    """

    samples: np.ndarray
    symbols: np.ndarray


def is_simulated(name: str) -> bool:
    """Tell whether a record, named ``database/name``, is simulated."""
    return name.partition("/")[0] == SIMULATED_DATABASE


def names_on_disk(database: str, folders: Iterable[Path]) -> list[str]:
    """List the records of a database that are on disk or in its ``RECORDS`` file, sorted by name."""
    names: set[str] = set()
    for folder in folders:
        listing = folder / database / "RECORDS"
        if listing.is_file():
            names.update(f"{database}/{line.strip()}" for line in _lines(listing) if line.strip())
        names.update(f"{database}/{header.stem}" for header in (folder / database).glob("*.hea"))
    return sorted(names)


def find_record(name: str, folders: Sequence[Path], annotator: str) -> RecordFiles | None:
    """Find the first folder that holds all files of a record; ``None`` if none does."""
    for folder in folders:
        files = RecordFiles(name, folder / Path(name).parent, annotator)
        if not files.missing():
            return files
    return None


def read_recording(files: RecordFiles) -> Recording:
    """Read the signals of a record.

    Raises
    ------
    UserError
        When a file is missing or damaged, or no channel is a lead in volts.
    """
    header = _read_header(files)
    _check_signal_size(files, header)
    try:
        record = wfdb.rdrecord(str(files.stem))
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{files.stem}: its signals cannot be read: {error}; {_REPLACE}") from None
    rate_hz = Fraction(record.fs).limit_denominator(1000)
    if rate_hz <= 0:
        raise UserError(f"{files.header}: the sampling rate is {record.fs} Hz; {_REPLACE}")
    if record.p_signal is None or len(record.p_signal) < _SHORTEST_S * rate_hz:
        raise UserError(f"{files.stem}: is shorter than {_SHORTEST_S:g} s; {_REPLACE}")
    factors = [MILLIVOLTS.get((unit or "mV").lower()) for unit in record.units]
    leads = [index for index, factor in enumerate(factors) if factor is not None]
    if not leads:
        raise UserError(f"{files.header}: no channel is in millivolts, but in {', '.join(record.units)}; is it an ECG?")
    signals_mv = record.p_signal[:, leads] * np.array([factors[index] for index in leads], dtype=float)
    names = tuple(record.sig_name[index] or f"lead {index + 1}" for index in leads)
    return Recording(files.name, rate_hz, names, signals_mv)


def read_annotations(files: RecordFiles, recording: Sampled) -> Annotations:
    """Read the annotations of a record.

    Raises
    ------
    UserError
        When the file is missing or damaged, or an annotation lies behind the end of the signals.
    """
    try:
        annotation = wfdb.rdann(str(files.stem), files.annotator)
    except FileNotFoundError:
        raise UserError(f"{files.annotations}: is missing; every record needs its annotations") from None
    except Exception as error:  # as above
        raise UserError(f"{files.annotations}: its annotations cannot be read: {error}; {_REPLACE}") from None
    samples = np.asarray(annotation.sample, dtype=np.int64)
    symbols = np.asarray(annotation.symbol, dtype=object)
    if np.any(np.diff(samples, prepend=0) < 0):
        raise UserError(f"{files.annotations}: its annotations do not follow each other in time; {_REPLACE}")
    length = recording.samples
    if len(samples) and samples[-1] >= length:
        raise UserError(
            f"{files.annotations}: the last annotation stands at sample {samples[-1]}, but {files.header} says that "
            f"the signals end at {length}; one of the two files is wrong, replace them"
        )
    return Annotations(samples, symbols)


def choose_leads(recording: Recording, preferred: Sequence[str], count: int) -> tuple[Recording, list[str]]:
    """Take the leads that beats are cut from.

    Parameters
    ----------
    recording
        All leads of a record.
    preferred
        Names of leads to take first, in this order, whatever their case; the others follow as in the header.
    count
        How many leads to take; a record may have fewer.

    Returns
    -------
    Recording
        The leads taken, best first.
    list of str
        Leads that were passed over because they hold no signal (constant, or all samples missing).

    Raises
    ------
    UserError
        When no lead holds a signal.
    """
    order = lead_order(recording.leads, preferred)
    alive = [lead for lead in order if _holds_signal(recording.signals_mv[:, lead])]
    if not alive:
        raise UserError(f"{recording.name}: no lead holds a signal, all samples are equal or missing")
    dead = [recording.leads[lead] for lead in order if lead not in alive]
    taken = alive[:count]
    names = tuple(recording.leads[lead] for lead in taken)
    chosen = Recording(recording.name, recording.sampling_rate_hz, names, recording.signals_mv[:, taken])
    return chosen, dead


def lead_order(names: Sequence[str], preferred: Sequence[str]) -> list[int]:
    """Order leads: those of ``preferred`` first, whatever their case, then the others as they come; gives indices."""
    rank = {name.lower(): position for position, name in enumerate(preferred)}
    return sorted(range(len(names)), key=lambda lead: rank.get(names[lead].lower(), len(rank)))


def bits_per_frame(header: wfdb.Record, signal_file: str) -> int:
    """Count the bits that the samples of one frame take in a signal file; 0 if the file is compressed."""
    channels = [index for index, name in enumerate(header.file_name) if name == signal_file]
    return sum(_BITS_PER_SAMPLE.get(header.fmt[index], 0) * (header.samps_per_frame[index] or 1) for index in channels)


def _holds_signal(lead_mv: np.ndarray) -> bool:
    valid = lead_mv[np.isfinite(lead_mv)]
    return bool(len(valid)) and bool(valid.min() < valid.max())


def _lines(listing: Path) -> list[str]:
    return listing.read_text(encoding="utf-8", errors="replace").splitlines()


def _read_header(files: RecordFiles) -> wfdb.Record:
    try:
        header = wfdb.rdheader(str(files.stem))
    except Exception as error:  # wfdb lets what a damaged header provokes through as it comes
        raise UserError(f"{files.header}: is not a WFDB header: {error}; {_REPLACE}") from None
    if isinstance(header, wfdb.MultiRecord):
        raise UserError(
            f"{files.header}: the record consists of several segments, which cannot be read; "
            "make one of them with WFDB's xform, or leave the record out of the splits"
        )
    if len(header.file_name or []) != header.n_sig:
        described = len(header.file_name or [])
        raise UserError(f"{files.header}: promises {header.n_sig} signals and describes {described}; {_REPLACE}")
    return header


def _check_signal_size(files: RecordFiles, header: wfdb.Record) -> None:
    # wfdb pads or misreads a signal file that is shorter than its header says; better to stop.
    for path in files.signals():
        if not path.is_file():
            raise UserError(f"{path}: is missing, and {files.header} names it")
        expected = (header.sig_len or 0) * bits_per_frame(header, path.name) // 8
        if path.stat().st_size < expected:
            raise UserError(
                f"{path}: is truncated: {files.header} promises {expected} bytes, the file has {path.stat().st_size}; "
                "delete it to download it again"
            )
