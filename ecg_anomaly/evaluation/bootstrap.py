"""How sure a figure is: confidence intervals that resample patients, since beats of one patient are alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

_CONFIDENCE = 0.95


def resampled_patients(records: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw as many records as there are, with replacement; yield how often each beat is drawn.

    Parameters
    ----------
    records
        Shape ``(beats,)``: the record of each beat.
    resamples
        How often to draw.
    seed
        Of the draws.

    Yields
    ------
    ndarray of int
        Shape ``(beats,)``: how often each beat counts.
    """
    random = np.random.default_rng(seed)
    _, codes = np.unique(records, return_inverse=True)
    patients = int(codes.max()) + 1
    for _ in range(resamples):
        yield np.bincount(random.integers(patients, size=patients), minlength=patients)[codes]


def confidence_intervals(table: pd.DataFrame, resamples: int, seed: int) -> dict[str, Any]:
    """Give 95 % percentile bootstrap intervals of the main figures (Efron, Ann Statist 7(1):1-26, 1979).

    Parameters
    ----------
    table
        The columns ``record``, ``anomalous``, ``anomaly_score`` and ``flagged``.
    resamples, seed
        How often patients are drawn, and the seed of the draws.

    Returns
    -------
    dict
        The lower and upper end of ``auc``, ``average_precision``, ``sensitivity`` (of all anomalous beats) and
        ``false_positive_rate``; ``None`` where a figure is undefined or nothing was drawn.
    """
    anomalous, flagged = table["anomalous"].to_numpy(dtype=bool), table["flagged"].to_numpy(dtype=bool)
    scores = table["anomaly_score"].to_numpy()
    drawn: list[dict[str, float]] = []
    for counts in resampled_patients(table["record"].to_numpy(), resamples, seed):
        if not counts[anomalous].any() or not counts[~anomalous].any():
            continue  # these patients have only one kind of beat
        drawn.append(
            {
                "auc": roc_auc_score(anomalous, scores, sample_weight=counts),
                "average_precision": average_precision_score(anomalous, scores, sample_weight=counts),
                "sensitivity": np.average(flagged[anomalous], weights=counts[anomalous]),
                "false_positive_rate": np.average(flagged[~anomalous], weights=counts[~anomalous]),
            }
        )
    names = ("auc", "average_precision", "sensitivity", "false_positive_rate")
    return {name: _interval([figures[name] for figures in drawn]) for name in names}


def _interval(values: list[float]) -> list[float] | None:
    if not values:
        return None
    ends = np.quantile(values, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return [float(end) for end in ends]
