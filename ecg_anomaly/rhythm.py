"""Does a beat come in time? RR intervals against the patient's own recent rhythm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecg_anomaly.config import Rhythm
from ecg_anomaly.history import median_of_earlier, quantile_of_earlier, rows_of_each_record


def prematurity(beats: pd.DataFrame, settings: Rhythm, start_s: float) -> np.ndarray:
    """How early each beat comes: ``-log(RR before / median RR of the beats before it)``.

    Parameters
    ----------
    beats
        All beats of whole records, ordered by record and time, with the columns ``record``,
        ``time_s`` and ``rr_before_s``.
    settings
        How many earlier beats make the patient's own rhythm.
    start_s
        Beats before this time are compared with all of them.

    Returns
    -------
    ndarray
        Shape ``(beats,)``: 0 in time, log 2 after half of the usual interval.
    """
    early = np.empty(len(beats))
    for rows in rows_of_each_record(beats):
        rr_s = beats["rr_before_s"].to_numpy()[rows]
        usual_s = median_of_earlier(rr_s, beats["time_s"].to_numpy()[rows], settings.recent_beats, start_s)
        early[rows] = -np.log(rr_s / usual_s)
    return early


def deviations(
    beats: pd.DataFrame, counting: np.ndarray, settings: Rhythm, start_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how a beat departs from the patient's own rhythm, in units of how much that rhythm varies.

    In atrial fibrillation every other beat is early; what is early there is common, and counts less.

    Parameters
    ----------
    beats
        All beats of whole records, ordered by record and time, with the columns ``record``, ``time_s``,
        ``rr_before_s`` and ``rr_after_s``.
    counting
        Shape ``(beats,)``, bool: the beats that tell what the patient's rhythm is.
    settings
        How many earlier beats make the rhythm, and the least that it is taken to vary.
    start_s
        Beats before this time are compared with all of them.

    Returns
    -------
    early : ndarray
        Shape ``(beats,)``: how much shorter log RR before the beat is than the patient's usual one.
    pause : ndarray
        Shape ``(beats,)``: how much longer log RR after the beat is than before it.
        Both are divided by ``least_spread`` plus the recent median absolute deviation of log RR.
    """
    early, pause = np.empty(len(beats)), np.empty(len(beats))
    for rows in rows_of_each_record(beats):
        times_s = beats["time_s"].to_numpy()[rows]
        before = np.log(beats["rr_before_s"].to_numpy()[rows])
        after = np.log(beats["rr_after_s"].to_numpy()[rows])
        known = np.where(counting[rows], before, np.nan)
        usual = _usual(before, known, times_s, settings, start_s)
        deviation = np.abs(known - median_of_earlier(known, times_s, settings.recent_beats, start_s))
        varies = median_of_earlier(deviation, times_s, settings.recent_beats, start_s)
        spread = settings.least_spread + np.nan_to_num(varies)
        early[rows] = (usual - before) / spread
        pause[rows] = (after - before) / spread
    return early, pause


def in_time(beats: pd.DataFrame, counting: np.ndarray, settings: Rhythm, start_s: float) -> np.ndarray:
    """Tell which beats come no earlier than usual, from RR intervals alone; arguments as for `deviations`.

    Returns
    -------
    ndarray of bool
        Shape ``(beats,)``: RR before the beat is at least the share ``in_time`` of the usual one.
    """
    timely = np.empty(len(beats), dtype=bool)
    for rows in rows_of_each_record(beats):
        before = np.log(beats["rr_before_s"].to_numpy()[rows])
        known = np.where(counting[rows], before, np.nan)
        usual = _usual(before, known, beats["time_s"].to_numpy()[rows], settings, start_s)
        timely[rows] = before > usual + np.log(settings.in_time)
    return timely


def _usual(log_rr: np.ndarray, known: np.ndarray, times_s: np.ndarray, settings: Rhythm, start_s: float) -> np.ndarray:
    # Not the median: where premature beats come often, as in bigeminy, half of the intervals are short.
    usual = quantile_of_earlier(known, times_s, settings.recent_beats, start_s, settings.usual_quantile)
    # Before the first beat that counts, a beat has only itself to be compared with.
    return np.where(np.isnan(usual), log_rr, usual)
