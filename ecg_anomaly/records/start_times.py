"""When the first sample of a recording was taken, as far as a file says it and it can be believed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from ecg_anomaly.words import StartTime

_YEARS = (1950, 2084)  # earlier and later ones stand for dates that were taken out; EDF goes up to 2084


def start_time(day: date | None, clock: time | None) -> StartTime | None:
    """Put day and time together; the time alone where the day stands for one that is not told.

    That is the first of January, by which files are made anonymous, or a year of no recording. Midnight on such a day
    says nothing at all: ``None``.
    """
    if clock is None:
        return None
    if day is not None and _YEARS[0] <= day.year <= _YEARS[1] and (day.month, day.day) != (1, 1):
        return datetime.combine(day, clock)
    return clock if clock.replace(tzinfo=None) != time.min else None


def later(start: StartTime | None, by_s: float) -> StartTime | None:
    """Give a start that is so many seconds later."""
    if start is None or not by_s:
        return start
    if isinstance(start, datetime):
        return start + timedelta(seconds=by_s)
    return (datetime.combine(date(2000, 1, 2), start) + timedelta(seconds=by_s)).timetz()


def start_of_fields(date_fields: tuple[int, int, int], clock_fields: tuple[int, int, int]) -> StartTime | None:
    """Put together the numbers of a header: year, month, day, hours, minutes, seconds; ``None`` if they are no time."""
    try:
        its_time = time(*clock_fields)
    except ValueError:
        return None
    try:
        its_day = date(*date_fields)
    except ValueError:
        its_day = None
    return start_time(its_day, its_time)
