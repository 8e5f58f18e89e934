"""Does a beat come in time? RR intervals against the patient's own recent rhythm."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecg_anomaly.config import Rhythm
from ecg_anomaly.history import median_of_earlier


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
    for rows in beats.groupby("record", sort=False).indices.values():
        rr_s = beats["rr_before_s"].to_numpy()[rows]
        usual_s = median_of_earlier(rr_s, beats["time_s"].to_numpy()[rows], settings.recent_beats, start_s)
        early[rows] = -np.log(rr_s / usual_s)
    return early
