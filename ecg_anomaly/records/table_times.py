"""When the rows of a table of samples were taken: by its column of times, or by a given sampling rate."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.checks import check_gap
from ecg_anomaly.records.table_layout import CsvLayout, cell_kind

LARGEST_NUMBER = 1e20  # in a table: nanoseconds since 1970 are a hundred times fewer
_NUMBERED_ROWS = 50  # so many rows that count up evenly make a time column of one without a name

TIMES = {"time", "t", "timestamp", "timestamps", "time stamp", "elapsed time", "datetime", "date time", "clock", "utc"}
SAMPLE_NUMBERS = {"sample", "samples", "sample #", "sample number", "index", "idx", "n", "no", "nr", "#", "row"}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
}
_WRITTEN = ("clock", "date")  # times that are not plain numbers
# Sampling rates that tell the unit of a time column which does not name it: the ranges of steps do not overlap.
_PLAUSIBLE_RATES_HZ = (50, 5000)
_SCALES = (1.0, 1e-3, 1e-6, 1e-9)
_CLOCK_TOLERANCE = 1e-4  # of a quartz clock: a rate so close to a whole number is meant to be it
_ROWS_OF_A_STEP = 100
_ON_GRID = 0.01
_FEWEST_EVEN_STEPS = 0.9
_RATE_TOLERANCE = 0.01
_HALF_DAY_S = 43_200.0


@dataclass(frozen=True)
class TimeColumn:
    """The column that says when each row was sampled."""

    index: int  # where it stands
    kind: str  # number, clock or date
    seconds_per_unit: float = 1.0  # if it is a number
    guessed: bool = False  # whether only its numbers say that it is a time

    def seconds(self, cells: pd.Series) -> np.ndarray:
        """Turn cells into seconds, NaN where they are no time."""
        if self.kind == "number":
            seconds = pd.to_numeric(cells, errors="coerce") * self.seconds_per_unit
        elif self.kind == "date":
            moments = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
            seconds = (moments.dt.as_unit("us") - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(seconds=1)
        else:
            clock = cells.astype(str).str.replace(",", ".")
            with_hours = clock.where(clock.str.count(":") > 1, "0:" + clock)
            seconds = pd.to_timedelta(with_hours, errors="coerce") / pd.Timedelta(seconds=1)
        return _plausible(seconds.to_numpy(dtype=float, na_value=np.nan))


@dataclass(frozen=True)
class Steps:
    """How far rows lie apart in time."""

    sampling_rate_hz: Fraction  # rows per second where none is missing
    gap_s: float  # a longer step between two rows is a gap


def find_time_column(layout: CsvLayout, sampling_rate_hz: float | None) -> TimeColumn | None:
    """Find the column that says when each row was sampled, by its name or by what it holds; ``None`` if there is none.

    A column that numbers the samples needs ``sampling_rate_hz``, if the user says it.
    """
    names = [plain_name(name) for name in layout.names]
    for index, name in enumerate(names):
        if (name in TIMES or name in _SECONDS) and layout.kind(index) in ("number", *_WRITTEN):
            return _scaled(layout, index)
    if layout.kind(0) in _WRITTEN:
        return TimeColumn(0, layout.kind(0))
    counts = counts_up(layout, 0)
    if names[0] in SAMPLE_NUMBERS or (counts and _step(layout, 0) == 1):
        return None if sampling_rate_hz is None else TimeColumn(0, "number", 1 / sampling_rate_hz)
    return dataclasses.replace(_scaled(layout, 0), guessed=True) if counts else None


def plain_name(name: str) -> str:
    """Write a column's name as this module knows it: small letters, words apart by one space."""
    return " ".join(name.lower().replace("_", " ").split())


def counts_up(layout: CsvLayout, index: int) -> bool:
    """Tell whether a column without a name holds what is no signal: numbers that go up in even steps."""
    steps = np.diff(_numbers(layout, index))
    even = bool(np.all((steps > 0) & (steps < 2 * _step(layout, index))))
    return not layout.names[index] and len(layout.names) > 1 and len(steps) >= _NUMBERED_ROWS and even


def _scaled(layout: CsvLayout, index: int) -> TimeColumn:
    kind = layout.kind(index)
    unit = (layout.units[index] or layout.names[index]).lower()
    if kind in _WRITTEN or unit in _SECONDS:
        return TimeColumn(index, kind, _SECONDS.get(unit, 1.0))
    lowest_hz, highest_hz = _PLAUSIBLE_RATES_HZ
    step = _step(layout, index)
    scales = [scale for scale in _SCALES if lowest_hz * step * scale <= 1 < highest_hz * step * scale]
    return TimeColumn(index, kind, scales[0] if scales else 1.0)


def _numbers(layout: CsvLayout, index: int) -> np.ndarray:
    cells = [cell for cell in layout.cells(index) if cell_kind(cell, layout.decimal) == "number"]
    return _plausible(np.array([float(cell.replace(layout.decimal, ".")) for cell in cells]))


