"""What is known of a patient when a beat comes: the beats before it."""

from __future__ import annotations

from collections.abc import Iterator

import bottleneck
import numpy as np
import pandas as pd


def rows_of_each_record(beats: pd.DataFrame) -> Iterator[np.ndarray]:
    """Positions of the beats of each record in a table with the column ``record``: no record knows of another."""
    yield from map(np.asarray, beats.groupby("record", sort=False).indices.values())


def median_of_earlier(values: np.ndarray, times_s: np.ndarray, beats: int, start_s: float) -> np.ndarray:
    """Median over the beats before each beat: what a live detector knows when the beat comes.

    Parameters
    ----------
    values
        Shape ``(beats, n)``, or ``(beats,)``; NaN where a beat has no value.
    times_s
        Shape ``(beats,)``: when the beats come, increasing.
    beats
        How many earlier beats count at most.
    start_s
        Beats before this time share one median: that of all of them (or, where the first beat
        comes later, of that beat alone).

    Returns
    -------
    ndarray
        Shape of ``values``. Where no earlier beat has a value, the beat's own.
    """
    if not len(values):
        return values
    start = max(1, int(np.searchsorted(times_s, start_s)))
    medians = np.empty_like(values, dtype=float)
    # The median up to a beat is what the next one is compared with.
    window = min(beats, len(values))
    medians[1:] = bottleneck.move_median(values.astype(float), window, min_count=1, axis=0)[:-1]
    medians[:start] = bottleneck.nanmedian(values[:start].astype(float), axis=0)
    return np.where(np.isnan(medians), values, medians)


def quantile_of_earlier(
    values: np.ndarray, times_s: np.ndarray, beats: int, start_s: float, quantile: float
) -> np.ndarray:
    """Quantile over the beats before each beat; as `median_of_earlier`, for values of shape ``(beats,)``."""
    if not len(values):
        return values
    start = max(1, int(np.searchsorted(times_s, start_s)))
    quantiles = pd.Series(values).rolling(beats, min_periods=1).quantile(quantile).shift().to_numpy(copy=True)
    quantiles[:start] = np.quantile(values[:start], quantile)
    return np.asarray(quantiles)
