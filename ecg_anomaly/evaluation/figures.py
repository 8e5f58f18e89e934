"""The figures of a run: of the anomaly score, its components and the baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import MEASURES, component_values, surprise_column
from ecg_anomaly.detector.surprise import anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.bootstrap import confidence_intervals
from ecg_anomaly.evaluation.noise_stress import FIGURES, pooled
from ecg_anomaly.handover import scores as files
from ecg_anomaly.records.simulate import is_simulated

_SCORES = (
    *("reconstruction_error", *map(surprise_column, MEASURES), "log_odds_S", "log_odds_V"),
    "anomaly_score",
)


def figures_of(scores: pd.DataFrame, baselines: Mapping[str, np.ndarray], config: Config) -> files.RunFigures:
    """Compare scores and flags with the annotations.

    The scores are test beats with the columns of ``scores.csv``, the baselines have the shape ``(beats,)`` each.
    """
    records, values, counting = scores["record"].to_numpy(), component_values(scores), config.scoring.components

    def without(component: str) -> files.RankingFigures | None:
        others = [name for name in counting if name != component]
        if component not in counting or not others:
            return None
        return metrics.ranking_figures(scores, anomaly_score(values, others))

    components: dict[str, files.ComponentFigures] = {
        name: {**metrics.ranking_figures(scores, its), "without": without(name)} for name, its in values.items()
    }
    others = {name: scores[records != name] for name in config.evaluation.leave_out if name in records}
    return {
        "simulated": any(is_simulated(name) for name in scores["record"].unique()),
        **overall_figures(scores),
        "confidence_intervals": confidence_intervals(scores, config.evaluation.resamples, config.training.seed),
        "without_record": {name: overall_figures(rest) for name, rest in others.items() if len(rest)},
        "components": components,
        "baselines": {name: metrics.ranking_figures(scores, its) for name, its in baselines.items()},
    }


def with_missed_beats(
    scores: pd.DataFrame, baselines: Mapping[str, np.ndarray], detection: Detection | None
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Append the annotated beats that got no score: not flagged, and below all others in every score.

    Scores and baselines as for `figures_of`; the missed beats come last, without RR intervals and threshold.
    """
    if detection is None or not len(detection.missed):
        return scores, dict(baselines)
    missed = detection.missed.assign(flagged=False, called="", **{name: scores[name].min() - 1 for name in _SCORES})
    longer = {name: np.append(values, np.full(len(missed), values.min() - 1)) for name, values in baselines.items()}
    return pd.concat([scores, missed], ignore_index=True), longer


def main_figures(figures: files.RunFigures) -> pd.DataFrame:
    """One row per score (the anomaly score, its components, the baselines), with the figures people ask for first."""
    rows: dict[str, files.RankingFigures] = {"anomaly score": figures}
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


def detection_table(found: files.DetectionFigures) -> pd.DataFrame:
    """Tabulate ``detection`` of ``metrics.json``: gross, and on average over the records."""
    rows = {"gross": found, "average": found["average_over_records"]}
    return pd.DataFrame(rows, ["sensitivity", "positive_predictivity"], dtype=float).T


def summary(found: files.Evaluation) -> str:
    """Say in words and tables what was found."""
    figures, threshold = found.metrics, found.threshold
    parts = [f"{'Simulated records. ' if figures['simulated'] else ''}{sum(figures['beats'].values())} test beats"]
    if "detection" in figures:
        detection = figures["detection"]
        parts.append(
            f"Beats found from the signal alone: {detection['missed']} missed, {detection['extra']} extra\n"
            f"{detection_table(detection).round(4).to_string()}"
        )
    parts.append(main_figures(figures).round(3).to_string())
    labels = ", set with labels of anomalous beats" if threshold.uses_labels else ""
    parts += [
        f"At the threshold ({threshold.method}{labels}):",
        _rounded(found.confusion),
        _rounded(found.classification),
        f"per record\n{_rounded(found.per_record.set_index('record'))}",
    ]
    if found.noise is not None:
        gross = pooled(found.noise).set_index(["noise", "snr_db"])
        parts.append(f"with noise added\n{_rounded(gross[list(FIGURES)])}")
    return "\n\n".join(parts) + "\n"


def _rounded(table: pd.DataFrame) -> str:
    return table.round(3).to_string(na_rep="")


def overall_figures(scores: pd.DataFrame) -> files.OverallFigures:
    """Figures of the anomaly score, with and without a threshold."""
    classes, flagged = scores["aami_class"].to_numpy(), scores["flagged"].to_numpy(dtype=bool)
    false_alarms = int((flagged & (classes == NORMAL_CLASS)).sum())
    return {
        **metrics.ranking_figures(classes, scores["anomaly_score"].to_numpy(), scores["record"].to_numpy()),
        "prevalence": float(scores["anomalous"].mean()),
        "threshold": float(scores["threshold"].median()),
        **metrics.threshold_figures(classes, flagged),
        "false_alarms_per_hour": metrics.ratio(false_alarms, recorded_hours(scores)),
        "average_over_records": metrics.average_over_records(scores),
        "beats": metrics.class_counts(classes),
    }
