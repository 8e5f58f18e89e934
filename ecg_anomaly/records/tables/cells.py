"""What single cells of a table say: a number, a time as people write it, a missing value; and units of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from ecg_anomaly.records.start_times import start_time
from ecg_anomaly.words import StartTime

# What stands in a table for a sample that is missing, beside an empty cell; pandas quotes an empty row of one column.
MISSING = ('""', "nan", "na", "n/a", "#n/a", "null", "none", "nan(ind)", "-nan(ind)", "-", "--", "---", "?", "*")
DAY_S = 86_400.0
LARGEST_NUMBER = 1e20  # in a table: nanoseconds since 1970 are a hundred times fewer

_SECONDS_PER = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunden", "secondes", "segundos", "seg"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "micros", "microsec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanosec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), DAY_S),
}
_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {
    **{name: 1 + month for month, name in enumerate(_ENGLISH)},
    **{"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "avr": 4, "aoû": 8, "déc": 12, "ene": 1},
    **{"abr": 4, "ago": 8, "dic": 12, "gen": 1, "mag": 5, "giu": 6, "lug": 7, "set": 9, "ott": 10},
}
_ISO = re.compile(r"\d{4}-(?:0\d|1[0-2])-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d:?\d\d)?)?")
_DATE = re.compile(
    r"(?<![\d:.,])(?:(\d{1,4})([-/. ])(\d{1,2}|[^\W\d_]{3,9}\.?)[-/. ](\d{4}|\d\d)|()()((?:19|20)\d\d)(\d\d)(\d\d)|"
    r"([^\W\d_]{3,9})\.? (\d{1,2}),? (\d{4}))(?![\d:])"
)
_DAYS = re.compile(r"(\d+) days?,? (?=\d)")  # of a time span that Python writes
_CLOCK = re.compile(r"(?<![\d:])(\d+):(\d{1,2})(?::(\d{1,2}))?(?![\d:])|(?<=[T ])(\d\d)(\d\d)(\d\d)(?!\d)")
_AROUND = re.compile(r"[\s,;:_TtUCGMZ-]*([AaPp]\.?[Mm]\.?)?[\s,;UTCGMZ]*(?:[+-]\d\d:?\d\d)?\s*")
_FRACTION = re.compile(r"(?:\d+(?::\d{1,2}){2}(?=[.,:])|\d+:\d{1,2}(?=[.,])|(?<=[T ])\d{6}(?=[.,]))(([.,:])(\d+))")
_BRACKETS = "[]'\"() "
_CACHED = 100_000
_FIRST_HOUR_S = 3600.0
_OF_THE_DAY = re.compile(r":.*:|m", re.IGNORECASE)  # with seconds, or AM and PM


def is_missing(cell: str) -> bool:
    """Tell whether a cell stands for a missing value."""
    return not cell or cell.lower() in MISSING


def seconds_per(unit: str) -> float | None:
    """Tell how many seconds one unit of time is, in any usual spelling; ``None`` if it is none."""
    return _SECONDS_PER.get(unit.strip().lower().rstrip("."))


def number(cell: str, decimal: str) -> float | None:
    """Read a number with its decimal mark; ``None`` if it is none."""
    try:
        return float(cell.replace(decimal, "."))
    except ValueError:
        return None


def cell_kind(cell: str, decimal: str) -> str:
    """Tell whether a cell is a ``number``, a ``clock``, a ``date`` (with or without a clock) or other ``text``."""
    if number(cell, decimal) is not None:
        return "number"
    written = _parts(_without_fraction(cell)[0])
    if written is None:
        return "text"
    return "clock" if written[0] is None else "date"


class WrittenTimes:
    """Times as people write them, in the order of day, month and year that a first few of them show.

    Where they do not show it, the order is the one by which later dates come soonest.
    """

    def __init__(self, first: Sequence[str]):
        self._iso = all(_ISO.fullmatch(cell.strip()) for cell in first)
        dates = [date for date, _ in filter(None, (_parts(_without_fraction(cell)[0]) for cell in first)) if date]
        self._orders = [order for order in _ORDERS if all(_day(date, order) is not None for date in dates)]
        self._anchor = dates[0] if dates else None
        self._known: dict[str, float] = {}  # seconds by the text without the fraction

    def seconds(self, cells: pd.Series) -> np.ndarray:
        """Turn cells into seconds, NaN where they are no time; only differences between them mean something."""
        if self._iso:
            moments = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
            seconds = (moments.dt.as_unit("us") - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(seconds=1)
            return np.asarray(seconds.to_numpy(dtype=float, na_value=np.nan))
        return np.array([self._seconds(str(cell)) for cell in cells])

    def start(self, cell: str) -> StartTime | None:
        """Tell the day and the time of the day that a cell says, as far as it says them without doubt."""
        if self._iso:
            moment = pd.to_datetime(cell, format="ISO8601", errors="coerce")
            return None if pd.isna(moment) else start_time(moment.date(), moment.floor("us").timetz())
        whole, fraction_s = _without_fraction(cell)
        parts = _parts(whole)
        if parts is None or not parts[1] < DAY_S:
            return None
        # Minutes and seconds, or a first hour, may count from the start of a recording.
        if parts[0] is None and (parts[1] < _FIRST_HOUR_S or not _OF_THE_DAY.search(whole)):
            return None
        days = {_day(parts[0], order) for order in self._orders} if parts[0] is not None else set()
        day = days.pop() if len(days) == 1 else None
        seconds = timedelta(seconds=parts[1] + fraction_s)
        return start_time(date.fromordinal(day) if day else None, (datetime.min + seconds).time())

    def _seconds(self, cell: str) -> float:
        whole, fraction_s = _without_fraction(cell)
        seconds = self._known.get(whole)
        if seconds is None:
            if len(self._known) > _CACHED:
                self._known.clear()
            seconds = self._known[whole] = self._whole_seconds(whole)
        return seconds + fraction_s

    def _whole_seconds(self, text: str) -> float:
        parts = _parts(text)
        if parts is None:
            return np.nan
        written, clock_s = parts
        if written is None or self._anchor is None:
            return clock_s
        steps = []
        for order in self._orders:
            day, anchor = _day(written, order), _day(self._anchor, order)
            if day is not None and anchor is not None:
                steps.append(day - anchor)
        return min(steps, key=abs, default=np.nan) * DAY_S + clock_s


_ORDERS = ((0, 1, 2), (2, 1, 0), (2, 0, 1), (0, 2, 1))  # where year, month and day stand


def _without_fraction(cell: str) -> tuple[str, float]:
    """Take the fraction of a second out of a written time; also milliseconds behind a colon."""
    found = _FRACTION.search(cell)
    if found is None:
        return cell, 0.0
    digits = found[3]
    divisor = 1000 if found[2] == ":" and len(digits) <= 3 else 10 ** len(digits)
    return cell[: found.start(1)] + cell[found.end(1) :], int(digits) / divisor


def _parts(text: str) -> tuple[tuple[str, str, str] | None, float] | None:
    """Split a written time into three fields of its date, if it has one, and seconds of the day."""
    rest = text.strip(_BRACKETS)
    written, days = None, _DAYS.match(rest)
    rest = rest[days.end() :] if days else rest
    if (found := _DATE.search(rest)) is not None:
        fields = [field for field in found.groups() if field and field not in "-/. "]
        written = (fields[0], fields[1], fields[2])
        rest = rest[: found.start()] + " " + rest[found.end() :]
    clock = _CLOCK.search(rest)
    if clock is None and written is None:
        return None
    if clock is not None:
        rest = rest[: clock.start()] + rest[clock.end() :]
    around = _AROUND.fullmatch(rest.strip(_BRACKETS))
    if around is None:
        return None
    return written, _clock_s(clock, written is not None, around[1] or "") + (int(days[1]) * DAY_S if days else 0.0)


def _clock_s(clock: re.Match[str] | None, dated: bool, noon: str) -> float:
    if clock is None:
        return 0.0
    fields = [int(field) for field in clock.groups() if field is not None]
    if len(fields) == 2:  # beside a date, or with AM or PM, hours and minutes; alone, minutes and seconds
        fields = [*fields, 0] if dated or noon else [0, *fields]
    hours, minutes, seconds = fields
    if noon:
        hours = hours % 12 + (12 if noon.lower().startswith("p") else 0)
    return float(3600 * hours + 60 * minutes + seconds)


def _day(fields: tuple[str, str, str], order: tuple[int, int, int]) -> int | None:
    """Count the days up to a date that is written in some order; ``None`` if there is no such day."""
    year, month, day = (_field(fields[place]) for place in order)
    if not fields[order[1]].isdigit() or (fields[order[0]].isdigit() and fields[order[2]].isdigit()):
        try:
            return date(year + 2000 if year < 100 else year, month, day).toordinal()
        except ValueError:
            pass
    return None


def _field(text: str) -> int:
    return int(text) if text.isdigit() else _MONTHS.get(text.lower()[:3], 0)
