"""When the rows of a table of samples were taken: by its column of times, or by a given sampling rate."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.tables.cells import DAY_S, LARGEST_NUMBER, WrittenTimes, number, seconds_per
from ecg_anomaly.records.tables.layout import CsvLayout

_NUMBERED_ROWS = 50  # so many rows that count up evenly make a time column of one without a name
_FEWEST_COUNTED = 100  # samples before a counter is full, for it to be of use
_EVEN_SHARE = 0.98  # of the steps of a column that counts
# fmt: off
_TIME_WORDS = frozenset((
    "time", "times", "timestamp", "timestamps", "timecode", "datetime", "zeit", "zeitstempel", "uhrzeit", "temps",
    "heure", "horodatage", "tiempo", "hora", "fecha", "tempo", "ora", "tijd", "tijdstip", "tid", "tidspunkt", "czas",
    "aika", "čas", "idő", "zaman", "время", "时间", "時間", "时间戳", "시간", "millis", "micros", "clock", "utc",
    "unix", "epoch", "elapsed", "date", "datum",
))
_TIME_NAMES = frozenset((
    "t", "ts", "mediatime", "s", "sec", "secs", "second", "seconds", "ms", "msec", "milliseconds", "us", "µs", "usec",
    "microseconds", "ns", "min", "minutes",
))
# fmt: on
_SAMPLE_NUMBER = re.compile(
    r"(samples?|frame|row|package|packet|seq(uence)?|n ?seq|scan|data ?point)"
    r"( ?(#|numbers?|num|no|nr|index|idx|count|counter|id))?"
    r"|index|idx|n|no|nr|#|counter|count|unnamed: 0"
)
WRAP_TOLERANCE_S = 1.0
_WRITTEN = ("clock", "date")  # times that are not plain numbers
# Sampling rates that tell the unit of a time column which does not name it: the ranges of steps do not overlap.
_SCALES = ((1.0, 50, 5000), (1e-3, 50, 5000), (1e-6, 50, 5000), (1e-9, 50, 5000))
_LONG_SCALES = ((60.0, 90, 1100), (3600.0, 90, 1100), (DAY_S, 90, 1100))
_CLOCK_TOLERANCE = 1e-4  # of a quartz clock: a rate so close to a whole number is meant to be it
_STEPS_AT_ONCE = 100
_ON_GRID = 0.01
_FEWEST_EVEN_STEPS = 0.9
_FEWEST_TIMES = 5  # that differ, for a rate to be told from rows that share them
_AT_ONCE = 1.1  # rows with one time, on average: more come in bursts
_ON_A_MULTIPLE = 0.02  # of a step
_FEWEST_SINGLE = 0.75  # steps of one row, where others are lost
_LEAST_GAP = 0.5  # of a sample
_TREMBLING = 0.05  # of a sample
_ROUNDED_TOO = 1.2  # of a tremor: the usual step, from which it is measured, trembles itself
_MANY_SPREADS = 4.0  # of the usual lateness of bursts: what is later is a gap
_RATE_TOLERANCE = 0.01


@dataclass(frozen=True)
class TimeColumn:
    """The column that says when each row was sampled."""

    index: int  # where it stands
    kind: str  # number, clock or date
    seconds_per_unit: float = 1.0  # if it is a number
    note: str = ""  # what was guessed of it
    written: WrittenTimes | None = field(default=None, repr=False)  # how to read its cells, if they are no numbers
    wrap_s: tuple[float, ...] = ()  # how far it goes back where its counter is full

    def seconds(self, cells: pd.Series | np.ndarray) -> np.ndarray:
        """Turn cells into seconds, NaN where they are no time."""
        if self.written is not None:
            return self.written.seconds(pd.Series(cells))
        seconds = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=float)
        return np.where(np.abs(seconds) < LARGEST_NUMBER, seconds, np.nan) * self.seconds_per_unit


@dataclass(frozen=True)
class Steps:
    """How far rows lie apart in time."""

    sampling_rate_hz: Fraction  # rows per second where none is missing
    late_s: float = np.inf  # a row that comes so much too late has a gap before it
    rows_at_once: float = 1.0  # how many share one time, on average

    @property
    def in_bursts(self) -> bool:
        """Whether times are those of packets, or too coarse to tell rows apart."""
        return self.rows_at_once > _AT_ONCE


def plain_name(name: str) -> str:
    """Write a column's name in small letters, words apart by one space."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\s_.:()\[\]-]+", " ", parted.lower()).split())


