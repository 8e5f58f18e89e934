"""What a program holds as a signal, opened as a file is: arrays, tables, records of wfdb, recordings of MNE, paths."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
import pandas as pd
import wfdb

from ecg_anomaly import words
from ecg_anomaly.commandline import asked_leads
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.array_source import ArraySource, array_source
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_asked_rate
from ecg_anomaly.records.recording import RecordingFile, open_recording, recording_of
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.start_times import later, start_time
from ecg_anomaly.words import StartTime, is_number


class Raw(Protocol):
    """What is used of a ``Raw`` of MNE, which need not be installed."""

    info: Mapping[str, Any]
    ch_names: Sequence[str]
    n_times: int
    first_time: float
    filenames: Sequence[Any]
    get_channel_types: Callable[[], Sequence[str]]
    get_data: Callable[..., np.ndarray]


Signal: TypeAlias = "npt.ArrayLike | pd.DataFrame | pd.Series[Any] | str | os.PathLike[str] | wfdb.Record | Raw"

NAME = "signal"  # of what has no other

_MOST_LEADS = 64  # columns; more, and rows and columns were mixed up
_MILLIVOLTS, _VOLTS = "mV", "V"  # units; MNE gives all voltages in the second
_ECG = "ecg"  # types of channels of MNE, which takes all of an EDF file for EEG
_MAY_BE_ECG = ("eeg", "misc", "bio")


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a signal is to be read; fields as the arguments of `detector.Detector.analyse`."""

    sampling_rate_hz: float | None = None
    leads: tuple[str, ...] = ()
    gain: float | None = None
    start_time: StartTime | None = None

    @classmethod
    def of(
        cls,
        sampling_rate_hz: float | None,
        leads: Sequence[str] | str | None,
        gain: float | None,
        start_time: StartTime | None = None,
    ) -> Reading:
        """Check arguments.

        Raises
        ------
        UserError
            When a number is none above 0, a time is none, or a lead is named twice.
        """
        names = asked_leads(leads) if isinstance(leads, str) else tuple(str(name).strip() for name in leads or ())
        alike = [name.lower() for name in names]
        if twice := [name for name in names if alike.count(name.lower()) > 1]:
            raise UserError(f"leads= names {twice[0]} twice; name each lead once")
        if not isinstance(start_time, datetime | time | None):
            raise UserError(f"start_time is {start_time!r}; give a datetime, or a time where the day is not known")
        return cls(_positive(sampling_rate_hz, "sampling_rate_hz"), names, _positive(gain, "gain"), start_time)


def _positive(value: float | None, argument: str) -> float | None:
    if value is None:
        return None
    if not is_number(value) or not value > 0:
        raise UserError(f"{argument} is {value!r}; give a number above 0")
    return float(value)


def is_path(signal: object) -> TypeGuard[str | os.PathLike[str]]:
    """Tell whether a signal is the path of a file."""
    return isinstance(signal, str | os.PathLike)


def open_signal(signal: Signal, reading: Reading, name: str | None, lead_count: int) -> RecordingFile:
    """Open what `Detector.analyse` takes, with all leads that may be shown.

    Parameters
    ----------
    signal, name
        As for `Detector.analyse`.
    reading
        How it is to be read.
    lead_count
        How many leads the model takes: of an array with no more, each that is named is one, whatever its name.

    Raises
    ------
    UserError
        When it is none of what can be read, or cannot be analysed: with what to do.
    """
    if reading.start_time is not None and describes_itself(signal):
        raise UserError("start_time is for an array or a table; leave it out, a recording says when it starts")
    if is_path(signal):
        how = reading.sampling_rate_hz, reading.gain, reading.leads
        opened = open_recording(Path(signal).expanduser(), *how, with_others=True)
        return opened if name is None else dataclasses.replace(opened, name=name)
    source, own_name = _source_of(signal, reading)
    name = name or own_name
    named = not (describes_itself(signal) or isinstance(signal, pd.DataFrame))  # by leads=, which else chooses
    asked = () if named and len(reading.leads) > lead_count else reading.leads
    opened = recording_of(source, name, Path(name), reading.gain, asked, with_others=True)
    check_asked_rate(reading.sampling_rate_hz, opened.sampling_rate_hz, Path(name), "what it says itself", "it")
    return opened


def _source_of(signal: Any, reading: Reading) -> tuple[Source, str]:
    """Make a source of what is in memory, and give its name."""
    if isinstance(signal, wfdb.Record):
        return _of_record(signal), signal.record_name or NAME
    if _is_raw(signal):
        return RawSource(signal), _name_of(signal)
    if isinstance(signal, pd.DataFrame):
        return _of_table(signal, reading), NAME
    values = numbers_of(signal, NAME)
    _check_shape(values, reading.leads)
    names = reading.leads or [str(getattr(signal, "name", None) or "")] * values.shape[1]  # a Series has a name
    return _of_columns(names, list(values.T), reading), NAME


def _is_raw(signal: object) -> bool:
    """Tell whether this is a recording of MNE, which need not be installed."""
    return all(hasattr(signal, name) for name in ("info", "ch_names", "get_data", "first_time"))


def describes_itself(signal: object) -> bool:
    """Tell whether a signal says its sampling rate, units and start: an array or a table does not."""
    return is_path(signal) or isinstance(signal, wfdb.Record) or _is_raw(signal)


def numbers_of(values: Any, what: str) -> np.ndarray:
    """Take an array of numbers, of shape ``(samples, leads)``; of shape ``(samples,)``, they are those of one lead.

    ``what`` says what they are, for messages; missing values of a masked array become NaN.

    Raises
    ------
    UserError
        When they are no numbers, or have another number of dimensions.
    """
    try:
        masked = isinstance(values, np.ma.MaskedArray)
        array = np.ma.filled(values.astype(float), np.nan) if masked else np.asarray(values)
        if array.dtype == object:  # as a column of a table that holds None
            array = array.astype(float)
    except (ValueError, TypeError, RuntimeError):
        array = np.array(None)
    if array.dtype.kind not in "fiu" or array.ndim == 0:
        raise UserError(
            f"{what}: is no array of numbers ({type(values).__name__}); give one of shape (samples, leads) in "
            "millivolts, a DataFrame, the path of a recording, a wfdb.Record, or a Raw of MNE"
        )
    if array.ndim > 2:
        raise UserError(f"{what}: has the shape {array.shape}; give an array of shape (samples, leads)")
    return array[:, np.newaxis] if array.ndim == 1 else array


def _check_shape(values: np.ndarray, names: Sequence[str]) -> None:
    samples, leads = values.shape
    if not values.size:
        raise UserError(f"{NAME}: is empty (shape {values.shape}); give at least a second of signal")
    if leads > samples or leads > _MOST_LEADS:
        raise UserError(
            f"{NAME}: has the shape {values.shape}, which are {words.count_text(samples, 'sample')} of "
            f"{words.count_text(leads, 'lead')}; give one row for each sample, as signal.T does"
        )
    if names and len(names) != leads:
        raise UserError(
            f"{NAME}: has {words.count_text(leads, 'lead')} (shape {values.shape}), and leads= names {len(names)} "
            f"({words.listed(names)}); name each of its columns once"
        )


def _of_columns(labels: Sequence[str], columns: Sequence[np.ndarray], reading: Reading) -> ArraySource:
    """Put columns of numbers beside each other; without a gain they are millivolts."""
    if reading.sampling_rate_hz is None:
        raise UserError(f"{NAME}: does not say its samples per second; give them with sampling_rate_hz=")
    if reading.gain is None and any(map(are_whole, columns)):
        raise UserError(
            f"{NAME}: holds whole numbers, which millivolts are not; say with gain= how many make one: 1000 of "
            "microvolts, of the raw values of a converter what its data sheet says (as adc_gain of a wfdb.Record)"
        )
    rate_hz = Fraction(reading.sampling_rate_hz).limit_denominator(1000)
    channels = [Channel(label, _MILLIVOLTS if reading.gain is None else "", rate_hz) for label in labels]
    finite, notes = [], []
    for number, (label, column) in enumerate(zip(labels, columns, strict=True), start=1):
        name, infinite = label or f"lead {number}", np.isinf(column)
        for what, places in (("missing (NaN)", np.isnan(column)), ("infinite, and taken as missing", infinite)):
            if places.any():
                notes.append(f"{places.sum() / float(rate_hz):.3g} s of {name} are {what}")
        finite.append(np.where(infinite, np.nan, column) if infinite.any() else column)
    return array_source(channels, finite, notes, reading.start_time)


