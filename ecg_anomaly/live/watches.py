"""Notices what is wrong with the signal itself: a source that stalls, a lead that came off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from ecg_anomaly.beats.lead_looks import START_S, look_at_leads
from ecg_anomaly.beats.leads import oddities
from ecg_anomaly.config import Config
from ecg_anomaly.records.lead_names import lead_called

STALL_S = 3.0  # without any data: portions come every tenth of a second
_STEP_S = 1
_STEPS_OFF = 2  # so many steps in a row without a signal show that a lead is off; a baseline shift may hide one
_FLAT_MV = 1e-3  # a lead that changes less within a step is loose, as for the window of a beat
_LEAST_SHARE = 0.5  # of a step that must be there


class StallWatch:
    """Notices when nothing comes for some seconds, and when it comes again."""

    def __init__(self) -> None:
        self._last_s: float | None = None  # when something came
        self._stalled = False

    def look(self, came: bool, now_s: float) -> Iterator[str]:
        """Say what is new, in words, each once.

        Parameters
        ----------
        came
            Whether data have come since the last look.
        now_s
            The time on any clock that goes evenly.
        """
        self._last_s = now_s if self._last_s is None else self._last_s
        waited_s = now_s - self._last_s
        if came:
            if self._stalled:
                yield f"data come again, after {waited_s:.0f} s"
            self._last_s, self._stalled = now_s, False
        elif not self._stalled and waited_s >= STALL_S:
            yield f"no data for {waited_s:.0f} s; waiting"
            self._stalled = True


class LeadWatch:
    """Notices when a lead comes off, and when it is back.

    The signal is looked at second by second from its start, so that what is said does not depend on the portions.
    """

    def __init__(self, leads: Sequence[str], sampling_rate_hz: float):
        self._names = list(leads)
        self._step = round(_STEP_S * sampling_rate_hz)
        self._rate_hz = sampling_rate_hz
        self._signals_mv = np.empty((0, len(leads)))
        self._position = 0  # of their start
        self._dead_steps = np.zeros(len(leads), dtype=int)  # in a row

    def push(self, signals_mv: np.ndarray) -> Iterator[tuple[float, str]]:
        """Take the next samples, of shape ``(samples, leads)``; give times in seconds and what happened, in words."""
        self._signals_mv = np.concatenate([self._signals_mv, signals_mv])
        whole = len(self._signals_mv) // self._step * self._step
        for step_mv in self._signals_mv[:whole].reshape(-1, self._step, len(self._names)):
            yield from self._look_at(step_mv)
        self._signals_mv = self._signals_mv[whole:].copy()

    def _look_at(self, step_mv: np.ndarray) -> Iterator[tuple[float, str]]:
        present = np.isfinite(step_mv)
        spans_mv = np.where(present, step_mv, -np.inf).max(axis=0) - np.where(present, step_mv, np.inf).min(axis=0)
        dead = (present.mean(axis=0) < _LEAST_SHARE) | ~(spans_mv >= _FLAT_MV)
        start_s = self._position / self._rate_hz
        self._position += self._step
        was_off = self._dead_steps >= _STEPS_OFF
        self._dead_steps = np.where(dead, self._dead_steps + 1, 0)
        for lead in np.flatnonzero(self._dead_steps == _STEPS_OFF):
            yield start_s - (_STEPS_OFF - 1) * _STEP_S, f"{lead_called(self._names[lead])} came off, it has no signal"
        for lead in np.flatnonzero(was_off & ~dead):
            yield start_s, f"{lead_called(self._names[lead])} is back"


class StartLook:
    """Looks at the leads once, when the first minute of a signal is there, as is done at the start of a recording."""

    def __init__(self, leads: Sequence[str], sampling_rate_hz: Fraction, config: Config):
        self._names, self._rate_hz, self._config = leads, sampling_rate_hz, config
        self._parts: list[np.ndarray] | None = []  # the start; ``None`` once it was looked at

    def push(self, signals_mv: np.ndarray) -> list[str]:
        """Take the next samples, of shape ``(samples, leads)``; say what is odd, once."""
        if self._parts is None:
            return []
        self._parts.append(signals_mv)
        return self.finish() if sum(map(len, self._parts)) >= START_S * self._rate_hz else []

    def finish(self) -> list[str]:
        """Say what is odd about a signal that has ended, unless it was said."""
        if not self._parts:
            return []
        start_mv = np.concatenate(self._parts)[: round(START_S * self._rate_hz)]
        self._parts = None
        return oddities(self._names, look_at_leads(start_mv, self._rate_hz, self._config))
