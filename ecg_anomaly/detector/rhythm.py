"""Does a beat come in time? RR intervals against the patient's own recent rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.config import Rhythm

_FIRST_LOG_RR = 0.0  # of an interval of 1 s, where none is known


def prematurity(rr_before_s: np.ndarray, times_s: np.ndarray, settings: Rhythm, start_s: float) -> np.ndarray:
    """How early each beat of a record comes: ``-log(RR before / median RR of the beats before it)``.

    Parameters
    ----------
    rr_before_s, times_s
        Shape ``(beats,)``: the RR interval before each beat, NaN where it is unknown, and when it comes.
    settings
        How many earlier beats make the patient's own rhythm.
    start_s
        Beats before this time are compared with all of them.

    Returns
    -------
    ndarray
        Shape ``(beats,)``: 0 in time or unknown, log 2 after half of the usual interval.
    """
    usual_s = EarlierBeats(settings.recent_beats, start_s).push(rr_before_s, times_s)
    return np.asarray(np.nan_to_num(-np.log(rr_before_s / usual_s)))


@dataclass(frozen=True)
class Timing(PerBeat):
    """How beats come in time; arrays of shape ``(beats,)``.

    Both deviations are divided by ``least_spread`` plus the recent median absolute deviation of log RR: in atrial
    fibrillation every other beat is early; what is early there is common, and counts less.
    """

    early: np.ndarray  # how much shorter log RR before the beat is than the patient's usual one
    pause: np.ndarray  # how much longer log RR after the beat is than before it
    in_time: np.ndarray  # bool: RR before the beat is at least the share ``in_time`` of the usual one
    tachograms: (
        np.ndarray
    )  # shape (beats, recent_beats + 2): log RR before the earlier beats, before and after this one


class PatientRhythm:
    """Compares RR intervals with the patient's own rhythm, while the beats of a record arrive.

    Parameters
    ----------
    settings
        How many earlier beats make the rhythm, and the least that it is taken to vary.
    start_s
        Beats before this time are compared with all of them, and have to be pushed together.
    """

    def __init__(self, settings: Rhythm, start_s: float):
        self._settings = settings
        self._middle = EarlierBeats(settings.recent_beats, start_s)
        self._spread = EarlierBeats(settings.recent_beats, start_s)
        # Not the median: where premature beats come often, as in bigeminy, half of the intervals are short.
        self._usual = EarlierBeats(settings.recent_beats, start_s, settings.usual_quantile)
        self._tachogram = _Tachogram(settings.recent_beats, start_s)

    def push(
        self, times_s: np.ndarray, rr_before_s: np.ndarray, rr_after_s: np.ndarray, counting: np.ndarray
    ) -> Timing:
        """Compare the next beats; arrays of shape ``(beats,)``.

        Parameters
        ----------
        times_s
            When they come.
        rr_before_s, rr_after_s
            The RR intervals beside them; one that is unknown (NaN) is taken to be the usual one, and tells nothing.
        counting
            Bool: the beats that tell what the patient's rhythm is.
        """
        before, after = np.log(rr_before_s), np.log(rr_after_s)
        known = np.where(counting, before, np.nan)
        deviation = np.abs(known - self._middle.push(known, times_s))
        spread = self._settings.least_spread + np.nan_to_num(self._spread.push(deviation, times_s))
        usual = self._usual.push(known, times_s)
        # Before the first beat that counts, a beat has only itself to be compared with.
        usual = np.where(np.isnan(usual), np.nan_to_num(before, nan=_FIRST_LOG_RR), usual)
        before, after = (np.where(np.isnan(log_rr), usual, log_rr) for log_rr in (before, after))
        in_time = before > usual + np.log(self._settings.in_time)
        tachograms = np.column_stack([self._tachogram.push(known, times_s), before, after]).astype(np.float32)
        return Timing((usual - before) / spread, (after - before) / spread, in_time, tachograms)


class _Tachogram:
    """The latest log RR intervals before each beat of a record, oldest first; where there are fewer, they repeat."""

    def __init__(self, beats: int, start_s: float):
        self._beats, self._start_s = beats, start_s
        self._earlier: np.ndarray | None = None

    def push(self, log_rr: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Take the next beats (NaN: does not count); those of the first seconds come together, and know each other."""
        if not len(log_rr):
            return np.empty((0, self._beats))
        counting = ~np.isnan(log_rr)
        if self._earlier is None:
            start = max(1, int(np.searchsorted(times_s, self._start_s)))
            first = log_rr[:start][counting[:start]]
            self._earlier = np.resize(first if len(first) else [_FIRST_LOG_RR], self._beats)
        known = np.concatenate([self._earlier, log_rr[counting]])
        before = np.cumsum(counting) - counting  # how many of the new intervals each beat has before it
        self._earlier = known[-self._beats :]
        return np.asarray(np.lib.stride_tricks.sliding_window_view(known, self._beats)[before])
