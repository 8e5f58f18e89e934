"""Numbers and times in words, the same in every message, table and figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_BASELINES = {"pca": "PCA reconstruction error", "prematurity": "prematurity alone"}
_FEW = 3  # that are told one by one
UNDEFINED = "-"  # a figure that no beat defines: the sensitivity to a class without beats

# What a flagged beat is called, by what `naming.call_beats` gives, and what each page says of it once.
CALLED = {"V": "like a ventricular beat", "S": "like a premature atrial beat", "other": "like neither"}
GUESS = "What a flagged beat is like is a guess from its shape and time, not a diagnosis."


def clock(time_s: float) -> str:
    """Time from the start of a record as ``h:mm:ss``."""
    minutes, seconds = divmod(int(round(time_s, 6)), 60)  # 420 times a second may be a little less than 7 minutes
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


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
            notes.append(f"left out {what} {name}: {reason}")
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
