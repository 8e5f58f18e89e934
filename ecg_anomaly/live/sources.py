"""Where a live signal comes from: what all sources have in common, and a recording that is replayed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ecg_anomaly.beats.leads import choose_leads, not_analysed
from ecg_anomaly.config import Records
from ecg_anomaly.records.channels import Channel, choose_ecg

PORTION_S = 0.1  # how long a source gathers samples before it passes them on: shorter ones cost more and show no more

_BLOCK_S = 60.0  # of a recording
_AT_ONCE_S = 10.0  # of a recording, where it need not take its time
_BEFORE_S = 60.0  # of a recording that is replayed from somewhere within: a minute shows the patient's own beat
_LATE_S = 1.0  # of wall time; what is later by more is not made up for


@dataclass(frozen=True)
class Portion:
    """What has come since the portion before.

    Its signals have the shape ``(samples, leads)``, and NaN where samples are missing; no samples when nothing came.
    """

    signals_mv: np.ndarray
    notes: tuple[str, ...] = ()  # what happened at the source, in words
    until: datetime | None = None  # when the sample after its last one is due, at a source that is live

    @classmethod
    def joined(cls, parts: Sequence[Portion]) -> Portion:
        """Put portions that follow each other into one; at least one is needed."""
        if len(parts) == 1:
            return parts[0]
        notes = tuple(note for part in parts for note in part.notes)
        return cls(np.concatenate([part.signals_mv for part in parts]), notes, parts[-1].until)


@dataclass(frozen=True)
class Columns:
    """Which columns of a source's samples are leads: their names, where they stand, and millivolts per unit of each."""

    leads: tuple[str, ...]
    positions: Sequence[int]
    factors: np.ndarray

    def millivolts(self, values: np.ndarray) -> np.ndarray:
        """Take the leads from samples of shape ``(samples, columns)``; gives shape ``(samples, leads)``."""
        return np.asarray(values[:, self.positions] * self.factors)


def choose_columns(
    channels: Sequence[Channel], where: str, asked: Sequence[str], gain: float | None, settings: Records
) -> tuple[Columns, tuple[str, ...]]:
    """Choose the columns of a source that are analysed, as those of a file are; and say what was left out or guessed.

    Before its signal has come, only names tell; parameters and errors as for `channels.choose_ecg`.
    """
    leads = choose_ecg(channels, where, asked, gain)
    chosen = choose_leads(leads.names, settings, where, asked=leads.names if asked else ())
    positions = [leads.channels[lead] for lead in chosen]
    factors = np.array([leads.factors_mv[lead] for lead in chosen])
    names = tuple(leads.names[lead] for lead in chosen)
    return Columns(names, positions, factors), (*leads.notes, *not_analysed(leads.names, names))


def now_here() -> datetime:
    """Tell the time of this machine, with its zone, to the millisecond."""
    now = datetime.now().astimezone()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class LiveSignal(Protocol):
    """A signal that arrives."""

    name: str  # what outputs are called after
    origin: str  # what it is, in words: a recording that was cut off is known again by that
    waits: bool  # whether it waits while it is not read; else it has to be, whatever else is to be done
    sampling_rate_hz: Fraction  # of each lead
    leads: tuple[str, ...]  # names of those that are passed on

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the source, up to now."""

    def portions(self) -> Iterator[Portion]:
        """Yield what comes, until the source ends; an empty portion at least every second when nothing does."""


class Recorded(Protocol):
    """A recording that is there as a whole: a `RecordingFile`, or one that was analysed."""

    @property
    def name(self) -> str:
        """What outputs are called after."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of it."""

    @property
    def sampling_rate_hz(self) -> Fraction:
        """Of each lead."""

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads."""

    @property
    def samples(self) -> int:
        """Per lead."""

    def blocks(self, seconds: float) -> Iterator[np.ndarray]:
        """Read the signals from the start; as `RecordingFile.blocks`."""


class Replay:
    """A recording that is replayed as if it were recorded now; a `LiveSignal`.

    Parameters
    ----------
    recording
        What is replayed.
    speed
        How many seconds of signal pass in a second; infinite: as fast as it is taken. It may be changed on the way.
    at_s
        Where in the recording the replay starts. Up to a minute before comes at once, so that an analysis has met the
        patient.
    """

    waits = True
    _clock: Any = time  # what tells the time and waits

    def __init__(self, recording: Recorded, speed: float = 1.0, at_s: float = 0.0):
        self.name, self.notes = recording.name, recording.notes
        self.sampling_rate_hz, self.leads = recording.sampling_rate_hz, recording.leads
        self.start_time = getattr(recording, "start_time", None)
        path: Path | None = getattr(recording, "path", None)
        self.origin = f"replay of {self.name if path is None else path.resolve()}"
        self.recording, self.speed, self.at_s = recording, speed, at_s
        self.from_s = max(0.0, at_s - _BEFORE_S)  # where its samples start
        self.is_paused = False  # nothing comes meanwhile
        self.is_late = False  # it is taken more slowly than it should come

    def go_on_from(self, sample: int) -> None:
        """Start at a sample, with nothing of what is before: that was replayed already."""
        self.at_s = self.from_s = sample / float(self.sampling_rate_hz)

    def portions(self) -> Iterator[Portion]:
        """Yield the recording, each portion when its last sample would have come."""
        rate_hz = float(self.sampling_rate_hz)
        position, paced_from = (round(time_s * rate_hz) for time_s in (self.from_s, self.at_s))
        due_s = self._clock.monotonic()
        for block in self._blocks(position):
            start = 0
            while start < len(block):
                while self.is_paused and position >= paced_from:
                    self._clock.sleep(PORTION_S)
                    due_s = self._clock.monotonic()
                    yield Portion(block[:0])
                before = paced_from - position
                speed = math.inf if before > 0 else self.speed
                length = max(1, round(min(_AT_ONCE_S, PORTION_S * speed) * rate_hz))
                portion = block[start : start + (min(length, before) if before > 0 else length)]
                start, position = start + len(portion), position + len(portion)
                now_s = self._clock.monotonic()
                due_s = max(due_s, now_s - _LATE_S) + len(portion) / rate_hz / speed
                self.is_late = math.isfinite(speed) and due_s < now_s - _LATE_S / 2
                self._clock.sleep(max(0.0, due_s - now_s))
                yield Portion(portion)

    def _blocks(self, first: int) -> Iterator[np.ndarray]:
        """Read from a sample on."""
        for block in self.recording.blocks(_BLOCK_S):
            if first < len(block):
                yield block[first:]
            first = max(0, first - len(block))
