"""Times on the page: of the day where a recording says when it starts, from the start elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ecg_anomaly import words
from ecg_anomaly.findings.store import Stored

_TICKS_S = (0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600)
_MOST_TICKS = 7


def when(stored: Stored) -> Callable[[float], str]:
    """Give what says a time of a recording, in seconds from its start, in words."""
    return words.clock if stored.start_time is None else partial(words.clock_time, stored.start_time)


def clock_s(stored: Stored) -> float | None:
    """Give the seconds from midnight to the start of a recording; ``None`` where nobody knows."""
    start = stored.start_time
    if start is None:
        return None
    return start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6


def ticks(stored: Stored, start_s: float, end_s: float) -> tuple[dict[str, Any], str]:
    """Label an axis of seconds from the start of a recording; give its ticks and title."""
    step_s = next((step for step in _TICKS_S if (end_s - start_s) / step <= _MOST_TICKS), _TICKS_S[-1])
    offset_s = clock_s(stored) or 0.0
    numbers = np.arange(np.ceil((start_s + offset_s) / step_s), np.floor((end_s + offset_s) / step_s) + 1)
    # Rounded, since 0.2 has no end in binary numbers: 419.99999 s would be a second early.
    ticks_s = (numbers * step_s - offset_s).round(6)
    fraction = "" if step_s >= 1 else ".1f"
    says, labels = when(stored), list[str]()
    for tick_s in ticks_s:
        day, _, of_day = says(tick_s + 1e-7).removesuffix(" UTC").rpartition(", ")
        tenth = f"{(tick_s + offset_s) % 1:{fraction}}"[1:] if fraction else ""
        labels.append(of_day + tenth + (f"<br>{day}" if day else ""))
    if stored.start_time is None:
        return {"tickvals": ticks_s, "ticktext": labels}, "time from the start of the recording"
    zone = ", UTC" if says(0.0).endswith("UTC") else ""
    return {"tickvals": ticks_s, "ticktext": labels}, f"time of the day{zone}"
