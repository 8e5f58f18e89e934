"""What a run left behind, as the figures and tables of the report need it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import Config
from ecg_anomaly.evaluation.figures import with_missed_beats
from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES, threshold_figures
from ecg_anomaly.evaluation.noise_stress import TABLE as NOISE
from ecg_anomaly.handover.beats import load_windows, read_csv, read_detection, read_table
from ecg_anomaly.handover.model import HISTORY, METRICS, THRESHOLD
from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.examples import choose_examples
from ecg_anomaly.reports.figure_data import ExampleBeat, RecordOverTime, ScoreAxis, ThresholdSpread


@dataclass(frozen=True)
class Results:
    """What the figures and the report show.

    Attributes
    ----------
    scores
        ``scores.csv``: one row per test beat.
    baselines
        One column of scores per baseline, rows as in ``scores``.
    metrics, threshold
        ``metrics.json`` and ``threshold.json``.
    confusion
        Counts: rows true normal and anomalous, columns predicted normal and flagged.
    classification
        ``classification_report.csv``, its first column as index.
    per_record
        ``per_record.csv``.
    history
        ``history.csv``.
    beats
        Beats of all splits: at least the columns ``record, split, aami_class``.
    examples, strip
        What `example_beats` and `record_strip` return.
    manifest
        The manifest of the scores.
    noise
        ``noise.csv``: what is found when noise is added; ``None`` where none was.
    detection
        What the QRS detector found; ``None`` where test beats are the annotated ones.
    """

    scores: pd.DataFrame
    baselines: pd.DataFrame
    metrics: dict[str, Any]
    threshold: dict[str, Any]
    confusion: pd.DataFrame
    classification: pd.DataFrame
    per_record: pd.DataFrame
    history: pd.DataFrame
    beats: pd.DataFrame
    examples: Sequence[ExampleBeat]
    strip: RecordOverTime
    manifest: dict[str, Any]
    noise: pd.DataFrame | None = None
    detection: Detection | None = None

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
    def components(self) -> list[str]:
        """The questions that the anomaly score adds up."""
        return list(self.manifest["config"]["scoring"]["components"])

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

        Returns
        -------
        dict
            By the key of the baseline: what ``metrics.json`` has of it, ``sensitivity`` (per class, and of all
            anomalous beats) at the score's false-positive rate, and ``false_positive_rate`` at the score's
            sensitivity to all of them.
        """
        judged = self.judged
        classes, anomalous = judged["aami_class"].to_numpy(), judged["anomalous"].to_numpy(dtype=bool)
        rate, sensitivity = self.metrics["false_positive_rate"], self.metrics["sensitivity"]["all"]
        compared = {name: dict(figures) for name, figures in self.metrics["baselines"].items()}
        if rate is None or sensitivity is None:
            undefined = {"sensitivity": dict.fromkeys((*ANOMALOUS_CLASSES, "all")), "false_positive_rate": None}
            return {name: {**figures, **undefined} for name, figures in compared.items()}
        for name, scores in self.baseline_scores().items():
            as_many_alarms = threshold_figures(classes, flagged_at_rate(scores, anomalous, rate))
            as_many_found = threshold_figures(classes, flagged_at_sensitivity(scores, anomalous, sensitivity))
            compared[name]["sensitivity"] = as_many_alarms["sensitivity"]
            compared[name]["false_positive_rate"] = as_many_found["false_positive_rate"]
        return compared

    def detectors(self) -> dict[str, np.ndarray]:
        """Scores of the detector and of the baselines for the beats of `judged`, by name."""
        compared = {styles.detector_name(name): scores for name, scores in self.baseline_scores().items()}
        return {styles.SCORE: self.judged["anomaly_score"].to_numpy(dtype=float), **compared}


def read_results(config: Config, manifest: dict[str, Any]) -> Results:
    """Read the files that the scripts handed on, and the windows of the beats that are shown.

    Parameters
    ----------
    config
        Where the files are, how beats were cut and which components count.
    manifest
        The manifest of the scores, checked.
    """
    outputs, processed = Path(config.paths.outputs), config.paths.processed
    scores, per_record = read_csv(outputs / "scores.csv"), read_csv(outputs / "per_record.csv")
    columns = (scores[name].to_numpy() for name in ("anomaly_score", "flagged", "aami_class", "threshold"))
    anomaly_scores, flagged, classes, thresholds = columns
    chosen = choose_examples(anomaly_scores, flagged, classes, thresholds)
    rows = [example.row for example in chosen]
    windows = load_windows(processed, scores.iloc[rows])
    reconstructions = np.load(outputs / "reconstructions.npy", mmap_mode="r")
    record, reason = figure_data.strip_record(per_record, scores)
    excerpt = figure_data.excerpt_rows(scores, record)
    excerpt_windows = load_windows(processed, scores.iloc[excerpt])
    return Results(
        scores=scores,
        baselines=read_csv(outputs / "baseline_scores.csv").drop(columns=["record", "sample"]),
        metrics=json.loads((outputs / METRICS).read_text(encoding="utf-8")),
        threshold=json.loads((outputs / THRESHOLD).read_text(encoding="utf-8")),
        confusion=pd.read_csv(outputs / "confusion_matrix.csv", index_col=0),
        classification=pd.read_csv(outputs / "classification_report.csv", index_col=0),
        per_record=per_record,
        history=pd.read_csv(Path(config.paths.models) / HISTORY),
        beats=read_table(processed),
        examples=figure_data.example_beats(
            chosen, scores, windows, reconstructions[rows], config.beat, config.scoring.components
        ),
        strip=figure_data.record_strip(scores, record, reason, excerpt, excerpt_windows, config.beat),
        manifest=manifest,
        noise=read_csv(outputs / NOISE) if NOISE in manifest["files"] else None,
        detection=read_detection(processed, config),
    )


def flagged_at_rate(scores: np.ndarray, anomalous: np.ndarray, rate: float) -> np.ndarray:
    """Flag beats by another detector so that it raises no more false alarms: a fair comparison.

    Parameters
    ----------
    scores, anomalous
        Shape ``(beats,)``: the other detector's scores, and the labels.
    rate
        The false-positive rate that it must keep.

    Returns
    -------
    ndarray of bool
        Shape ``(beats,)``, from the lowest threshold that keeps the rate.
    """
    normal = np.sort(scores[~anomalous])[::-1]
    allowed = int(rate * len(normal) + 1e-9)
    return np.asarray(scores > (normal[allowed] if allowed < len(normal) else -np.inf))


def flagged_at_sensitivity(scores: np.ndarray, anomalous: np.ndarray, sensitivity: float) -> np.ndarray:
    """Flag beats by another detector so that it finds as many anomalous ones; see `flagged_at_rate`."""
    highest_first = np.sort(scores[anomalous])[::-1]
    needed = int(np.ceil(sensitivity * len(highest_first) - 1e-9))
    return np.asarray(scores >= (highest_first[needed - 1] if needed else np.inf))
