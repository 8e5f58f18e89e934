"""The figures of a run: of the anomaly score, its components and the baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import Config
from ecg_anomaly.detector.measures import LOG_ODDS, MEASURES, component_values, surprise_column
from ecg_anomaly.detector.surprise import anomaly_score
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.bootstrap import confidence_intervals
from ecg_anomaly.handover import scores as files
from ecg_anomaly.records.simulate import is_simulated

_SCORES = (*map(surprise_column, MEASURES), *LOG_ODDS, "anomaly_score")
# What figures are made of: few columns, so that many beats fit into memory.
COLUMNS = (*("record", "aami_class", "anomalous", "rr_before_s"), *_SCORES, *("threshold", "flagged", "called"))


def figures_of(scores: pd.DataFrame, baselines: Mapping[str, np.ndarray], config: Config) -> files.RunFigures:
    """Compare scores and flags with the annotations.

    The scores are test beats with the `COLUMNS` of ``scores.csv``, the baselines have the shape ``(beats,)`` each.
    """
    records, values, counting = scores["record"], component_values(scores), config.scoring.components

    def without(component: str) -> files.RankingFigures | None:
        others = [name for name in counting if name != component]
        if component not in counting or not others:
            return None
        return metrics.ranking_figures(scores, anomaly_score(values, others))

    components: dict[str, files.ComponentFigures] = {
        name: {**metrics.ranking_figures(scores, its), "without": without(name)} for name, its in values.items()
    }
    names = records.unique()
    left_out = [name for name in config.evaluation.leave_out if name in names and len(names) > 1]
    return {
        "simulated": any(map(is_simulated, names)),
        **overall_figures(scores),
        "confidence_intervals": confidence_intervals(scores, config.evaluation.resamples, config.training.seed),
        "without_record": {name: overall_figures(scores[records != name]) for name in left_out},
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
    lowest = {name: scores[name].min() - 1 for name in _SCORES if name in scores}
    missed = detection.missed.assign(flagged=False, called="", **lowest)
    longer = {name: np.append(values, np.full(len(missed), values.min() - 1)) for name, values in baselines.items()}
    return pd.concat([scores, missed], ignore_index=True), longer


def overall_figures(scores: pd.DataFrame) -> files.OverallFigures:
    """Give the figures of the anomaly score, with and without its threshold, and of what beats are called.

    The beats have the columns of ``scores.csv``.
    """
    return {
        **metrics.score_figures(scores),
        "prevalence": float(scores["anomalous"].mean()),
        "threshold": float(scores["threshold"].median()),
        "average_over_records": metrics.average_over_records(scores),
        "named": metrics.named_figures(scores),
        "quiet_records": metrics.quiet_figures(scores),
        "beats": metrics.class_counts(scores["aami_class"].to_numpy()),
    }