def names_times(name: str) -> bool:
    """Tell whether a column's name says that it holds times."""
    plain = plain_name(name)
    return plain in _TIME_NAMES or not _TIME_WORDS.isdisjoint(plain.split())


def numbers_samples(name: str) -> bool:
    """Tell whether a column's name says that it numbers the rows."""
    return _SAMPLE_NUMBER.fullmatch(plain_name(name)) is not None


@dataclass(frozen=True)
class FoundTimes:
    """What the first rows show of times."""

    column: TimeColumn | None  # None if no column holds times that are understood
    others: frozenset[int] = frozenset()  # further columns of times
    complaint: str = ""  # why a column that should hold times is not used


def find_times(layout: CsvLayout, sampling_rate_hz: float | None) -> FoundTimes:
    """Find the column that says when each row was sampled, by its name or by what it holds.

    Of several, the one that tells rows apart. A column that numbers the samples needs ``sampling_rate_hz``, if the
    user or the header says it.
    """
    named = [index for index, name in enumerate(layout.names) if names_times(name) or layout.kind(index) in _WRITTEN]
    found = [_scaled(layout, index, sampling_rate_hz) for index in named if layout.kind(index) in ("number", *_WRITTEN)]
    useful = [column for column in found if _telling(layout, column) > 0]
    complaint = next((text for index in named if (text := _not_understood(layout, index))), "")
    if found and not useful:
        name = layout.names[found[0].index] or found[0].index + 1
        complaint = complaint or f"column {name} holds times that do not tell its rows apart"
    if useful:
        best = max(useful, key=lambda column: (_telling(layout, column), -column.index))
        return FoundTimes(best, frozenset(named) - {best.index}, complaint)
    counting = next((index for index, name in enumerate(layout.names) if numbers_samples(name)), 0)
    steps = _steps(layout, counting)
    one = bool(len(steps)) and np.mean(steps == 1) > _EVEN_SHARE - 0.1
    if numbers_samples(layout.names[counting]) or (counts_up(layout, counting) and one):
        drops = -steps[steps < 0]
        if sampling_rate_hz is None or not one or (len(drops) and drops.min() < _FEWEST_COUNTED):
            return FoundTimes(None, frozenset(named), complaint)
        full = (float(drops[0] + 1) / sampling_rate_hz,) if len(drops) and np.ptp(drops) == 0 else ()
        return FoundTimes(
            TimeColumn(counting, "number", 1 / sampling_rate_hz, wrap_s=full), frozenset(named), complaint
        )
    if counts_up(layout, 0):
        guessed = "column 1 has no name, and is taken for the time because it counts up evenly"
        return FoundTimes(dataclasses.replace(_scaled(layout, 0, sampling_rate_hz), note=guessed))
    return FoundTimes(None, frozenset(named), complaint)


def unwrapped(times_s: np.ndarray, wrap_s: tuple[float, ...]) -> np.ndarray:
    """Let times go on where their counter was full; NaN stays where it is."""
    known = np.isfinite(times_s)
    steps_s = np.diff(times_s[known], prepend=times_s[known][:1])
    for full_s in wrap_s:
        steps_s[np.abs(steps_s + full_s) < min(WRAP_TOLERANCE_S, full_s / 4)] += full_s
    going_on = times_s.copy()
    going_on[known] = times_s[known][:1] + np.cumsum(steps_s)
    return going_on


def counts_up(layout: CsvLayout, index: int) -> bool:
    """Tell whether a column without a name holds what is no signal: numbers that go up in even steps."""
    if not (layout.names[index] or "0").isdigit() or layout.width < 2:  # pandas calls columns without a name 0, 1, ...
        return False
    steps = _steps(layout, index)
    even = (steps > 0) & (steps < 2 * float(np.median(steps))) if len(steps) else steps
    return len(steps) >= _NUMBERED_ROWS and float(np.mean(even)) >= _EVEN_SHARE


