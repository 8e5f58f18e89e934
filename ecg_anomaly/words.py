"""Numbers and times in words, the same in every message, table and figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import numpy as np

_BASELINES = {"pca": "PCA reconstruction error", "prematurity": "prematurity alone"}
_FEW = 3  # that are told one by one
# When the first sample of a recording was taken: the time alone where the day is not known.
StartTime = datetime | time
UNDEFINED = "-"  # a figure that no beat defines: the sensitivity to a class without beats

# What a flagged beat is called, by what `naming.call_beats` gives, and what each page says of it once.
CALLED = {"V": "like a ventricular beat", "S": "like a premature atrial beat", "other": "like neither"}
GUESS = "What a flagged beat is like is a guess from its shape and time, not a diagnosis."


def clock(time_s: float) -> str:
    """Time from the start of a record as ``h:mm:ss``."""
    minutes, seconds = divmod(int(round(time_s, 6)), 60)  # 420 times a second may be a little less than 7 minutes
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def clock_time(start_time: StartTime | None, time_s: float) -> str:
    """Tell which time of the day it was so long after the start: ``14:03:22``, ``day 2, 00:10:00`` after midnight.

    Empty where the start is not known.
    """
    if start_time is None:
        return ""
    start = start_time if isinstance(start_time, datetime) else datetime.combine(date(2000, 1, 1), start_time)
    moment = start + timedelta(seconds=time_s)
    days = (moment.date() - start.date()).days
    zone = " UTC" if moment.tzinfo == timezone.utc else ""  # any other is that of the clock on the wall
    return (f"day {days + 1}, " if days else "") + f"{moment:%H:%M:%S}{zone}"


def start_words(start_time: StartTime | None) -> str:
    """Tell when a recording starts: ``2024-05-02 14:03:22``, ``14:03:22`` without a date; empty if nobody knows."""
    day = f"{start_time:%Y-%m-%d} " if isinstance(start_time, datetime) else ""
    return day + clock_time(start_time, 0.0)


def parse_start_time(text: str) -> StartTime:
    """Read the start of a recording as `isoformat` wrote it."""
    return datetime.fromisoformat(text) if "T" in text else time.fromisoformat(text)


def ordinal(number: float) -> str:
    """Write a number as an ordinal: ``95th``, ``91st``, ``97.5th``."""
    text = f"{number:g}"
    ending = {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th")
    return text + ("th" if "." in text or text[-2:] in ("11", "12", "13") else ending)


def baseline_name(key: str) -> str:
    """Name a simple method that the detector is compared with, from its key in the files."""
    return _BASELINES.get(key, key.replace("_", " "))


def count_text(count: int, noun: str) -> str:
    """Count with its noun: ``1 beat``, ``2,300 beats``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """List names, of a great many the first: ``a, b``, ``a, b, c and 180 more``."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def left_out(what: str, reasons: Sequence[tuple[str, str]]) -> list[str]:
    """Say for each name with its reason why it was left out; in one note where more than a few share a reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in reasons:
        by_reason.setdefault(reason, []).append(name)
    notes = []
    for name, reason in reasons:
        alike = by_reason[reason]
        if len(alike) <= _FEW:
            called = name if name.startswith(f"{what} ") else f"{what} {name}"  # one without a name is called lead 2
            notes.append(f"left out {called}: {reason}")
        elif name == alike[0]:
            notes.append(f"left out {len(alike)} {what}s ({listed(alike)}), each because: {reason}")
    return notes


def number(value: Any) -> str:
    """Write a share or area with three decimals."""
    return f"{value:.3f}" if is_number(value) else UNDEFINED


def percent(value: Any, decimals: int = 1) -> str:
    """Write a share in percent."""
    return f"{value:.{decimals}%}" if is_number(value) else UNDEFINED


def score_text(value: Any) -> str:
    """Write a score, a threshold or a count with three significant digits, without an exponent where it is shorter."""
    if not is_number(value):
        return UNDEFINED
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def interval(ends: Sequence[float] | None, form: Callable[[Any], str]) -> str:
    """Write an interval as ``low to high``; empty where it is not known."""
    return " to ".join(map(form, ends)) if ends else ""


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
