"""Which column of a table says when its rows were sampled, and in which unit."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np
import pandas as pd

from ecg_anomaly.records.tables.cells import DAY_S, LARGEST_NUMBER, WrittenTimes, number, seconds_per
from ecg_anomaly.records.tables.layout import CsvLayout
from ecg_anomaly.records.tables.steps import usual_step
from ecg_anomaly.words import StartTime

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
_SCALES = (
    *((1.0, 50, 5000), (1e-3, 50, 5000), (1e-6, 50, 5000), (1e-9, 50, 5000)),
    *((60.0, 90, 1100), (3600.0, 90, 1100), (DAY_S, 90, 1100)),
)
_EPOCH_S = (946_684_800.0, 4_102_444_800.0)  # 2000 to 2100, in seconds since 1970: what counts so is a clock
_MOST = 0.9  # of the first times that should be known, and go forward


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

    def start(self, first: str) -> StartTime | None:
        """Tell the time of the day of the first row, from its cell; ``None`` where times count from the start."""
        if self.written is not None:
            return self.written.start(first)
        seconds = float(self.seconds(np.array([first]))[0])
        if not _EPOCH_S[0] <= seconds <= _EPOCH_S[1]:
            return None
        return datetime.fromtimestamp(seconds, timezone.utc)


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
        return FoundTimes(max(useful, key=lambda column: (_telling(layout, column), -column.index)), complaint)
    counting = next((index for index, name in enumerate(layout.names) if numbers_samples(name)), 0)
    steps = _steps(layout, counting)
    by_one = bool(len(steps)) and float(np.mean(steps == 1)) > _EVEN_SHARE - 0.1
    if numbers_samples(layout.names[counting]) or (counts_up(layout, counting) and by_one):
        counter = None if sampling_rate_hz is None or not by_one else _counter(counting, steps, sampling_rate_hz)
        return FoundTimes(counter, complaint)
    if counts_up(layout, 0):
        guessed = "column 1 has no name, and is taken for the time because it counts up evenly"
        return FoundTimes(dataclasses.replace(_scaled(layout, 0, sampling_rate_hz), note=guessed))
    return FoundTimes(None, complaint)


def _counter(index: int, steps: np.ndarray, sampling_rate_hz: float) -> TimeColumn | None:
    """Make times of a column that numbers the samples; ``None`` if its counter is full too soon to be of use."""
    drops = -steps[steps < 0]
    if len(drops) and drops.min() < _FEWEST_COUNTED:
        return None
    full_s = (float(drops[0] + 1) / sampling_rate_hz,) if len(drops) and np.ptp(drops) == 0 else ()
    return TimeColumn(index, "number", 1 / sampling_rate_hz, wrap_s=full_s)


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
    """Tell in which unit a column of times is, and how far it goes back where a counter is full."""
    kind = layout.kind(index)
    if kind in _WRITTEN:
        # A clock of twelve hours goes back by them where nobody writes AM or PM.
        return TimeColumn(index, kind, written=WrittenTimes(layout.cells(index)), wrap_s=(DAY_S / 2,))
    name, numbers, note = plain_name(layout.names[index]), np.array(_numbers(layout, index)), ""
    step = usual_step(numbers, np.arange(len(numbers)))
    unit = next(filter(None, map(seconds_per, (layout.units[index], name, *name.split()[::-1]))), None)
    if unit is None:
        unit = _unit_by_step(step, sampling_rate_hz)
        if step == 1 and sampling_rate_hz is None:
            told = layout.names[index] or index + 1
            note = f"column {told} counts by 1 without a unit, and is taken for milliseconds"
    wraps = {2.0**bits * scale for bits in (16, 32) for scale in (unit, 1e-6, 1e-3)}
    drops = -np.diff(numbers)[np.diff(numbers) < 0]
    if len(drops) > 1 and np.ptp(drops) <= 2 * step:  # a column of milliseconds that goes up to 999 only
        wraps.add(float(np.median(drops) + step) * unit)
    return TimeColumn(index, kind, unit, note, wrap_s=tuple(sorted(wraps)))


def _unit_by_step(step: float, sampling_rate_hz: float | None) -> float:
    """Tell how many seconds the unit of times has by how far they lie apart."""
    fitting = [scale for scale, low_hz, high_hz in _SCALES if low_hz * step * scale <= 1 < high_hz * step * scale]
    if sampling_rate_hz is not None:
        known = [scale for scale, *_ in _SCALES if abs(step * scale * sampling_rate_hz - 1) < 0.2]
        fitting = known or ([1 / sampling_rate_hz] if step == 1 else fitting)
    return fitting[0] if fitting else 1.0


def _telling(layout: CsvLayout, column: TimeColumn) -> float:
    """Tell how well a column tells the first rows apart, from 0 to 1."""
    cells = layout.cells(column.index)
    times_s = _seconds_of(layout, column)
    if len(cells) < 2 or np.mean(np.isfinite(times_s)) < _MOST:
        return 0.0
    steps_s = np.diff(times_s[np.isfinite(times_s)])
    if np.mean(steps_s < 0) > 1 - _MOST:
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