def _plausible(times: np.ndarray) -> np.ndarray:
    return np.where(np.abs(times) < LARGEST_NUMBER, times, np.nan)


def _step(layout: CsvLayout, index: int) -> float:
    steps = np.diff(_numbers(layout, index))
    return float(np.median(steps)) if len(steps) else 0.0


def find_steps(path: Path, times_s: np.ndarray, sampling_rate_hz: float | None) -> Steps | None:
    """Find out how far rows lie apart, from the times of the first ones, of shape ``(rows,)``.

    ``None`` if the times are too coarse to be of use and the user gives the sampling rate.

    Raises
    ------
    UserError
        When the times are too coarse or too uneven, or contradict the given sampling rate.
    """
    steps_s = np.diff(times_s)
    steps_s = steps_s[np.isfinite(steps_s) & (steps_s >= 0)]
    usual_s = _usual_step(times_s)
    if not usual_s > 0 or np.mean(steps_s == 0) > 1 - _FEWEST_EVEN_STEPS:
        if sampling_rate_hz is not None:
            return None
        raise UserError(f"{path}: its times do not tell its rows apart; give the sampling rate with --sampling-rate")
    even = steps_s[np.abs(steps_s - usual_s) <= max(0.5 * usual_s, _rounding(steps_s, usual_s))]
    if len(even) < _FEWEST_EVEN_STEPS * len(steps_s):
        raise UserError(
            f"{path}: its times are uneven, only {len(even)} of {len(steps_s)} steps are near {usual_s:g} s; sample it "
            "evenly, or leave the times out and give --sampling-rate"
        )
    measured_hz = len(even) / float(even.sum())
    rate_hz = Fraction(round(measured_hz))
    if abs(measured_hz - rate_hz) > rate_hz * max(_CLOCK_TOLERANCE, 1 / len(even)):
        rate_hz = Fraction(measured_hz).limit_denominator(100)
    if sampling_rate_hz is not None and abs(sampling_rate_hz / float(rate_hz) - 1) > _RATE_TOLERANCE:
        raise UserError(
            f"{path}: is sampled at {float(rate_hz):.6g} Hz by its times, which --sampling-rate {sampling_rate_hz:g} "
            "contradicts; leave the option out, or mend the times"
        )
    jitter_s = float(np.subtract(*np.percentile(even, [99, 1])))
    return Steps(rate_hz, float(1 / rate_hz) + max(0.5 / float(rate_hz), jitter_s))


def _usual_step(times_s: np.ndarray) -> float:
    # Over many rows: times that are rounded to milliseconds have a median step of 3 ms at 360 Hz.
    rows = max(1, min(_ROWS_OF_A_STEP, len(times_s) // 4))
    steps_s = (times_s[rows:] - times_s[:-rows]) / rows
    known_s = steps_s[np.isfinite(steps_s)]
    return float(np.median(known_s)) if len(known_s) else 0.0


def _rounding(steps_s: np.ndarray, usual_s: float) -> float:
    """Tell what times were rounded to, if samples do not fall on it; else 0."""
    distinct_s = np.unique(np.round(steps_s, 9))
    unit_s = float(np.min(np.diff(distinct_s))) if len(distinct_s) > 1 else 0.0
    on_grid = unit_s > 0 and abs(usual_s / unit_s - round(usual_s / unit_s)) < _ON_GRID
    return 0.0 if on_grid else unit_s


def samples_ahead(
    path: Path, times_s: np.ndarray, before_s: float, time: TimeColumn, steps: Steps, line: int
) -> np.ndarray:
    """Count how many samples each row lies after the row before it: 1 unless rows were dropped between them.

    ``times_s`` has the shape ``(rows,)``, ``before_s`` is that of the row before them (NaN if they are the first),
    and the first of them stands in line ``line`` of the file.

    Raises
    ------
    UserError
        When a row has no time, time goes backwards, or a gap is longer than a day.
    """
    if not np.isfinite(times_s).all():
        where = line + int(np.isfinite(times_s).argmin())
        raise UserError(f"{path}: line {where} has no time that can be read; mend or delete it")
    steps_s = np.diff(times_s, prepend=times_s[0] if np.isnan(before_s) else before_s)
    if time.kind == "clock":
        steps_s = np.where(steps_s < -_HALF_DAY_S, steps_s + 2 * _HALF_DAY_S, steps_s)  # midnight
    if np.any(steps_s < 0):
        where = line + int(np.argmax(steps_s < 0))
        raise UserError(f"{path}: time goes backwards at line {where}; sort the rows, or cut the file there")
    check_gap(steps_s.max(), path, f"line {line + int(steps_s.argmax())}")
    missing = np.rint(steps_s * float(steps.sampling_rate_hz)).astype(np.int64) - 1
    return np.where(steps_s > steps.gap_s, 1 + np.maximum(missing, 0), 1)
