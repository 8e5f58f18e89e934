"""Simulated rhythms: what the RR intervals around a normal beat could have been.

Tachograms are arrays of shape ``(examples, intervals)`` of log RR intervals (RR in seconds): those before the earlier
beats, oldest first, then the one before and the one after the beat in question (`BEFORE`, `AFTER`). Logarithms, since
a premature beat or a pause is a share of the interval that was due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.detector.ectopy.draws import Draws

BEFORE, AFTER = -2, -1  # columns of a tachogram
LOG_RR_LIMITS = (-1.5, 1.0986)  # RR intervals between 0.22 s and 3 s

# Shares of the examples with fibrillation, ectopic beats, sinus arrhythmia, dropped beats and a fast rhythm; the others
# keep the rhythm that was recorded.
_SHARES = [0.14, 0.40, 0.06, 0.03, 0.03]
_ECTOPIC, _FAST = 1, 4  # places in the list
_USUAL_TEMPO = (-0.60, 0.45)  # log RR of a resting to a walking heart: 109 to 38 beats a minute


@dataclass(frozen=True)
class Rhythms(PerBeat):
    """Simulated rhythms; arrays of shape ``(examples,)`` unless said otherwise."""

    tachograms: np.ndarray  # shape (examples, intervals): log RR
    fibrillating: np.ndarray  # bool: atrial fibrillation at the beat in question
    fast: np.ndarray  # bool: a fast rhythm for as long as is remembered
    onset: np.ndarray  # the interval with which it began; 0 where it has always been there
    coupling: np.ndarray  # how early the ectopic beats among the earlier ones come, log of a share; NaN: there are none

    @property
    def recent_onset(self) -> np.ndarray:
        """Bool: whether most of the earlier beats came before the fibrillation."""
        return np.asarray(self.fibrillating & (self.onset > (self.tachograms.shape[1] - 2) / 2))


def simulate_rhythms(tachograms: np.ndarray, draws: Draws) -> Rhythms:
    """Change the rhythm around normal beats: another tempo, and in most another kind of rhythm.

    The interval before the beat in question stays one of a normal beat.
    """
    count = len(tachograms)
    changed = _with_another_tempo(tachograms, draws)
    kind = draws.choice([*_SHARES, 1 - sum(_SHARES)], count)
    fibrillating, onset = kind == 0, np.zeros(count, dtype=np.int64)
    ectopic, coupling = kind == _ECTOPIC, np.full(count, np.nan, dtype=np.float32)
    changed[fibrillating], onset[fibrillating] = _fibrillation(changed[fibrillating], draws)
    changed[ectopic], coupling[ectopic] = _ectopic_beats(changed[ectopic], draws)
    for number, change in enumerate((_sinus_arrhythmia, _dropped_beats, _fast_rhythm), start=2):
        changed[kind == number] = change(changed[kind == number], draws)
    return Rhythms(np.clip(changed, *LOG_RR_LIMITS), fibrillating, kind == _FAST, onset, coupling)


def compensatory_pause(coupling: np.ndarray) -> np.ndarray:
    """Log RR after a premature beat that leaves the sinus node alone, relative to the usual interval.

    The next sinus beat comes when it was due, two usual intervals after the last: ``log(2 - exp(coupling))``, for a
    premature beat that came at ``coupling`` (log of a share of the usual interval).
    """
    return np.asarray(np.log(2 - np.minimum(np.exp(coupling), 0.97)))


def interpolated(coupling: np.ndarray) -> np.ndarray:
    """Log RR after a premature beat between two sinus beats that come when they are due, the second a little late.

    The conduction of the second is slowed by the premature beat before it.
    """
    return np.asarray(np.log(np.maximum(1 - np.exp(coupling), 0.32) + 0.1))


def _with_another_tempo(tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Make half of the hearts faster or slower, within what is usual (or where they were)."""
    count = len(tachograms)
    middle = np.median(tachograms[:, :BEFORE], axis=1)
    shifted = middle + np.where(draws.chance(0.5, count), draws.uniform(-0.3, 0.3, count), 0.0)
    least, most = np.minimum(middle, _USUAL_TEMPO[0]), np.maximum(middle, _USUAL_TEMPO[1])
    return np.asarray(tachograms + (np.clip(shifted, least, most) - middle)[:, np.newaxis])


