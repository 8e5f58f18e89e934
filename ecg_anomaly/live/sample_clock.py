"""Samples with time stamps, put where they belong: what was dropped on the way becomes missing samples.

Samples that come late (a slow radio, a busy computer) are followed by others that catch up; after dropped samples all
stay late. So when a stamp is later than the jitter explains, samples are held back for half a second: by as much as the
earliest of them is late, samples are missing.

Libraries smooth time stamps by a regression over a minute or more (``proc_dejitter`` of the Lab Streaming Layer, half
time 90 s), which spreads a gap over the minutes after it. Here a phase-locked loop follows the sender's real sampling
rate, and gaps are taken out before it sees them.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

LONGEST_GAP_S = 3600.0  # what is longer is a clock that was set, or better begun anew

_HELD_S = 0.5
_STEP_SHARE = 0.6  # of a sampling interval: a stamp that is later may be the next one's
_JITTERS_OFF = 4.0  # mean deviations that a stamp may be off
_LOOP_S = 3.0  # time constant of the loop: it has learnt a sampling rate that is off by 0.1 % after some of these
_LEARNING_S = 15.0  # in which the rate is not known yet, and
_LEARNING_LIMIT_S = 0.02  # less than this is not called a gap
_RATE_TOLERANCE = 0.01  # how far the real sampling rate may be from the one that the sender tells


class SampleClock:
    """Fills the gaps of a stream of time-stamped samples.

    Parameters
    ----------
    sampling_rate_hz
        Samples per second, as the sender tells.
    leads
        Number of leads.
    """

    def __init__(self, sampling_rate_hz: Fraction, leads: int):
        self._nominal_s = self._period_s = float(1 / sampling_rate_hz)
        self.expected_s = np.nan  # when the next sample should have been taken
        self._jitter_s = 0.0  # how far stamps lie off, on average
        self._learnt_s = 0.0
        self._signals = np.empty((0, leads))  # held back
        self._times_s = np.empty(0)
        self.gaps = self.dropped = 0  # how many gaps were found, and how many samples they lack

    def push(self, signals: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Take the next samples, of shape ``(samples, leads)``; give what is certain now, NaN where some were dropped.

        ``times_s``, of shape ``(samples,)``, is when they were taken, on any clock.
        """
        self._signals = np.concatenate([self._signals, signals])
        self._times_s = np.concatenate([self._times_s, times_s])
        if np.isnan(self.expected_s) and len(self._times_s):
            self.expected_s = self._times_s[0]
        given = [self._signals[:0]]
        while len(self._times_s):
            lateness_s = self._times_s - self.expected_s - np.arange(len(self._times_s)) * self._period_s
            off = np.flatnonzero(np.abs(lateness_s) > self._limit_s)
            if not len(off) or off[0]:
                in_time = lateness_s[: off[0]] if len(off) else lateness_s
                self._follow(in_time)
                given.append(self._forward(len(in_time)))
            elif len(lateness_s) * self._period_s >= _HELD_S:
                given.append(self._settle(lateness_s[: round(_HELD_S / self._period_s)]))
            else:
                break
        return np.concatenate(given)

    @property
    def _limit_s(self) -> float:
        """A stamp that is off by more tells of a gap, or of samples that come late."""
        limit_s = max(_STEP_SHARE * self._period_s, _JITTERS_OFF * self._jitter_s)
        return limit_s if self._learnt_s >= _LEARNING_S else max(limit_s, _LEARNING_LIMIT_S)

    def _settle(self, lateness_s: np.ndarray) -> np.ndarray:
        """Decide what the first of the held samples tells, by how late each of half a second is."""
        # One sign: all come late after a gap, all come early after a clock was set back.
        shift_s = lateness_s.min() if lateness_s[0] > 0 else lateness_s.max()
        if abs(shift_s) > self._limit_s and shift_s * lateness_s[0] > 0:
            return self._shift(shift_s)
        in_time = np.abs(lateness_s) <= self._limit_s
        # They catch up: how far they were off is jitter, of which one sample alone does not make much.
        count = int(in_time.argmax()) if in_time.any() else len(lateness_s)
        self._learn_jitter(np.minimum(np.abs(lateness_s[:count]), 2 * self._limit_s))
        return self._forward(count)

    def _shift(self, shift_s: float) -> np.ndarray:
        """Move on by a gap; a clock that was set back, or far ahead, is followed without one."""
        missing = round(min(shift_s, LONGEST_GAP_S) / self._period_s) if shift_s > 0 else 0
        self.expected_s += shift_s if shift_s <= 0 or shift_s > LONGEST_GAP_S else missing * self._period_s
        if missing:
            self.gaps += 1
            self.dropped += missing
        return np.full((missing, self._signals.shape[1]), np.nan)

    def _forward(self, count: int) -> np.ndarray:
        passed, self._signals, self._times_s = self._signals[:count], self._signals[count:], self._times_s[count:]
        self.expected_s += count * self._period_s
        return passed

    def _follow(self, lateness_s: np.ndarray) -> None:
        """Let the loop follow the stamps: its phase, and more slowly its rate."""
        passed_s = len(lateness_s) * self._period_s
        self._learnt_s += passed_s
        gain = 1 - np.exp(-passed_s / _LOOP_S)
        error_s = float(np.median(lateness_s))
        self.expected_s += gain * error_s
        # The gain of the rate makes a loop that settles without swinging (alpha-beta filter, critically damped).
        self._period_s += gain**2 / (2 - gain) * error_s / len(lateness_s)
        slowest_s, fastest_s = self._nominal_s * (1 + _RATE_TOLERANCE), self._nominal_s * (1 - _RATE_TOLERANCE)
        self._period_s = float(np.clip(self._period_s, fastest_s, slowest_s))
        self._learn_jitter(np.abs(lateness_s))

    def _learn_jitter(self, off_s: np.ndarray) -> None:
        gain = 1 - np.exp(-len(off_s) * self._period_s / _LOOP_S)
        self._jitter_s += gain * (float(off_s.mean()) - self._jitter_s)
