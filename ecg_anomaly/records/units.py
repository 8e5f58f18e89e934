"""What the units of channels say: how many millivolts they are."""

from __future__ import annotations

import re

_UNIT_PREFIXES = {"": 1e3, **dict.fromkeys(("m", "milli", "mili", "м", "毫"), 1.0)}
_UNIT_PREFIXES |= dict.fromkeys(("u", "micro", "mikro", "мк", "微"), 1e-3)
_UNIT_PREFIXES |= dict.fromkeys(("n", "nano"), 1e-6)
_VOLT = re.compile(rf"({'|'.join(_UNIT_PREFIXES)})[ -]?(v|volts?|voltios?|в|伏)")
_NO_UNIT = ("", "-", "--", "*", "?", "none", "n/a")
# Of a converter, or none by its own word: nothing tells volts until a gain does.
_COUNTS = re.compile(
    r"adu|adc|adc[ _-]?(counts?|units?|values?)|counts?|cnts?|nu|a\.?u\.?|raw|lsb|bits?|digits?|units?|unitless|1"
)


def millivolts_per(unit: str) -> float | None:
    """Tell how many millivolts one unit is, in any spelling of volts; ``None`` if it is no voltage."""
    # "Â" is what is left of a UTF-8 micro sign that was read as Latin-1.
    spelled = _VOLT.fullmatch(_plain(unit).replace("â", "").replace("µ", "u").replace("μ", "u"))
    return _UNIT_PREFIXES[spelled.group(1)] if spelled else None


def is_no_unit(unit: str) -> bool:
    """Tell whether a unit is left open: empty, or what stands for nothing."""
    return _plain(unit) in _NO_UNIT


def is_count(unit: str) -> bool:
    """Tell whether a unit is a step of a converter: ``adu``, ``counts``, WFDB's ``NU``."""
    return bool(_COUNTS.fullmatch(_plain(unit)))


def _plain(unit: str) -> str:
    return unit.strip().strip("()[]").strip().lower()
