"""Values that come from a page: anybody may send anything, so they are checked before they are used."""

from __future__ import annotations

import math
import sys
from typing import Any

from ecg_anomaly.errors import UserError


def row_of(value: Any, beats: int) -> int:
    """Give the row of a beat of a recording that has so many; `UserError` if it is none."""
    if type(value) is not int or not 0 <= value < beats:
        raise UserError(f"there is no beat {_shown(value)} in this recording, which has {beats:,}; choose one of them")
    return value


def number_of(value: Any, what: str, lowest: float = -math.inf, highest: float = math.inf) -> float:
    """Give a number between two others, both included; `UserError`, which says what it should be, if it is none."""
    # Compared, not asked whether it is finite: an integer may be too large for that.
    largest = sys.float_info.max
    if type(value) not in (int, float) or not max(lowest, -largest) <= value <= min(highest, largest):
        limits = f" from {lowest:g} to {highest:g}" if math.isfinite(lowest) and math.isfinite(highest) else ""
        raise UserError(f"{_shown(value)} is no {what}; name a number{limits}")
    return float(value)


def kept_of(key: str, value: Any) -> Any:
    """Give what a page keeps of the recording with this key, as ``[key, kept]``; ``None`` if it is of another one."""
    return value[1] if isinstance(value, list) and len(value) == 2 and value[0] == key else None


def _shown(value: Any) -> str:
    """Show a value, short and in one line."""
    return f"{value!r:.40}"
