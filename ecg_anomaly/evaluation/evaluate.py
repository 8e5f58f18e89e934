"""From a trained network and beats to all that is handed on: scores, threshold, figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import EVALUATED, Detection
from ecg_anomaly.detector.naming import call_beats
from ecg_anomaly.detector.scorer import TrainedModel, score_records, with_anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold, flag_beats
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.baselines import baseline_scores
from ecg_anomaly.evaluation.figures import figures_of, overall_figures, with_missed_beats
from ecg_anomaly.handover.beats import Records
from ecg_anomaly.handover.scores import Evaluation, Metrics, ScoreFigures
from ecg_anomaly.records.splits import TEST


def evaluate_detector(
    model: TrainedModel,
    beats: pd.DataFrame,
    normal_beats: np.ndarray,
    tested: Records,
    detection: Detection | None,
    left_out: pd.DataFrame,
) -> Evaluation:
    """Set the threshold from the patients left out, score the test beats, and compare with the annotations.

    Parameters
    ----------
    model
        A trained model.
    beats
        Those of all splits, rows of ``beats.csv``.
    normal_beats
        Normal training beats, from which baselines learn; shape ``(beats, samples, leads)``, scaled.
    tested
        The records with test beats.
    detection
        What the QRS detector found of the annotated test beats; ``None`` where these are tested.
    left_out
        Beats of training patients, each scored by a network that was trained without them: rows of ``beats.csv`` with
        the columns of ``scores.csv`` from ``reconstruction_error`` to ``log_odds_V``.

    Raises
    ------
    UserError
        When there is nothing to set the threshold from.
    """
    config, scored = model.config, score_records(model, tested.table, tested.windows)
    left_out = with_anomaly_score(left_out, config.scoring.components)
    threshold = find_threshold(left_out, config.threshold)
    counted = evaluated_beats(tested.table)
    table = tested.table.assign(**scored.columns())
    scores = _flag_and_call(table, threshold)[counted].reset_index(drop=True)
    baselines = baseline_scores(tested.table, counted, normal_beats, tested.windows[counted], config)

    judged, judged_baselines = with_missed_beats(scores, baselines, detection)
    found: Metrics = {
        **figures_of(judged, judged_baselines, config),  # type: ignore[typeddict-item]  # detection follows
        "split": {str(name): sorted(rows["record"].unique()) for name, rows in beats.groupby("split")},
        "left_out": overall_figures(_flag_and_call(left_out, threshold)),
        "single_lead": _single_leads(model, threshold, tested),
    }
    per_record = metrics.per_record(judged)
    if detection is not None:
        found["detection"] = metrics.detection_figures(detection.counts)
        per_record = per_record.merge(metrics.detection_per_record(detection.counts), "left", on="record")
    anomalous, flagged = (judged[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    return Evaluation(
        scores,
        scored.measured.reconstructions[counted],
        pd.DataFrame(baselines),
        threshold,
        found,
        metrics.confusion(anomalous, flagged),
        metrics.report(anomalous, flagged),
        per_record,
    )


def evaluated_beats(beats: pd.DataFrame) -> np.ndarray:
    """Mark the beats that figures count: the test beats, without those that nothing can be said of."""
    tested = (beats["split"] == TEST).to_numpy()
    return tested & beats[EVALUATED].to_numpy(dtype=bool) if EVALUATED in beats.columns else tested


def _flag_and_call(scored: pd.DataFrame, threshold: FittedThreshold) -> pd.DataFrame:
    flagged = flag_beats(scored, threshold)
    return flagged.assign(called=call_beats(flagged))


def _single_leads(model: TrainedModel, threshold: FittedThreshold, tested: Records) -> dict[str, ScoreFigures]:
    """Score the test beats once more with each lead alone, by its position (``"1"`` is the first).

    The beats stay where both leads have found them; a recording of one lead has its beats found in that lead too.
    """
    counted = evaluated_beats(tested.table)
    figures: dict[str, ScoreFigures] = {}
    for lead in range(tested.windows.shape[2]):
        alone = np.zeros_like(tested.windows)
        alone[:, :, lead] = tested.windows[:, :, lead]
        scored = score_records(model, tested.table, alone)
        table = flag_beats(tested.table.assign(**scored.columns()), threshold)[counted]
        figures[str(lead + 1)] = metrics.score_figures(table)
    return figures
