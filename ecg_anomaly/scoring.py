"""From measured values to one anomaly score per beat, and the threshold that cuts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve

from ecg_anomaly.config import Threshold
from ecg_anomaly.errors import UserError

# Surprise is interpolated between points this far apart: near enough to follow the reference, far enough
# that two beats which differ by a rounding error do not differ in score.
_SURPRISE_STEP = 0.05
_EXTENSION = 1.0  # beyond the largest reference surprise goes on as it rose over this last stretch


def reconstruction_error(windows: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared difference per beat, over the leads that are there.

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
    squared = np.square(windows - reconstructions, dtype=np.float64) * present
    return np.asarray(squared.mean(axis=(1, 2)) / np.maximum(present.mean(axis=(1, 2)), 1e-12))


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
        quantiles = np.quantile(reference, -np.expm1(-levels))
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


def find_threshold(scores: np.ndarray, anomalous: np.ndarray, settings: Threshold) -> dict[str, Any]:
    """Set the threshold from validation beats.

    Parameters
    ----------
    scores
        Shape ``(beats,)``: anomaly scores of the validation split.
    anomalous
        Shape ``(beats,)``: labels. Only ``best_f1`` looks at anomalous beats.
    settings
        Method and its parameter.

    Returns
    -------
    dict
        ``threshold``, the method and its parameter, how many beats it was set from, and ``uses_labels``:
        whether labels of anomalous beats were used.

    Raises
    ------
    UserError
        When ``best_f1`` finds no anomalous beat to learn from.
    """
    normal = scores[~anomalous]
    found: dict[str, Any] = {"method": settings.method, "uses_labels": settings.method == "best_f1"}
    if settings.method == "percentile":
        found |= {"percentile": settings.percentile, "threshold": float(np.percentile(normal, settings.percentile))}
    elif settings.method == "mean_std":
        threshold = float(normal.mean() + settings.standard_deviations * normal.std())
        found |= {"standard_deviations": settings.standard_deviations, "threshold": threshold}
    else:
        if not anomalous.any():
            raise UserError(
                "threshold.method best_f1 needs labelled anomalies, and the validation split has none; "
                "use percentile or mean_std"
            )
        precision, sensitivity, thresholds = precision_recall_curve(anomalous, scores)
        f1 = 2 * precision * sensitivity / np.maximum(precision + sensitivity, 1e-12)
        # The curve counts scores from the threshold on as flagged, a beat is flagged above it.
        found["threshold"] = float(np.nextafter(thresholds[f1[:-1].argmax()], -np.inf))
    return found | {"normal_beats": len(normal), "anomalous_beats": int(anomalous.sum()) * found["uses_labels"]}
