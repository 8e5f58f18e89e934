"""What is known of a patient when a beat comes: the beats before it."""

from __future__ import annotations

import bottleneck
import numpy as np
import pandas as pd

_FEW = 8  # new beats for which medians one by one take less than a moving one, which begins with the beats before


class EarlierBeats:
    """What was usual among the beats before each beat, while they arrive: what a live detector knows when one comes.

    Parameters
    ----------
    beats
        How many earlier beats count at most.
    start_s
        Beats before this time share one value: that of all of them (or, where the first beat comes later, of that beat
        alone). They have to be pushed together.
    quantile
        Which quantile is usual, for values of shape ``(beats,)``; ``None``: the median, for values of any shape.
    """

    def __init__(self, beats: int, start_s: float, quantile: float | None = None):
        self._beats, self._start_s, self._quantile = beats, start_s, quantile
        self._earlier: np.ndarray | None = None

    def push(self, values: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Take the next beats.

        Parameters
        ----------
        values
            Shape ``(beats, ...)``; NaN where a beat has no value.
        times_s
            Shape ``(beats,)``: when the beats come, increasing.

        Returns
        -------
        ndarray
            Shape of ``values``: what was usual before each. Where no earlier beat has a value, the beat's own.
        """
        if not len(values):
            return values
        if self._earlier is None:
            start = max(1, int(np.searchsorted(times_s, self._start_s)))
            together = np.broadcast_to(self._usual(values[:start]), (start, *values.shape[1:]))
            known, usual = values, np.concatenate([together, self._usual_before(values, start)])
        else:
            known = np.concatenate([self._earlier, values])
            usual = self._usual_before(known, len(self._earlier))
        self._earlier = known[max(0, len(known) - self._beats) :]
        return np.where(np.isnan(usual), values, usual)

    def _usual_before(self, known: np.ndarray, first: int) -> np.ndarray:
        """Find what was usual before each beat from ``first`` on."""
        if len(known) == first:
            return known[:0]
        if len(known) - first <= _FEW:  # as in a stream
            ends = range(first, len(known))
            return np.stack([self._usual(known[max(0, end - self._beats) : end]) for end in ends])
        earlier = known[:-1]
        if self._quantile is None:
            usual = bottleneck.move_median(earlier.astype(float), min(self._beats, len(earlier)), min_count=1, axis=0)
        else:
            usual = pd.Series(earlier).rolling(self._beats, min_periods=1).quantile(self._quantile).to_numpy()
        return np.asarray(usual[first - 1 :])  # what is usual up to a beat is what the next one is compared with

    def _usual(self, values: np.ndarray) -> np.ndarray:
        if self._quantile is None:
            return np.asarray(bottleneck.nanmedian(values, axis=0))
        known = values[~np.isnan(values)]
        return np.asarray(np.quantile(known, self._quantile) if len(known) else np.nan)