def _scaled(layout: CsvLayout, index: int, sampling_rate_hz: float | None) -> TimeColumn:
    kind = layout.kind(index)
    if kind in _WRITTEN:
        # A clock of twelve hours goes back by them where nobody writes AM or PM.
        return TimeColumn(index, kind, written=WrittenTimes(layout.cells(index)), wrap_s=(DAY_S / 2,))
    named = plain_name(layout.names[index])
    unit = next(filter(None, map(seconds_per, (layout.units[index], named, *named.split()[::-1]))), None)
    note, numbers = "", np.array(_numbers(layout, index))
    step = _usual_step(numbers, np.arange(len(numbers)))
    if unit is None:
        ranges = [*_SCALES, *_LONG_SCALES]
        fitting = [scale for scale, low_hz, high_hz in ranges if low_hz * step * scale <= 1 < high_hz * step * scale]
        if sampling_rate_hz is not None:
            known = [scale for scale, *_ in ranges if abs(step * scale * sampling_rate_hz - 1) < 0.2]
            fitting = known or ([1 / sampling_rate_hz] if step == 1 else fitting)
        unit = fitting[0] if fitting else 1.0
        if step == 1 and sampling_rate_hz is None:
            note = (
                f"column {layout.names[index] or index + 1} counts by 1 without a unit, and is taken for milliseconds"
            )
    wraps = {2.0**bits * scale for bits in (16, 32) for scale in (unit, 1e-6, 1e-3)}
    drops = -np.diff(numbers)[np.diff(numbers) < 0]
    if len(drops) > 1 and np.ptp(drops) <= 2 * step:  # a column of milliseconds that goes up to 999 only
        wraps.add(float(np.median(drops) + step) * unit)
    return TimeColumn(index, kind, unit, note, wrap_s=tuple(sorted(wraps)))


def _telling(layout: CsvLayout, column: TimeColumn) -> float:
    """Tell how well a column tells the first rows apart, from 0 to 1."""
    cells = layout.cells(column.index)
    times_s = _seconds_of(layout, column)
    if len(cells) < 2 or np.mean(np.isfinite(times_s)) < _FEWEST_EVEN_STEPS:
        return 0.0
    steps_s = np.diff(times_s[np.isfinite(times_s)])
    if np.mean(steps_s < 0) > 1 - _FEWEST_EVEN_STEPS:
        return 0.0
    return round(float(np.mean(steps_s != 0)), 1) or float(np.any(steps_s != 0)) / 100


def _seconds_of(layout: CsvLayout, column: TimeColumn) -> np.ndarray:
    if column.written is not None:
        return column.seconds(pd.Series(layout.cells(column.index), dtype=object))
    return column.seconds(np.array(_numbers(layout, column.index)))


def _not_understood(layout: CsvLayout, index: int) -> str:
    if layout.kind(index) in ("number", *_WRITTEN):
        return ""
    cells = layout.cells(index)
    return (
        f"column {layout.names[index] or index + 1} holds {cells[0][:40]!r}, which is no time that is understood"
        if cells
        else ""
    )


def _numbers(layout: CsvLayout, index: int) -> list[float]:
    read = (number(cell, layout.decimal) for cell in layout.cells(index))
    return [value for value in read if value is not None and abs(value) < LARGEST_NUMBER]


def _steps(layout: CsvLayout, index: int) -> np.ndarray:
    return np.diff(_numbers(layout, index))


