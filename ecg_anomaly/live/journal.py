"""What has to be known of a recording that is under way, should it be cut off: where it comes from, when, and notes.

One line of JSON per entry, each written at once; a line that a kill has cut off says nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import BEATS, samples_written
from ecg_anomaly.live.sources import LiveSignal, Replay
from ecg_anomaly.words import StartTime, parse_start_time

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Origin:
    """Where a recording comes from."""

    source: str  # in words
    sampling_rate_hz: Fraction
    leads: tuple[str, ...]
    is_live: bool  # not replayed: what nobody records is missing

    @classmethod
    def of(cls, source: LiveSignal) -> Origin:
        """Describe a source."""
        is_live = not isinstance(source, Replay)
        return cls(source.origin, source.sampling_rate_hz, tuple(source.leads), is_live)

    def to_json(self) -> dict[str, Any]:
        """Give what `read_left` reads."""
        return vars(self) | {"sampling_rate_hz": str(self.sampling_rate_hz), "leads": list(self.leads)}

    def words(self) -> str:
        """Say what tells it from others."""
        return f"{self.source}, {', '.join(self.leads)} at {float(self.sampling_rate_hz):g} Hz"


@dataclass(frozen=True)
class Left:
    """What is left of a recording that was cut off."""

    origin: Origin
    samples: int  # of each lead, that were written
    start_time: StartTime | None  # when the first of them was taken
    ends: datetime | None  # when the next one would have been, in a live signal
    notes: list[str]  # what the user should know


class Journal:
    """Writes a journal, anew or after the entries that it has."""

    def __init__(self, folder: Path, anew: bool):
        path = folder / JOURNAL
        if anew:
            path.unlink(missing_ok=True)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(path.read_bytes().rfind(b"\n") + 1)  # without a line that was cut off

    def write(self, **entry: Any) -> None:
        """Write an entry, whole or not at all."""
        line, size = json.dumps(entry).encode() + b"\n", os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._file.truncate(size)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_left(folder: Path) -> Left | None:
    """Read what is left in a folder; ``None`` where no sample was written.

    Raises
    ------
    UserError
        When nobody knows of which signal it is, as of what an earlier version has left.
    """
    entries = list(_entries(folder / JOURNAL))
    if not entries or "source" not in entries[0]:
        if (folder / BEATS).exists():
            raise UserError(
                f"{folder}: nobody knows of which signal this is left, as from an earlier version; its beats are in "
                f"{BEATS}: move it away"
            )
        return None
    about = entries[0]
    rate_hz, leads = Fraction(about["sampling_rate_hz"]), tuple(about["leads"])
    samples = samples_written(folder, len(leads))
    known: dict[str, Any] = {}
    for entry in entries[1:]:
        known |= entry
    ends = None
    if "until" in known:
        later_s = (samples - known["samples"]) / float(rate_hz)
        ends = datetime.fromisoformat(known["until"]) + timedelta(seconds=later_s)
    start_time = None if known.get("start_time") is None else parse_start_time(known["start_time"])
    origin = Origin(about["source"], rate_hz, leads, about["is_live"])
    return Left(origin, samples, start_time, ends, known.get("notes", [])) if samples else None


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        with contextlib.suppress(ValueError):  # a line that was cut off
            yield json.loads(line)
