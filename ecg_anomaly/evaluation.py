"""The figures of a run: of the anomaly score, its components and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import metrics, scoring
from ecg_anomaly.records import is_simulated


def evaluate(
    table: pd.DataFrame, surprises: Mapping[str, np.ndarray], components: list[str], baselines: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Compare scores and flags with the annotations.

    Parameters
    ----------
    table
        Test beats with the columns of ``scores.csv``.
    surprises
        Shape ``(beats,)`` each: every component of the score.
    components
        Those that count.
    baselines
        Shape ``(beats,)`` each: the scores of simple methods.

    Returns
    -------
    dict
        The content of ``metrics.json``, but for ``split``.
    """
    classes, records = table["aami_class"].to_numpy(), table["record"].to_numpy()
    scores, flagged = table["anomaly_score"].to_numpy(), table["flagged"].to_numpy(dtype=bool)
    return {
        "simulated": any(is_simulated(name) for name in table["record"].unique()),
        **metrics.ranking_figures(classes, scores, records),
        "prevalence": float(table["anomalous"].mean()),
        "threshold": float(table["threshold"].iloc[0]),
        **metrics.threshold_figures(classes, flagged),
        "beats": metrics.class_counts(classes),
        "components": {
            name: {
                **metrics.ranking_figures(classes, surprise, records),
                "without": _figures_without(name, classes, records, surprises, components),
            }
            for name, surprise in surprises.items()
        },
        "baselines": {name: metrics.ranking_figures(classes, scores, records) for name, scores in baselines.items()},
    }


def main_figures(figures: Mapping[str, Any]) -> pd.DataFrame:
    """One row per score (the anomaly score, its components, the baselines), with the figures people ask for first."""
    rows = {"anomaly score": figures}
    rows |= {f"{name} alone": values for name, values in figures["components"].items()}
    rows |= {f"baseline: {name}": values for name, values in figures["baselines"].items()}
    return pd.DataFrame(
        {
            name: {
                "AUC": values["auc"],
                "AP": values["average_precision"],
                "AUC per record": values["per_record_auc_mean"]["mean"],
                **{f"{key} at 5 % FPR": share for key, share in values["sensitivity_at_fpr"]["0.05"].items()},
            }
            for name, values in rows.items()
        },
        dtype=float,
    ).T


def _figures_without(
    name: str, classes: np.ndarray, records: np.ndarray, surprises: Mapping[str, np.ndarray], components: list[str]
) -> dict[str, Any] | None:
    """Figures of the sum without one component; ``None`` where nothing would be left, or it does not count."""
    others = [component for component in components if component != name]
    if name not in components or not others:
        return None
    return metrics.ranking_figures(classes, scoring.anomaly_score(surprises, others), records)
