"""From a trained network and beats to all that is handed on: scores, threshold, figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import EVALUATED, Detection
from ecg_anomaly.detector.scorer import TrainedModel, score_records
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold, flag_beats
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.baselines import baseline_scores
from ecg_anomaly.evaluation.figures import figures_of, with_missed_beats
from ecg_anomaly.handover.beats import Records, whole_records
from ecg_anomaly.handover.scores import Evaluation, Metrics, ScoreFigures
from ecg_anomaly.records.splits import TEST, VALIDATION


def evaluate_detector(
    model: TrainedModel, beats: pd.DataFrame, normal_beats: np.ndarray, tested: Records, detection: Detection | None
) -> Evaluation:
    """Score the test beats, set the threshold from validation beats, and compare with the annotations.

    ``beats`` are those of all splits. Baselines learn from the normal training beats, of shape ``(beats, samples,
    leads)``; ``tested`` are the records with validation or test beats, and ``detection`` is what the QRS detector found
    of the annotated test beats (``None`` where these are tested).

    Raises
    ------
    UserError
        When there is nothing to set the threshold from.
    """
    config, scored = model.config, score_records(model, tested.table, tested.windows)
    table = tested.table.assign(**scored.columns())
    threshold = find_threshold(whole_records(table, VALIDATION), config.threshold, config.beat.start_s)
    counted = evaluated_beats(tested.table)
    scores = flag_beats(table, threshold)[counted].reset_index(drop=True)
    baselines = baseline_scores(tested.table, counted, normal_beats, tested.windows[counted], config)

    judged, judged_baselines = with_missed_beats(scores, baselines, detection)
    found: Metrics = {
        **figures_of(judged, judged_baselines, config),  # type: ignore[typeddict-item]  # detection follows
        "split": {str(name): sorted(rows["record"].unique()) for name, rows in beats.groupby("split")},
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


def _single_leads(model: TrainedModel, threshold: FittedThreshold, tested: Records) -> dict[str, ScoreFigures]:
    """Score the test beats once more with each lead alone, by its position (``"1"`` is the first).

    The beats stay where both leads have found them; a recording of one lead has its beats found in that lead too.
    """
    rows = tested.table["record"].isin(tested.table.loc[tested.table["split"] == TEST, "record"]).to_numpy()
    beats, windows = tested.table[rows].reset_index(drop=True), tested.windows[rows]
    counted = evaluated_beats(beats)
    figures: dict[str, ScoreFigures] = {}
    for lead in range(windows.shape[2]):
        alone = np.zeros_like(windows)
        alone[:, :, lead] = windows[:, :, lead]
        table = flag_beats(beats.assign(**score_records(model, beats, alone).columns()), threshold)[counted]
        classes, flagged = table["aami_class"].to_numpy(), table["flagged"].to_numpy(dtype=bool)
        figures[str(lead + 1)] = {
            **metrics.ranking_figures(classes, table["anomaly_score"].to_numpy(), table["record"].to_numpy()),
            **metrics.threshold_figures(classes, flagged),
        }
    return figures
