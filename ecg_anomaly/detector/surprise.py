"""From measured values to one anomaly score per beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ecg_anomaly.errors import UserError

# Surprise is interpolated between points this far apart: near enough to follow the reference, far enough
# that two beats which differ by a rounding error do not differ in score.
_SURPRISE_STEP = 0.05
_EXTENSION = 1.0  # beyond the largest reference surprise goes on as it rose over this last stretch


def reconstruction_error(windows: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared difference per beat, over the leads that are there, each without its offset.

    What is left of baseline wander lifts a whole window, and is no anomaly.

    Parameters
    ----------
    windows, reconstructions
        Shape ``(beats, samples, leads)``, scaled; a missing lead is all zeros in ``windows``.

    Returns
    -------
    ndarray
        Shape ``(beats,)``, in squared units of the scale.
    """
    present = windows.any(axis=1, keepdims=True)
    residual = np.subtract(windows, reconstructions, dtype=np.float64)
    residual -= residual.mean(axis=1, keepdims=True)
    np.square(residual, out=residual)
    residual *= present
    return np.asarray(residual.mean(axis=(1, 2)) / np.maximum(present.mean(axis=(1, 2)), 1e-12))


class Surprise:
    """How surprising a value is among normal beats: -log of the share that is at least as extreme.

    A continuous, strictly increasing interpolation of the empirical log tail of the reference, which
    goes on linearly beyond the smallest and the largest value.

    Parameters
    ----------
    values
        Shape ``(points,)``: increasing values.
    surprises
        Shape ``(points,)``: the surprise of each, increasing.
    """

    def __init__(self, values: np.ndarray, surprises: np.ndarray):
        self.values = values
        self.surprises = surprises

    @classmethod
    def of_reference(cls, reference: np.ndarray) -> Surprise:
        """Learn from the values of normal beats, of shape ``(beats,)``; larger is more extreme.

        Raises
        ------
        UserError
            When the values do not vary, or are too few.
        """
        levels = np.arange(0, np.log(len(reference) + 1), _SURPRISE_STEP)
        # Weibull's quantiles count the largest value too: it is the one in n + 1 that the last level stands for.
        quantiles = np.quantile(reference, -np.expm1(-levels), method="weibull") if len(reference) else reference
        values, firsts = np.unique(quantiles, return_index=True)  # equal values share the surprise of the first
        if len(values) < 2:
            raise UserError(
                f"the {len(reference)} normal training beats are too few, or too much alike, to score by; "
                "give split.train more records"
            )
        return cls(values, levels[firsts])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Surprise of each value, shape of ``values``."""
        inside = np.interp(values, self.values, self.surprises)
        low_slope = (self.surprises[1] - self.surprises[0]) / (self.values[1] - self.values[0])
        start = min(np.searchsorted(self.surprises, self.surprises[-1] - _EXTENSION), len(self.surprises) - 2)
        high_slope = (self.surprises[-1] - self.surprises[start]) / (self.values[-1] - self.values[start])
        below = np.minimum(values - self.values[0], 0) * low_slope
        above = np.maximum(values - self.values[-1], 0) * high_slope
        return np.asarray(inside + below + above)


def anomaly_score(surprises: Mapping[str, np.ndarray], components: Sequence[str]) -> np.ndarray:
    """Add up the surprises of the components that count, each of shape ``(beats,)``."""
    return np.asarray(np.sum([surprises[name] for name in components], axis=0))
