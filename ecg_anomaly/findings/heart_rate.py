"""The heart rate of a recording, from the RR intervals between beats that can be read."""

from __future__ import annotations

from typing import TypedDict

import bottleneck
import numpy as np
import pandas as pd

RATE_BEATS = 8  # it is that of the median RR interval of so many beats: one early beat does not shape it


class HeartRate(TypedDict):
    """In beats per minute; ``None`` where no interval between beats can be read."""

    median: float | None
    lowest: float | None
    highest: float | None


def heart_rate(beats: pd.DataFrame) -> HeartRate:
    """Give the heart rate of beats, which have `stream.COLUMNS`."""
    _, rr_s, smooth_s = readable_intervals(beats)
    if not len(rr_s):
        return {"median": None, "lowest": None, "highest": None}
    median, lowest, highest = (bpm(s) for s in (np.median(rr_s), np.nanmax(smooth_s), np.nanmin(smooth_s)))
    return {"median": median, "lowest": lowest, "highest": highest}


def readable_intervals(beats: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the RR intervals between beats that can both be read, in seconds, each array of shape ``(intervals,)``.

    Returns
    -------
    rows, rr_s, smooth_s : ndarray
        The beat that ends each; how long it is; and the median of the last `RATE_BEATS`, NaN where fewer came.
    """
    readable, rr_s = beats["readable"].to_numpy(dtype=bool), beats["rr_before_s"].to_numpy(dtype=float)
    rows = np.flatnonzero(readable & np.append(False, readable[:-1])[: len(readable)] & (rr_s > 0))
    rr_s = rr_s[rows]
    return rows, rr_s, bottleneck.move_median(rr_s, min(RATE_BEATS, len(rr_s))) if len(rr_s) else rr_s


def bpm(rr_s: float) -> float:
    """Turn an RR interval in seconds into beats per minute, to a tenth."""
    return round(60 / float(rr_s), 1)
