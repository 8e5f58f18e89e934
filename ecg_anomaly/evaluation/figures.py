"""The figures of a run: of the anomaly score, its components and the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import EVALUATED, NORMAL_CLASS, Detection
from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import MEASURES, surprise_column
from ecg_anomaly.detector.surprise import anomaly_score
from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.evaluation import bootstrap, metrics
from ecg_anomaly.records.simulate import is_simulated
from ecg_anomaly.records.splits import TEST

_SCORES = ["reconstruction_error", *map(surprise_column, MEASURES), "anomaly_score"]


def evaluated_beats(beats: pd.DataFrame) -> np.ndarray:
    """Mark the beats that figures count: the test beats, without those that nothing can be said of."""
    tested = (beats["split"] == TEST).to_numpy()
    return tested & beats[EVALUATED].to_numpy(dtype=bool) if EVALUATED in beats.columns else tested


def with_missed_beats(
    table: pd.DataFrame, baselines: Mapping[str, np.ndarray], detection: Detection | None
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Append the annotated beats that got no score: not flagged, and below all others in every score.

    Parameters
    ----------
    table
        Test beats with the columns of ``scores.csv``.
    baselines
        Shape ``(beats,)`` each: the scores of simple methods.
    detection
        What the QRS detector missed; ``None`` where test beats are the annotated ones.

    Returns
    -------
    table : DataFrame
        The beats, then the missed ones, without RR intervals, windows and threshold.
    baselines : dict
        The scores of the same beats.
    """
    if detection is None or not len(detection.missed):
        return table, dict(baselines)
    lowest = {name: table[name].min() - 1 for name in _SCORES}
    missed = detection.missed.assign(flagged=False, **lowest)
    longer = {name: np.append(scores, np.full(len(missed), scores.min() - 1)) for name, scores in baselines.items()}
    return pd.concat([table, missed], ignore_index=True), longer


def evaluate(
    table: pd.DataFrame, baselines: Mapping[str, np.ndarray], config: Config, detection: Detection | None = None
) -> dict[str, Any]:
    """Compare scores and flags with the annotations.

    Parameters
    ----------
    table
        Test beats with the columns of ``scores.csv``.
    baselines
        Shape ``(beats,)`` each: the scores of simple methods.
    config
        The components that count, the records to leave out, the number of resamples.
    detection
        What the QRS detector found, where test beats are detected ones.

    Returns
    -------
    dict
        The content of ``metrics.json``, but for ``split``; ``detection`` where test beats are detected ones.
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
        **({"detection": metrics.detection_figures(detection.counts)} if detection else {}),
    }


@dataclass(frozen=True)
class Judgement:
    """How well scores and flags agree with the annotations.

    Attributes
    ----------
    beats
        How many beats count.
    figures
        The content of ``metrics.json``.
    confusion, report, per_record
        The other tables that are written.
    """

    beats: int
    figures: dict[str, Any]
    confusion: pd.DataFrame
    report: pd.DataFrame
    per_record: pd.DataFrame


def judge(
    table: pd.DataFrame, baselines: Mapping[str, np.ndarray], config: Config, detection: Detection | None
) -> Judgement:
    """Compare all that is scored and missed with the annotations; arguments as for `with_missed_beats`."""
    beats, simple = with_missed_beats(table, baselines, detection)
    anomalous, flagged = (beats[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    return Judgement(
        len(beats),
        evaluate(beats, simple, config, detection),
        metrics.confusion(anomalous, flagged),
        metrics.report(anomalous, flagged),
        per_record(beats, detection),
    )


def per_record(table: pd.DataFrame, detection: Detection | None) -> pd.DataFrame:
    """Figures of each record, from `metrics.per_record`; and how well its beats are detected, where they are."""
    figures = metrics.per_record(table)
    if detection is None:
        return figures
    return figures.merge(metrics.detection_per_record(detection.counts), "left", on="record")


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


def detection_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate ``detection`` of ``metrics.json``: gross, and on average over the records."""
    names = ("sensitivity", "positive_predictivity")
    rows = {"gross": found, "average": found["average_over_records"]}
    return pd.DataFrame({row: {name: its[name] for name in names} for row, its in rows.items()}, dtype=float).T


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
    return metrics.ranking_figures(classes, anomaly_score(surprises, others), records)
