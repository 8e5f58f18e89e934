"""The files that hold what the detector made of the test beats: scores, threshold and figures.

``scores.csv`` has the columns of ``beats.csv``, then ``reconstruction_error``, one ``NAME_surprise`` per component of
the score that is a surprise, ``log_odds_S`` and ``log_odds_V`` (of the network, against N, natural logarithm),
``anomaly_score``, ``threshold``, ``flagged``, and ``called`` (empty where a beat is not flagged);
``baseline_scores.csv`` and ``reconstructions.npy`` have its rows. These three grow with the records, and are written
a few records at a time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import pandas as pd

from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.handover.beats import csv_portions, read_csv
from ecg_anomaly.manifest import Handover, write_json

if TYPE_CHECKING:
    from typing_extensions import NotRequired

SCORES, BASELINES, RECONSTRUCTIONS = "scores.csv", "baseline_scores.csv", "reconstructions.npy"
THRESHOLD, METRICS = "threshold.json", "metrics.json"
CONFUSION, CLASSIFICATION, PER_RECORD = "confusion_matrix.csv", "classification_report.csv", "per_record.csv"
NOISE = "noise.csv"  # where noise.records names records
_BEAT = ["record", "sample"]  # what a beat is known by

Figure = float | None  # `None` where nothing defines it
PerClass = dict[str, Figure]  # a share of the beats of each AAMI class (S, V, F) and of "all" anomalous ones


class MeanAuc(TypedDict):
    """The mean AUC of the ``records`` that have enough anomalous beats."""

    mean: Figure
    records: int


class RankingFigures(TypedDict):
    """Figures of a score that need no threshold.

    ``sensitivity_at_fpr`` goes by false-positive rate (``"0.05"``), ``sensitivity_at_false_alarms_per_hour`` by rate
    (``"20"``), ``false_alarms_per_hour_at_sensitivity_V`` by sensitivity to class V (``"0.95"``).
    """

    auc: Figure
    average_precision: Figure
    sensitivity_at_fpr: dict[str, PerClass]
    sensitivity_at_false_alarms_per_hour: dict[str, PerClass]
    false_alarms_per_hour_at_sensitivity_V: dict[str, Figure]
    per_record_auc_mean: MeanAuc


class Rates(TypedDict):
    """Shares of beats that are flagged."""

    false_positive_rate: Figure
    sensitivity: PerClass
    positive_predictivity: PerClass


class ThresholdFigures(Rates):
    """Figures at a threshold; ``precision`` is the positive predictivity of all anomalous beats."""

    false_alarms_per_hour: Figure
    precision: Figure
    f1: Figure


class ScoreFigures(RankingFigures, ThresholdFigures):
    """Figures of an anomaly score, with and without a threshold."""


class Shares(TypedDict):
    """How much of something is found, and how much of what is found is it."""

    sensitivity: Figure
    positive_predictivity: Figure


class NamedFigures(TypedDict):
    """How well beats are called V and S, all records pooled; and their mean over records, by the same names."""

    V: Shares
    S: Shares
    average_over_records: dict[str, Shares]


class QuietFigures(TypedDict):
    """Figures at the threshold of the ``records`` (their number) with few anomalous beats, pooled."""

    records: int
    false_alarms_per_hour: Figure
    precision: Figure
    sensitivity: PerClass


class OverallFigures(ScoreFigures):
    """All figures of the anomaly score; ``threshold`` is that of all beats, ``beats`` counts them per class."""

    prevalence: float
    threshold: float
    average_over_records: Rates
    named: NamedFigures
    quiet_records: QuietFigures
    beats: dict[str, int]


class ComponentFigures(RankingFigures):
    """Figures of a component by itself, and of the sum ``without`` it; ``None`` where there is none."""

    without: RankingFigures | None


class DetectionFigures(Shares):
    """How well the QRS detector finds beats, all records pooled, with the counts of beats."""

    annotated: int
    detected: int
    missed: int
    extra: int
    average_over_records: Shares


class RunFigures(OverallFigures):
    """Figures of the anomaly score, its components and the baselines."""

    simulated: bool
    confidence_intervals: dict[str, list[float] | None]
    without_record: dict[str, OverallFigures]
    components: dict[str, ComponentFigures]
    baselines: dict[str, RankingFigures]


class Metrics(RunFigures):
    """The content of ``metrics.json``.

    ``split`` names the records, ``left_out`` has the figures of the patients from whom the threshold was set, each
    scored by a network that was trained without them, and ``single_lead`` goes by a lead's position.
    """

    split: dict[str, list[str]]
    left_out: OverallFigures
    single_lead: dict[str, ScoreFigures]
    detection: NotRequired[DetectionFigures]  # where test beats are detected ones


@dataclass(frozen=True)
class ScoredRecords:
    """What was made of the test beats of some records, but for the reconstructions, which are in their file."""

    scores: pd.DataFrame  # rows of scores.csv
    baselines: pd.DataFrame  # one column of scores per simple method
    leads: pd.DataFrame  # one column of anomaly scores with one lead alone per lead, by its position

    def with_columns(self, names: Collection[str]) -> ScoredRecords:
        """Keep of the scores these columns, as far as they are there."""
        chosen = self.scores[[name for name in self.scores if name in names]]
        return ScoredRecords(chosen, self.baselines, self.leads)

    @classmethod
    def joined(cls, parts: Sequence[ScoredRecords]) -> ScoredRecords:
        """Put records together; at least one part is needed."""
        tables = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(pd.concat(its, ignore_index=True) for its in tables))


class ScoreWriter:
    """Writes what is made of test beats, a few records at a time, so that memory does not grow with their number."""

    def __init__(self, output: Handover):
        self._scores, self._baselines = output.path(SCORES), output.path(BASELINES)
        self._header = True

    def append(self, scored: ScoredRecords) -> None:
        """Append the beats of the next records."""
        baselines = scored.scores[_BEAT].join(scored.baselines)
        for table, path in ((scored.scores, self._scores), (baselines, self._baselines)):
            table.to_csv(path, mode="a", header=self._header, index=False)
        self._header = False


def begin_reconstructions(output: Handover, shape: tuple[int, int, int]) -> Path:
    """Make the file of reconstructions of shape ``(beats, samples, leads)``, for `write_reconstructions`."""
    path = output.path(RECONSTRUCTIONS)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    return path


def write_reconstructions(path: Path, first: int, reconstructions: np.ndarray) -> None:
    """Write the next reconstructions from a row on; processes may write other rows at the same time."""
    whole: np.memmap = np.load(path, mmap_mode="r")
    # Not into the map: what other machines write to the same page of a shared disk would be overwritten.
    with path.open("r+b") as file:
        file.seek(whole.offset + first * whole.strides[0])
        file.write(np.ascontiguousarray(reconstructions, whole.dtype).data)


@dataclass(frozen=True)
class Evaluation:
    """All that ``evaluate_model.py`` hands on, but for what has a row per beat."""

    threshold: FittedThreshold  # where the anomaly score is cut
    metrics: Metrics
    confusion: pd.DataFrame  # beats by label and flag
    classification: pd.DataFrame  # scikit-learn's classification report
    per_record: pd.DataFrame  # figures of each record
    noise: pd.DataFrame | None = None  # one row per record and noise that was added, where one was


def write_evaluation(output: Handover, found: Evaluation) -> None:
    """Write the files of an evaluation, but for those that have a row per beat."""
    write_json(output.path(THRESHOLD), found.threshold.to_json())
    write_json(output.path(METRICS), found.metrics)
    found.confusion.to_csv(output.path(CONFUSION))
    found.classification.to_csv(output.path(CLASSIFICATION))
    found.per_record.to_csv(output.path(PER_RECORD), index=False)
    if found.noise is not None:
        found.noise.to_csv(output.path(NOISE), index=False)


def read_evaluation(folder: str | Path, files: Collection[str]) -> Evaluation:
    """Read what `write_evaluation` wrote: of the files, those that the manifest lists."""
    folder = Path(folder)
    return Evaluation(
        read_threshold(folder),
        read_metrics(folder),
        pd.read_csv(folder / CONFUSION, index_col=0),
        pd.read_csv(folder / CLASSIFICATION, index_col=0),
        read_csv(folder / PER_RECORD),
        read_csv(folder / NOISE) if NOISE in files else None,
    )


def read_scores(folder: str | Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read ``scores.csv``, or those of some columns that it has."""
    return _with_names(read_csv(Path(folder) / SCORES, columns))


