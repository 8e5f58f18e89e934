"""Does a beat look like this patient's beats? What the patient's beats looked like so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.history import median_of_earlier, rows_of_each_record
from ecg_anomaly.config import Patient


@dataclass(frozen=True)
class PairedBeats:
    """Beats, each beside the patient's own beat when it comes.

    Attributes
    ----------
    windows, own_beats
        Shape ``(beats, samples, leads)`` both, float32.
    """

    windows: np.ndarray
    own_beats: np.ndarray

    def chosen(self, rows: np.ndarray) -> PairedBeats:
        """Choose some of the beats, by index or by a mask."""
        return PairedBeats(self.windows[rows], self.own_beats[rows])


def pair_with_own_beats(
    beats: pd.DataFrame, windows: np.ndarray, in_time: np.ndarray, settings: Patient, start_s: float
) -> PairedBeats:
    """Find the patient's own beat when each beat comes: the median of the beats before it, whatever their label.

    Parameters
    ----------
    beats
        All beats of whole records, ordered by record and time, with the columns ``record`` and ``fiducial_s``.
    windows
        Shape ``(beats, samples, leads)``, scaled; a missing lead is all zeros.
    in_time
        Shape ``(beats,)``, bool: the others do not count; a beat that comes early is seldom the usual one.
    settings
        How many earlier beats count.
    start_s
        Beats before this time are compared with all of them.

    Returns
    -------
    PairedBeats
        In the own beats a lead that the record lacks is all zeros.
    """
    own = np.empty_like(windows, dtype=np.float32)
    times_s = beats["fiducial_s"].to_numpy()
    for rows in rows_of_each_record(beats):
        own[rows] = own_beats(windows[rows], in_time[rows], times_s[rows], settings, start_s)
    return PairedBeats(windows, own)


def own_beats(
    windows: np.ndarray, in_time: np.ndarray, times_s: np.ndarray, settings: Patient, start_s: float, since: int = 0
) -> np.ndarray:
    """Find the own beat of one patient for each beat from ``since`` on; arguments as for `pair_with_own_beats`."""
    lost = ~windows.any(axis=1, keepdims=True)  # a lead that came off says nothing about the patient
    early = ~in_time[:, np.newaxis, np.newaxis]
    seen = np.where(lost | early, np.nan, windows)
    flat = median_of_earlier(seen.reshape(len(seen), -1), times_s, settings.recent_beats, start_s, since)
    asked = windows[since:]
    # Where no earlier beat counts, the beat has only itself to be compared with.
    own = np.where(np.isnan(flat), asked.reshape(flat.shape), flat).reshape(asked.shape)
    return np.asarray(own, dtype=np.float32)
