"""What a run left behind, as the figures and tables of the report need it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import Config
from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.evaluation.figures import with_missed_beats
from ecg_anomaly.evaluation.metrics import ratio, sensitivity_at
from ecg_anomaly.handover.beats import load_windows, read_detection, read_table
from ecg_anomaly.handover.model import read_history
from ecg_anomaly.handover.scores import (
    Evaluation,
    Figure,
    open_reconstructions,
    read_baselines,
    read_evaluation,
    read_scored_rows,
    read_scores,
)
from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.examples import choose_examples
from ecg_anomaly.reports.figure_data import ExampleBeat, RecordOverTime, ScoreAxis
from ecg_anomaly.reports.tables import highest_rows
from ecg_anomaly.words import baseline_name

# Of every test beat; of those that are shown one by one all columns are read.
SCORES = ("record", "time_s", "aami_class", "anomalous", "rr_before_s", "anomaly_score", "threshold", "flagged")


@dataclass(frozen=True, kw_only=True)
class Results(Evaluation):
    """What the figures and the report show: an evaluation, and what they need beside it."""

    scores: pd.DataFrame  # the test beats, few columns of ``scores.csv``: `SCORES`
    highest: pd.DataFrame  # the beats with the highest scores, all columns
    baselines: pd.DataFrame  # scores of the test beats, one column per simple method
    history: pd.DataFrame  # ``history.csv``
    beats: pd.DataFrame  # of all splits: the columns ``record, split, aami_class``
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
        return figure_data.score_axis(self.scores["anomaly_score"].to_numpy(dtype=float), self.threshold.threshold)

    @property
    def judged(self) -> pd.DataFrame:
        """All beats that figures count: the scored ones, then those that the QRS detector missed."""
        return with_missed_beats(self.scores, {}, self.detection)[0]

    def baseline_scores(self) -> dict[str, np.ndarray]:
        """Scores of each baseline for the beats of `judged`, by the key of the baseline."""
        scores = {str(name): self.baselines[name].to_numpy(dtype=float) for name in self.baselines.columns}
        return with_missed_beats(self.scores, scores, self.detection)[1]

    def baselines_compared(self) -> dict[str, dict[str, Any]]:
        """Figures of each baseline, with as many false alarms as the score raises, and at its sensitivity.

        By the key of the baseline: what ``metrics.json`` has of it, ``sensitivity`` (per class, and of all anomalous
        beats) with the score's false alarms, and ``false_alarms_per_hour`` and ``precision`` at the score's sensitivity
        to them all.
        """
        judged, rate, found = self.judged, self.metrics["false_positive_rate"], self.metrics["sensitivity"]["all"]
        classes, anomalous = judged["aami_class"].to_numpy(), judged["anomalous"].to_numpy(dtype=bool)

        def at_sensitivity(scores: np.ndarray) -> dict[str, Figure]:
            if rate is None or found is None:
                return dict.fromkeys(("false_alarms_per_hour", "precision"))
            alarms = false_positive_rate_at(found, anomalous, scores) * (~anomalous).sum()
            hits = found * anomalous.sum()
            return {
                "false_alarms_per_hour": ratio(alarms, recorded_hours(judged)),
                "precision": ratio(hits, hits + alarms),
            }

        return {
            name: {
                **self.metrics["baselines"][name],
                "sensitivity": sensitivity_at(rate or 0.0, classes, scores),
                **at_sensitivity(scores),
            }
            for name, scores in self.baseline_scores().items()
        }

    def examples_of(self, rules: Container[str]) -> list[ExampleBeat]:
        """Give the examples that some rules chose."""
        return [beat for beat in self.examples if beat.example.rules[0] in rules]

    def detectors(self) -> dict[str, np.ndarray]:
        """Scores of the detector and of the baselines for the beats of `judged`, by name."""
        compared = {baseline_name(name): scores for name, scores in self.baseline_scores().items()}
        return {styles.SCORE: self.judged["anomaly_score"].to_numpy(dtype=float), **compared}


def read_results(config: Config, manifest: dict[str, Any]) -> Results:
    """Read the files that the scripts handed on, and the windows of the beats that are shown.

    ``manifest`` is that of the scores, checked.
    """
    processed, outputs = config.paths.processed, config.paths.outputs
    found, scores = read_evaluation(outputs, manifest["files"]), read_scores(outputs, SCORES)
    around = {example: figure_data.rows_around(scores, example.row) for example in choose_examples(scores)}
    record, reason = figure_data.strip_record(found.per_record, scores)
    of_record, highest = np.flatnonzero(scores["record"] == record), highest_rows(scores)
    shown = read_scored_rows(outputs, np.concatenate([*around.values(), of_record, highest]))
    reconstructions = open_reconstructions(outputs)
    examples = []
    for example, rows in around.items():
        beats, reconstruction = shown.loc[rows], reconstructions[example.row]
        windows, components = load_windows(processed, beats), config.scoring.components
        examples.append(figure_data.example_beat(example, beats, windows, reconstruction, config.beat, components))
    beats = shown.loc[of_record].reset_index(drop=True)
    excerpt = figure_data.excerpt_rows(beats, record)
    windows = load_windows(processed, beats.iloc[excerpt])
    return Results(
        **vars(found),
        scores=scores,
        highest=shown.loc[highest],
        baselines=read_baselines(outputs),
        history=read_history(config.paths.models),
        beats=read_table(processed, ("record", "split", "aami_class")),
        examples=examples,
        strip=figure_data.record_strip(beats, record, reason, excerpt, windows, config.beat),
        manifest=manifest,
        detection=read_detection(processed, config),
    )


def false_positive_rate_at(sensitivity: float, anomalous: np.ndarray, scores: np.ndarray) -> float:
    """Lowest false-positive rate at which a detector finds this share of the anomalous beats, from its ROC curve.

    ``anomalous`` and ``scores`` have the shape ``(beats,)``.
    """
    rates, found, _ = roc_curve(anomalous, scores, drop_intermediate=False)
    return float(rates[np.searchsorted(found, sensitivity - 1e-9)])
