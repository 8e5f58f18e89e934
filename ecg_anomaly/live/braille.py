"""Curves in braille characters, each of which is four dots high and two wide."""

from __future__ import annotations

import numpy as np

_BLANK = 0x2800  # the first braille character of Unicode
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of the dots, by row and column


def draw_curve(values: np.ndarray, low: float, high: float, width: int, height: int) -> list[str]:
    """Draw a curve as text.

    Parameters
    ----------
    values
        Shape ``(samples,)``, at least two for each dot of the width; NaN leaves a gap.
    low, high
        What the lower and the upper edge mean; values beyond are drawn at the edge.
    width, height
        Size in characters.

    Returns
    -------
    list of str
        The lines, from top to bottom.
    """
    edges = np.linspace(0, len(values), 2 * width, endpoint=False).astype(int)
    before = values[np.maximum(edges - 1, 0)]  # each column of dots starts where the one before it ended
    lowest = np.fmin(np.fmin.reduceat(values, edges), before)
    highest = np.fmax(np.fmax.reduceat(values, edges), before)
    rows = np.arange(4 * height)[:, np.newaxis]
    last = 4 * height - 1
    top, bottom = (np.round((high - np.clip(edge, low, high)) / (high - low) * last) for edge in (highest, lowest))
    dots = (rows >= top) & (rows <= bottom)  # NaN compares as false
    codes = (dots.reshape(height, 4, width, 2) * _BITS[:, np.newaxis]).sum(axis=(1, 3)) + _BLANK
    return ["".join(map(chr, line)) for line in codes]
