"""Does a beat come in time? RR intervals against the patient's own recent rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.history import median_of_earlier, quantile_of_earlier, rows_of_each_record
from ecg_anomaly.config import Rhythm


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


@dataclass(frozen=True)
class Timing:
    """How beats come in time; arrays of shape ``(beats,)``.

    Attributes
    ----------
    early
        How much shorter log RR before the beat is than the patient's usual one.
    pause
        How much longer log RR after the beat is than before it. Both are divided by ``least_spread`` plus the recent
        median absolute deviation of log RR: in atrial fibrillation every other beat is early; what is early there is
        common, and counts less.
    in_time
        Bool: RR before the beat is at least the share ``in_time`` of the usual one.
    """

    early: np.ndarray
    pause: np.ndarray
    in_time: np.ndarray


def timing(beats: pd.DataFrame, counting: np.ndarray, settings: Rhythm, start_s: float) -> Timing:
    """Compare the RR intervals of beats with the patient's own rhythm.

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
    """
    found = Timing(np.empty(len(beats)), np.empty(len(beats)), np.empty(len(beats), dtype=bool))
    times_s, before_s, after_s = (beats[name].to_numpy() for name in ("time_s", "rr_before_s", "rr_after_s"))
    for rows in rows_of_each_record(beats):
        its = timing_of_patient(times_s[rows], before_s[rows], after_s[rows], counting[rows], settings, start_s)
        found.early[rows], found.pause[rows], found.in_time[rows] = its.early, its.pause, its.in_time
    return found


def timing_of_patient(
    times_s: np.ndarray,
    rr_before_s: np.ndarray,
    rr_after_s: np.ndarray,
    counting: np.ndarray,
    settings: Rhythm,
    start_s: float,
    since: int = 0,
) -> Timing:
    """Compare the beats of one patient from ``since`` on; arguments as for `timing`, arrays of shape ``(beats,)``."""
    before, after = np.log(rr_before_s), np.log(rr_after_s[since:])
    known = np.where(counting, before, np.nan)
    recent = settings.recent_beats
    deviation = np.abs(known - median_of_earlier(known, times_s, recent, start_s))
    spread = settings.least_spread + np.nan_to_num(median_of_earlier(deviation, times_s, recent, start_s, since))
    # Not the median: where premature beats come often, as in bigeminy, half of the intervals are short.
    usual = quantile_of_earlier(known, times_s, recent, start_s, settings.usual_quantile, since)
    before = before[since:]
    # Before the first beat that counts, a beat has only itself to be compared with.
    usual = np.where(np.isnan(usual), before, usual)
    return Timing((usual - before) / spread, (after - before) / spread, before > usual + np.log(settings.in_time))
