"""What is known of a patient when a beat comes: the beats before it."""

from __future__ import annotations

from collections.abc import Iterator

import bottleneck
import numpy as np
import pandas as pd


def rows_of_each_record(beats: pd.DataFrame) -> Iterator[np.ndarray]:
    """Positions of the beats of each record in a table with the column ``record``: no record knows of another."""
    yield from map(np.asarray, beats.groupby("record", sort=False).indices.values())


def median_of_earlier(
    values: np.ndarray, times_s: np.ndarray, beats: int, start_s: float, since: int = 0
) -> np.ndarray:
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
    since
        The first beat that is asked for.

    Returns
    -------
    ndarray
        Shape of ``values[since:]``. Where no earlier beat has a value, the beat's own.
    """
    asked = values[since:]
    if not len(asked):
        return asked
    start = max(1, int(np.searchsorted(times_s, start_s)))
    # The median up to a beat is what the next one is compared with.
    first = max(0, since - beats)
    earlier = values[first:-1].astype(float)
    medians = np.empty_like(asked, dtype=float)
    if len(asked) == 1 and since:
        medians[0] = bottleneck.nanmedian(earlier, axis=0)
    elif len(earlier):
        moving = bottleneck.move_median(earlier, min(beats, len(earlier)), min_count=1, axis=0)
        medians[max(0, 1 - since) :] = moving[max(0, since - first - 1) :]
    if since < start:
        medians[: start - since] = bottleneck.nanmedian(values[:start].astype(float), axis=0)
    return np.where(np.isnan(medians), asked, medians)


def quantile_of_earlier(
    values: np.ndarray, times_s: np.ndarray, beats: int, start_s: float, quantile: float, since: int = 0
) -> np.ndarray:
    """Quantile over the beats before each beat; as `median_of_earlier`, for values of shape ``(beats,)``."""
    asked = values[since:]
    if not len(asked):
        return asked
    start = max(1, int(np.searchsorted(times_s, start_s)))
    first = max(0, since - beats)
    if len(asked) == 1 and since:
        quantiles = np.array([_quantile(values[first:-1], quantile)])
    else:
        moving = pd.Series(values[first:]).rolling(beats, min_periods=1).quantile(quantile).shift()
        quantiles = moving.to_numpy(copy=True)[since - first :]
    if since < start:
        quantiles[: start - since] = _quantile(values[:start], quantile)
    return np.where(np.isnan(quantiles), asked, quantiles)


def _quantile(values: np.ndarray, quantile: float) -> float:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, quantile)) if len(known) else np.nan
