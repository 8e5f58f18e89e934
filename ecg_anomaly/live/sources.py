"""Where a live signal comes from: what all sources have in common, and a recording that is replayed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from ecg_anomaly.beats.leads import choose_leads, not_analysed
from ecg_anomaly.config import Records
from ecg_anomaly.records.channels import Channel, choose_ecg
from ecg_anomaly.records.recording import RecordingFile

PORTION_S = 0.1  # how long a source gathers samples before it passes them on: shorter ones cost more and show no more

_BLOCK_S = 60.0  # of a recording
_AT_ONCE_S = 10.0  # of a recording, where it need not take its time


@dataclass(frozen=True)
class Portion:
    """What has come since the portion before.

    Its signals have the shape ``(samples, leads)``, and NaN where samples are missing; no samples when nothing came.
    """

    signals_mv: np.ndarray
    notes: tuple[str, ...] = ()  # what happened at the source, in words


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


class LiveSignal(Protocol):
    """A signal that arrives."""

    name: str  # what outputs are called after
    sampling_rate_hz: Fraction  # of each lead
    leads: tuple[str, ...]  # names of those that are passed on

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the source, up to now."""

    def portions(self) -> Iterator[Portion]:
        """Yield what comes, until the source ends; an empty portion at least every second when nothing does."""


class Replay:
    """A recording that is replayed as if it were recorded now; a `LiveSignal`.

    ``speed`` is how many seconds of signal pass in a second; infinite: as fast as it is taken.
    """

    def __init__(self, recording: RecordingFile, speed: float = 1.0):
        self.name, self.notes = recording.name, recording.notes
        self.sampling_rate_hz, self.leads = recording.sampling_rate_hz, recording.leads
        self._recording, self._speed = recording, speed

    def portions(self) -> Iterator[Portion]:
        """Yield the recording, each portion when its last sample would have come."""
        rate_hz = float(self.sampling_rate_hz)
        length = max(1, round(min(_AT_ONCE_S, PORTION_S * self._speed) * rate_hz))
        started_s, sent = time.monotonic(), 0
        for block in self._recording.blocks(_BLOCK_S):
            for start in range(0, len(block), length):
                portion = block[start : start + length]
                sent += len(portion)
                due_s = started_s + sent / rate_hz / self._speed
                time.sleep(max(0.0, due_s - time.monotonic()))
                yield Portion(portion)