def read_scored_rows(folder: str | Path, rows: np.ndarray) -> pd.DataFrame:
    """Read some rows of ``scores.csv``, of shape ``(beats,)``, with all columns; they are the index, in order."""
    portions = csv_portions(Path(folder) / SCORES)
    return _with_names(pd.concat([portion[portion.index.isin(rows)] for portion in portions]))


def read_baselines(folder: str | Path) -> pd.DataFrame:
    """Read the scores of ``baseline_scores.csv``: one column per simple method."""
    return read_csv(Path(folder) / BASELINES).drop(columns=_BEAT)


def open_reconstructions(folder: str | Path) -> np.ndarray:
    """Open ``reconstructions.npy``, shape ``(beats, samples, leads)``, without reading it into memory."""
    reconstructions: np.ndarray = np.load(Path(folder) / RECONSTRUCTIONS, mmap_mode="r")
    return reconstructions


def _with_names(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.fillna({"called": ""}) if "called" in scores else scores  # a beat that is not flagged has no name


def read_threshold(folder: str | Path) -> FittedThreshold:
    """Read ``threshold.json``."""
    return FittedThreshold(**json.loads((Path(folder) / THRESHOLD).read_text(encoding="utf-8")))


def read_metrics(folder: str | Path) -> Metrics:
    """Read ``metrics.json``."""
    metrics: Metrics = json.loads((Path(folder) / METRICS).read_text(encoding="utf-8"))
    return metrics