def find_steps(path: Path, times_s: np.ndarray, asked_hz: float | None, told_hz: float | None) -> Steps | None:
    """Find out how far rows lie apart, from the times of the first ones, of shape ``(rows,)``, NaN where there is none.

    ``asked_hz`` is the sampling rate that the user gives, ``told_hz`` the one that the header says. ``None`` if the
    times are too coarse to be of use, and one of these is known.

    Raises
    ------
    UserError
        When the times are too coarse or too uneven, or contradict the given sampling rate.
    """
    known_hz = asked_hz or told_hz
    first_s, rows = first_of_each(times_s)
    steps_s, counts = np.diff(first_s), np.diff(rows)
    exact_s = _step_between_gaps(steps_s[counts == 1])
    usual_s = exact_s or _usual_step(first_s, rows)
    at_once = float(np.isfinite(times_s).sum() / max(1, len(first_s)))
    if not usual_s > 0 or len(first_s) < _FEWEST_TIMES:
        if known_hz is not None:
            return None
        raise UserError(f"{path}: its times do not tell its rows apart; give the sampling rate with --sampling-rate")
    late_s = steps_s - counts * usual_s
    tremor_s = max(0.5 * usual_s, _rounding(steps_s, usual_s))
    if at_once > _AT_ONCE:
        steps_s, counts, late_s = steps_s[1:], counts[1:], late_s[1:]  # of the first packet a part may be missing
        spread_s = _MANY_SPREADS * float(np.median(np.abs(late_s - np.median(late_s))))
        even = np.abs(late_s) <= max(spread_s, 2 * usual_s, float(np.median(steps_s)) / 2)
    else:
        even = np.abs(late_s) <= tremor_s
    forward = steps_s >= 0
    if not exact_s and even[forward].sum() < _FEWEST_EVEN_STEPS * forward.sum():
        near = f"{even[forward].sum()} of {forward.sum()} steps are near {usual_s:g} s"
        raise UserError(
            f"{path}: its times are uneven, only {near}; sample it evenly, or leave the times out and give "
            "--sampling-rate"
        )
    measured_hz = float(counts[even].sum() / steps_s[even].sum())
    trembling = at_once <= _AT_ONCE and float(np.std(late_s[even])) > _TREMBLING * usual_s
    if trembling and (long_s := _long_steps(first_s, rows, usual_s, tremor_s)).size:
        measured_hz = 1 / float(long_s.mean())
    if abs(measured_hz * usual_s - 1) < at_once * (at_once > _AT_ONCE) / len(times_s):  # rows at either end of packets
        measured_hz = 1 / usual_s
    rate_hz = Fraction(round(measured_hz))
    if abs(measured_hz - rate_hz) > rate_hz * max(_CLOCK_TOLERANCE, 1 / even.sum()):
        rate_hz = Fraction(measured_hz).limit_denominator(100)
    if asked_hz is not None and abs(asked_hz / float(rate_hz) - 1) > _RATE_TOLERANCE:
        raise UserError(
            f"{path}: is sampled at {float(rate_hz):.6g} Hz by its times, which --sampling-rate {asked_hz:g} "
            "contradicts; leave the option out, or mend the times"
        )
    if known_hz is not None and at_once > _AT_ONCE and abs(known_hz / measured_hz - 1) <= _RATE_TOLERANCE:
        rate_hz = Fraction(known_hz).limit_denominator(1000)
    jitter_s = float(np.subtract(*np.percentile(late_s[even], [99, 1])))
    least = _LEAST_GAP if at_once == 1 else 1 + _LEAST_GAP  # a clock that stands still may miss one step as well
    return Steps(rate_hz, max(least / float(rate_hz), jitter_s), at_once)


def first_of_each(times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows whose time is known and another than that of the row before: their times, and where they stand."""
    rows = np.flatnonzero(np.isfinite(times_s))
    known_s = times_s[rows]
    new = np.diff(known_s, prepend=np.nan) != 0
    return known_s[new], rows[new]


def _usual_step(times: np.ndarray, rows: np.ndarray) -> float:
    # Over many rows: times that are rounded to milliseconds have a median step of 3 ms at 360 Hz.
    apart = max(1, min(_STEPS_AT_ONCE, len(times) // 4))
    if len(times) <= apart:
        return 0.0
    return float(np.median((times[apart:] - times[:-apart]) / (rows[apart:] - rows[:-apart])))


def _long_steps(times_s: np.ndarray, rows: np.ndarray, usual_s: float, tremor_s: float) -> np.ndarray:
    """Average steps over many rows without a gap: a tremor that single steps are chosen by shows in their mean."""
    apart = max(1, min(_STEPS_AT_ONCE, len(times_s) // 4))
    taken_s, counts = times_s[apart:] - times_s[:-apart], rows[apart:] - rows[:-apart]
    return np.asarray((taken_s / counts)[np.abs(taken_s - counts * usual_s) <= _ROUNDED_TOO * tremor_s])


def _step_between_gaps(steps_s: np.ndarray) -> float:
    """Find the step of which all are multiples, as where single rows are lost; 0 if they are rounded to it instead."""
    step_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    if not step_s > 0:
        return 0.0
    multiples = np.rint(steps_s / step_s)
    fitting = (np.abs(steps_s / step_s - multiples) < _ON_A_MULTIPLE) & (multiples >= 1)
    if np.mean(fitting) < _EVEN_SHARE or np.mean(multiples == 1) < _FEWEST_SINGLE:
        return 0.0
    apart = min(_STEPS_AT_ONCE, len(steps_s) // 4)
    sums = np.convolve(multiples, np.ones(apart), "valid") if apart else np.zeros(1)
    return step_s if np.ptp(sums) != 1 else 0.0  # what is rounded has longer steps at equal distances


def _rounding(steps_s: np.ndarray, usual_s: float) -> float:
    """Tell what times were rounded to, if samples do not fall on it; else 0."""
    distinct_s = np.unique(np.round(steps_s, 9))
    unit_s = float(np.min(np.diff(distinct_s))) if len(distinct_s) > 1 else 0.0
    on_grid = unit_s > 0 and abs(usual_s / unit_s - round(usual_s / unit_s)) < _ON_GRID
    return 0.0 if on_grid or unit_s >= usual_s else unit_s
