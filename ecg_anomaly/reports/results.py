"""What a run left behind, as the figures and tables of the report need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import Config
from ecg_anomaly.evaluation.figures import with_missed_beats
from ecg_anomaly.evaluation.metrics import sensitivity_at
from ecg_anomaly.handover.beats import load_windows, read_detection, read_table
from ecg_anomaly.handover.model import read_history
from ecg_anomaly.handover.scores import Evaluation, read_evaluation
from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.examples import choose_examples
from ecg_anomaly.reports.figure_data import ExampleBeat, RecordOverTime, ScoreAxis, ThresholdSpread


@dataclass(frozen=True, kw_only=True)
class Results(Evaluation):
    """What the figures and the report show: an evaluation, and what they need beside it."""

    history: pd.DataFrame  # ``history.csv``
    beats: pd.DataFrame  # of all splits: at least the columns ``record, split, aami_class``
    examples: Sequence[ExampleBeat]
    strip: RecordOverTime
    manifest: dict[str, Any]  # of the scores
    detection: Detection | None = None  # what the QRS detector found; None where test beats are the annotated ones

    @property
    def simulated(self) -> bool:
        """Whether any record is simulated, which every figure then says."""
        return bool(self.metrics["simulated"])

    @property
    def score_axis(self) -> ScoreAxis:
        """The axis on which all figures show anomaly scores."""
        return figure_data.score_axis(self.scores["anomaly_score"].to_numpy(dtype=float), self.thresholds.median)

    @property
    def thresholds(self) -> ThresholdSpread:
        """Where the thresholds of the beats lie."""
        return figure_data.threshold_spread(self.scores["threshold"].to_numpy(dtype=float))

    @property
    def judged(self) -> pd.DataFrame:
        """All beats that figures count: the scored ones, then those that the QRS detector missed."""
        return with_missed_beats(self.scores, {}, self.detection)[0]

    def baseline_scores(self) -> dict[str, np.ndarray]:
        """Scores of each baseline for the beats of `judged`, by the key of the baseline."""
        scores = {str(name): self.baselines[name].to_numpy(dtype=float) for name in self.baselines.columns}
        return with_missed_beats(self.scores, scores, self.detection)[1]

    def baselines_compared(self) -> dict[str, dict[str, Any]]:
        """Figures of each baseline, at the score's own false-positive rate and at its own sensitivity.

        By the key of the baseline: what ``metrics.json`` has of it, ``sensitivity`` (per class, and of all anomalous
        beats) at the score's false-positive rate, and ``false_positive_rate`` at the score's sensitivity to them all.
        """
        judged, rate, found = self.judged, self.metrics["false_positive_rate"], self.metrics["sensitivity"]["all"]
        classes, anomalous = judged["aami_class"].to_numpy(), judged["anomalous"].to_numpy(dtype=bool)
        return {
            name: {
                **self.metrics["baselines"][name],
                "sensitivity": sensitivity_at(rate or 0.0, classes, scores),
                "false_positive_rate": None
                if rate is None or found is None
                else false_positive_rate_at(found, anomalous, scores),
            }
            for name, scores in self.baseline_scores().items()
        }

    def detectors(self) -> dict[str, np.ndarray]:
        """Scores of the detector and of the baselines for the beats of `judged`, by name."""
        compared = {styles.detector_name(name): scores for name, scores in self.baseline_scores().items()}
        return {styles.SCORE: self.judged["anomaly_score"].to_numpy(dtype=float), **compared}


def read_results(config: Config, manifest: dict[str, Any]) -> Results:
    """Read the files that the scripts handed on, and the windows of the beats that are shown.

    ``manifest`` is that of the scores, checked.
    """
    processed, found = config.paths.processed, read_evaluation(config.paths.outputs, manifest["files"])
    scores = found.scores
    chosen = choose_examples(scores)
    rows = [example.row for example in chosen]
    windows = load_windows(processed, scores.iloc[rows])
    record, reason = figure_data.strip_record(found.per_record, scores)
    excerpt = figure_data.excerpt_rows(scores, record)
    excerpt_windows = load_windows(processed, scores.iloc[excerpt])
    return Results(
        **vars(found),
        history=read_history(config.paths.models),
        beats=read_table(processed),
        examples=figure_data.example_beats(
            chosen, scores, windows, found.reconstructions[rows], config.beat, config.scoring.components
        ),
        strip=figure_data.record_strip(scores, record, reason, excerpt, excerpt_windows, config.beat),
        manifest=manifest,
        detection=read_detection(processed, config),
    )


def false_positive_rate_at(sensitivity: float, anomalous: np.ndarray, scores: np.ndarray) -> float:
    """Lowest false-positive rate at which a detector finds this share of the anomalous beats, from its ROC curve.

    ``anomalous`` and ``scores`` have the shape ``(beats,)``.
    """
    rates, found, _ = roc_curve(anomalous, scores, drop_intermediate=False)
    return float(rates[np.searchsorted(found, sensitivity - 1e-9)])
