"""The figures of a run: of the anomaly score, its components and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import bootstrap, metrics, scoring
from ecg_anomaly.beats import NORMAL_CLASS
from ecg_anomaly.config import Config
from ecg_anomaly.measures import MEASURES, surprise_column
from ecg_anomaly.records import is_simulated
from ecg_anomaly.thresholds import recorded_hours


def evaluate(table: pd.DataFrame, baselines: Mapping[str, np.ndarray], config: Config) -> dict[str, Any]:
    """Compare scores and flags with the annotations.

    Parameters
    ----------
    table
        Test beats with the columns of ``scores.csv``.
    baselines
        Shape ``(beats,)`` each: the scores of simple methods.
    config
        The components that count, the records to leave out, the number of resamples.

    Returns
    -------
    dict
        The content of ``metrics.json``, but for ``split``.
    """
    classes, records = table["aami_class"].to_numpy(), table["record"].to_numpy()
    surprises = {name: table[surprise_column(name)].to_numpy() for name in MEASURES}
    others = {name: table[records != name] for name in config.evaluation.leave_out if name in records}
    without = {name: _score_figures(rest) for name, rest in others.items() if len(rest)}
    return {
        "simulated": any(is_simulated(name) for name in table["record"].unique()),
        **_score_figures(table),
        "confidence_intervals": bootstrap.confidence_intervals(
            table, config.evaluation.resamples, config.training.seed
        ),
        "without_record": without,
        "components": {
            name: {
                **metrics.ranking_figures(classes, surprise, records),
                "without": _figures_without(name, classes, records, surprises, config.scoring.components),
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


def _score_figures(table: pd.DataFrame) -> dict[str, Any]:
    """Figures of the anomaly score, with and without a threshold."""
    classes, flagged = table["aami_class"].to_numpy(), table["flagged"].to_numpy(dtype=bool)
    false_alarms = int((flagged & (classes == NORMAL_CLASS)).sum())
    hours = recorded_hours(table)
    return {
        **metrics.ranking_figures(classes, table["anomaly_score"].to_numpy(), table["record"].to_numpy()),
        "prevalence": float(table["anomalous"].mean()),
        "threshold": float(table["threshold"].median()),
        **metrics.threshold_figures(classes, flagged),
        "false_alarms_per_hour": false_alarms / hours if hours else None,
        "average_over_records": metrics.average_over_records(table),
        "beats": metrics.class_counts(classes),
    }


def _figures_without(
    name: str, classes: np.ndarray, records: np.ndarray, surprises: Mapping[str, np.ndarray], components: Sequence[str]
) -> dict[str, Any] | None:
    """Figures of the sum without one component; ``None`` where nothing would be left, or it does not count."""
    others = [component for component in components if component != name]
    if name not in components or not others:
        return None
    return metrics.ranking_figures(classes, scoring.anomaly_score(surprises, others), records)