def are_whole(values: np.ndarray) -> bool:
    """Tell whether values are whole numbers of some size, as a converter gives them."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and np.ptp(finite) > 1 and np.array_equal(finite, np.rint(finite)))


def _of_table(table: pd.DataFrame, reading: Reading) -> ArraySource:
    """Take the columns of a table that hold numbers."""
    columns = {str(label): table.iloc[:, place] for place, label in enumerate(table.columns)}
    held = {label: column for label, column in columns.items() if pd.api.types.is_numeric_dtype(column)}
    if not held or table.empty:
        raise UserError(f"{NAME}: is a table without numbers; give one column for each lead, in millivolts")
    values = [column.to_numpy(dtype=float, na_value=np.nan) for column in held.values()]
    source = _of_columns(list(held), values, reading)
    others = [(label, "it holds no numbers") for label in columns if label not in held]
    return dataclasses.replace(source, notes=(*words.left_out("column", others), *source.notes))


def _of_record(record: wfdb.Record) -> ArraySource:
    """Take the signals of a record that was read with wfdb: physical ones, raw ones, or those of several rates."""
    if record.e_p_signal is not None or record.e_d_signal is not None:
        signals = record.dac(expanded=True) if record.e_p_signal is None else record.e_p_signal
        frames = record.samps_per_frame
    else:
        physical = record.dac() if record.p_signal is None and record.d_signal is not None else record.p_signal
        signals, frames = [] if physical is None else list(physical.T), None
    if not signals or not record.fs:
        raise UserError(
            f"{record.record_name or NAME}: lacks signals or their sampling rate; read it with wfdb.rdrecord"
        )
    # One that was made by hand may lack what a file says.
    each = [
        its or [default] * len(signals) for its, default in ((record.sig_name, ""), (record.units, ""), (frames, 1))
    ]
    rate_hz = Fraction(record.fs).limit_denominator(1000)
    channels = [Channel(label or "", unit or "", rate_hz * its) for label, unit, its in zip(*each, strict=True)]
    return array_source(channels, signals, (), start_time(record.base_date, record.base_time))


class RawSource:
    """A recording of MNE; see `source.Source`. What it marks as bad is missing, and files are read block by block."""

    notes: tuple[str, ...] = ()

    def __init__(self, raw: Raw):
        self._raw = raw
        rate_hz = Fraction(raw.info["sfreq"]).limit_denominator(1000)
        kinds = raw.get_channel_types()
        self.channels = tuple(
            Channel(name, _VOLTS, rate_hz, raw.n_times, doubt=_why_no_ecg(kind, kinds))
            for name, kind in zip(raw.ch_names, kinds, strict=True)
        )

    @property
    def start_time(self) -> StartTime | None:
        """When its first sample was taken, in the zone that it says (UTC)."""
        measured: datetime | None = self._raw.info["meas_date"]
        start = None if measured is None else start_time(measured.date(), measured.timetz())
        return later(start, self._raw.first_time)

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, in volts."""
        for first in range(0, self._raw.n_times, length):
            last = min(first + length, self._raw.n_times)
            values = self._raw.get_data(list(columns), first, last, reject_by_annotation="NaN", verbose="error")
            yield np.array(values.T, dtype=float, order="C")


def _why_no_ecg(kind: str, kinds: Sequence[str]) -> str:
    if kind == _ECG or (kind in _MAY_BE_ECG and _ECG not in kinds):
        return ""
    return f"its type is {kind}, not {_ECG}"


def _name_of(raw: Raw) -> str:
    files = [file for file in getattr(raw, "filenames", ()) if file]
    return Path(files[0]).stem if files else NAME
