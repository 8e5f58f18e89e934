"""What the user enters of a recording whose file does not say it: options of the scripts as fields of the page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecg_anomaly.commandline import asked_leads
from ecg_anomaly.errors import UserError

LEADS, RATE, GAIN = "leads", "samples per second", "units per millivolt"  # labels

_LABELS = {"--leads": LEADS, "--sampling-rate": RATE, "--gain": GAIN}
_TIME = re.compile(r"(\d{1,4}:)?(\d{1,4}:)?\d{1,7}(\.\d{1,6})?")
_OPTION = re.compile(r"(--leads|--sampling-rate|--gain)\b( [\d.]+)?")


@dataclass(frozen=True)
class Entered:
    """How a recording is to be read; see `recording.open_recording`."""

    leads: tuple[str, ...] = ()
    sampling_rate_hz: float | None = None
    gain: float | None = None


NOTHING = Entered()


def read(leads: str | None, sampling_rate: str | float | None, gain: str | float | None) -> Entered:
    """Read what was entered; an empty field says nothing.

    Raises
    ------
    UserError
        When what should be a number is none, or leads are not named as they should be.
    """
    return Entered(asked_leads((leads or "").strip() or None), read_number(sampling_rate, RATE), read_number(gain))


def by_label(words: str) -> str:
    """Name fields of the page where a message names options of the scripts."""
    words = words.replace("leave the option out", "leave the field empty")
    return _OPTION.sub(lambda match: f"“{_LABELS[match[1]]}”" + (f" = {match[2].strip()}" if match[2] else ""), words)


def read_time(text: str | None) -> float | None:
    """Read a time from the start of a recording, as ``1:02:03``, ``62:03`` or seconds; an empty field says nothing.

    Raises
    ------
    UserError
        When it is none.
    """
    text = str(text or "").strip()
    if not text:
        return None
    if not _TIME.fullmatch(text):
        raise UserError(f"{text[:40]!r} is no time; write hours, minutes and seconds, as 1:02:03")
    return sum(float(part) * 60.0**place for place, part in enumerate(reversed(text.split(":"))))


def read_number(text: str | float | None, label: str = GAIN) -> float | None:
    """Read what the field of a label holds; an empty one says nothing; `UserError` if it is no number."""
    try:
        return float(text) if text not in (None, "") else None
    except ValueError:
        raise UserError(f"“{label}” is no number; leave it empty, or write one") from None
