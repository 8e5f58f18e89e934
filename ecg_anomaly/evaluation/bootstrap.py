"""How sure a figure is: confidence intervals that resample patients, since beats of one patient are alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

_CONFIDENCE = 0.95


def resampled_patients(records: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw as many records as there are, with replacement, so many times; yield how often each beat counts.

    The records of the beats and the counts have the shape ``(beats,)``.
    """
    random = np.random.default_rng(seed)
    _, codes = np.unique(records, return_inverse=True)
    patients = int(codes.max()) + 1
    for _ in range(resamples):
        yield np.bincount(random.integers(patients, size=patients), minlength=patients)[codes]


def confidence_intervals(table: pd.DataFrame, resamples: int, seed: int) -> dict[str, list[float] | None]:
    """Give 95 % percentile bootstrap intervals of the main figures (Efron, Ann Statist 7(1):1-26, 1979).

    The table has the columns ``record``, ``anomalous``, ``rr_before_s``, ``anomaly_score`` and ``flagged``. Gives the
    lower and upper end of ``false_alarms_per_hour``, ``precision``, ``auc``, ``average_precision``, ``sensitivity`` (of
    all anomalous beats) and ``false_positive_rate``; ``None`` where a figure is undefined or nothing was drawn.
    """
    anomalous, flagged = (table[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    scores, rr_s = table["anomaly_score"].to_numpy(), table["rr_before_s"].fillna(0).to_numpy()
    drawn = [
        (
            _ratio(counts @ (flagged & ~anomalous), counts @ rr_s / 3600),
            _ratio(counts @ (flagged & anomalous), counts @ flagged),
            roc_auc_score(anomalous, scores, sample_weight=counts),
            average_precision_score(anomalous, scores, sample_weight=counts),
            np.average(flagged[anomalous], weights=counts[anomalous]),
            np.average(flagged[~anomalous], weights=counts[~anomalous]),
        )
        for counts in resampled_patients(table["record"].to_numpy(), resamples, seed)
        if counts[anomalous].any() and counts[~anomalous].any()  # else these patients have only one kind of beat
    ]
    names = ("false_alarms_per_hour", "precision", "auc", "average_precision", "sensitivity", "false_positive_rate")
    if not drawn:
        return dict.fromkeys(names)
    levels = [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]
    defined = (column[~np.isnan(column)] for column in np.transpose(drawn))
    ends = [np.quantile(column, levels).tolist() if len(column) else None for column in defined]
    return dict(zip(names, ends, strict=True))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan
