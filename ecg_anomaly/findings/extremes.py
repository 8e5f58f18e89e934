"""The lowest and the highest values of a signal: what is seen of it where a screen has no room for all."""

from __future__ import annotations

import bottleneck
import numpy as np


def lowest_and_highest(lowest: np.ndarray, highest: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the lowest and the highest of each ``width`` values in a row, NaN where all are missing.

    Parameters
    ----------
    lowest, highest
        Shape ``(samples,)``: twice the same signal, or what this function gave before.
    width
        The last stretch has what is left.
    """
    whole = len(lowest) // width * width
    extremes = []
    for values, of_each in ((lowest, bottleneck.nanmin), (highest, bottleneck.nanmax)):
        stretches = [of_each(values[:whole].reshape(-1, width), axis=1)] if whole else []
        rest = [of_each(values[whole:].reshape(1, -1), axis=1)] if whole < len(values) else []
        extremes.append(np.concatenate([*stretches, *rest, np.empty(0, dtype=np.float32)]))
    return extremes[0], extremes[1]