def _fibrillation(tachograms: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Atrial fibrillation: intervals that hardly depend on each other, with a tail to long ones.

    The coefficient of variation lies between 0.1 and 0.3 (Tateno K, Glass L. Med Biol Eng Comput 39:664-671, 2001: near
    0.24, whatever the rate). In four of ten it began not long ago, with the rate that it has now.
    """
    count, intervals = tachograms.shape
    noise = draws.normal(count, intervals)
    noise += 0.125 * (noise**2 - 1)
    follows = draws.uniform(-0.1, 0.3, count, 1)
    noise[:, 1:] = noise[:, 1:] * (1 - np.abs(follows)) + follows * noise[:, :-1]
    middle = np.median(tachograms[:, :BEFORE], axis=1, keepdims=True)
    irregular = middle + draws.uniform(0.1, 0.3, count, 1) * noise
    onset = np.where(draws.chance(0.6, count), 0, draws.integers(max(1, intervals - 12), count))
    return np.where(np.arange(intervals) >= onset[:, np.newaxis], irregular, tachograms), onset


def _sinus_arrhythmia(tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Respiratory sinus arrhythmia: the rate follows the breath, which takes 3 to 9 beats and is not quite steady."""
    count, intervals = tachograms.shape
    depth, beats, phase = (draws.uniform(*range_, count, 1) for range_ in ((0.02, 0.2), (3, 9), (0, 2 * np.pi)))
    drift = 0.09 * draws.normal(count, intervals).cumsum(axis=1)
    return np.asarray(tachograms + depth * np.sin(2 * np.pi * np.arange(intervals) / beats + phase + drift))


def _dropped_beats(tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Block in the sinus or the AV node: now and then an interval is about twice as long (by 1.6 to 2.1)."""
    count, intervals = tachograms.shape
    dropped = draws.uniform(0, 1, count, intervals) < draws.uniform(0.02, 0.35, count, 1)
    return np.asarray(tachograms + dropped * draws.uniform(0.45, 0.75, count, 1))


def _fast_rhythm(tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Let the heart beat 110 to 190 times a minute for as long as is remembered: one event, and no premature beats."""
    count, intervals = tachograms.shape
    return np.asarray(
        draws.uniform(-1.15, -0.6, count, 1) + draws.uniform(0.01, 0.04, count, 1) * draws.normal(count, intervals)
    )


def _ectopic_beats(tachograms: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Premature beats among the earlier ones, and after the beat in question, which is none itself; their coupling."""
    count, intervals = tachograms.shape
    ectopic = _where_ectopic(count, intervals, draws)
    ectopic[:, BEFORE] = False
    ectopic[:, AFTER] &= draws.chance(0.15, count)
    coupling = draws.uniform(-0.85, -0.12, count, 1)
    in_run = np.zeros_like(ectopic)
    in_run[:, 1:] = ectopic[:, 1:] & ectopic[:, :-1]
    early = coupling + 0.05 * draws.normal(count, intervals)
    early += in_run * draws.uniform(-0.05, 0.2, count, 1)
    reset = draws.uniform(-0.05, 0.35, count, 1)
    pause = np.where(draws.chance(0.5, count, 1), compensatory_pause(coupling), reset)
    pause = np.where(draws.chance(0.06, count, 1), interpolated(coupling), pause)
    pause = pause + 0.03 * draws.normal(count, intervals)
    after = np.zeros_like(ectopic)
    after[:, 1:] = ectopic[:, :-1] & ~ectopic[:, 1:]
    return tachograms + np.where(ectopic, early, np.where(after, pause, 0.0)), coupling[:, 0]


def _where_ectopic(count: int, intervals: int, draws: Draws) -> np.ndarray:
    """Which beats are premature: rare to frequent, single to in long runs; in a fifth every second, third or fourth."""
    rare = draws.chance(0.5, count)
    begins = np.where(rare, draws.uniform(0.005, 0.08, count), draws.uniform(0.05, 0.6, count))
    persistence = draws.uniform(0, 1, count)
    continues = np.select(
        [persistence < 0.45, persistence < 0.89],
        [draws.uniform(0, 0.1, count), draws.uniform(0.1, 0.75, count)],
        draws.uniform(0.75, 0.97, count),
    )
    drawn, ectopic = draws.uniform(0, 1, count, intervals), np.zeros((count, intervals), dtype=bool)
    for beat in range(1, intervals):
        ectopic[:, beat] = drawn[:, beat] < np.where(ectopic[:, beat - 1], continues, begins)
    every = 2 + draws.choice([0.45, 0.32, 0.23], count, 1)
    since = intervals * (1 - draws.uniform(0, 1, count, 1))
    steady = ((np.arange(intervals) + draws.integers(4, count, 1)) % every == 0) & (np.arange(intervals) > since)
    return np.where(draws.chance(0.22, count, 1), steady, ectopic)
