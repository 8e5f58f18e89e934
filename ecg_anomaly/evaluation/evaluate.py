"""The way of the test records through evaluation.

They are scored a few at a time, in parallel processes, and written as they come. The few numbers of each beat that
figures need are kept, and judged when all are there.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import EVALUATED, QUALITY, Detection
from ecg_anomaly.config import Config
from ecg_anomaly.detector.naming import call_beats
from ecg_anomaly.detector.scorer import RecordScorer, TrainedDetector, with_anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold, flag_beats
from ecg_anomaly.evaluation import figures, metrics
from ecg_anomaly.evaluation.baselines import PrincipalComponents, prematurity_scores
from ecg_anomaly.handover.beats import (
    RecordRows,
    array_portions,
    find_records,
    read_beats,
    read_detection,
    read_table,
)
from ecg_anomaly.handover.model import read_left_out
from ecg_anomaly.handover.scores import (
    Evaluation,
    Metrics,
    ScoredRecords,
    ScoreFigures,
    ScoreWriter,
    begin_reconstructions,
    write_reconstructions,
)
from ecg_anomaly.manifest import Handover
from ecg_anomaly.processes import in_order
from ecg_anomaly.records.splits import TEST, TRAIN
from ecg_anomaly.workers import Calls, with_detector

_BEATS_AT_ONCE = 1 << 14  # of several records
_BASELINES = ("pca", "prematurity")
_KEPT = (*figures.COLUMNS, QUALITY)  # of all beats in memory


def evaluate_detector(output: Handover, config: Config, calls: Calls = with_detector) -> Evaluation:
    """Set the threshold from the patients left out, score the test beats, and compare with the annotations.

    Parameters
    ----------
    output
        Where the scores and the reconstructions of all beats are written.
    config
        Its folders have the beats and the model.
    calls
        Where records are scored.

    Raises
    ------
    UserError
        When there is nothing to set the threshold from, or a process is ended from outside.
    """
    left_out = with_anomaly_score(read_left_out(config.paths.models, _KEPT), config.scoring.components)
    threshold = find_threshold(left_out, config.threshold)
    beats = read_table(config.paths.processed, ("record", "split", EVALUATED))
    splits = {str(name): sorted(rows["record"].unique()) for name, rows in beats.groupby("split")}
    tested = beats.assign(tested=evaluated_beats(beats)).groupby("record")["tested"].sum()[splits[TEST]]

    writer, kept = ScoreWriter(output), []
    target = begin_reconstructions(output, (int(tested.sum()), config.beat.samples, config.records.lead_count))
    done = calls(score_records, _portions(tested, target, config), config, threshold)
    for scored in in_order(done, "scores records"):
        writer.append(scored)
        kept.append(scored.with_columns(_KEPT))
    detection = read_detection(config.paths.processed, config)
    return judge(ScoredRecords.joined(kept), left_out, threshold, detection, splits, config)


def _portions(tested: pd.Series, target: Path, config: Config) -> Iterator[tuple[Any, ...]]:
    """Give the arguments of `score_records` but the first, for a few records at a time.

    ``tested`` counts the test beats of each record that is to be scored, by its name.
    """
    folder = config.paths.processed
    pca = PrincipalComponents.of_batches(array_portions(folder, TRAIN, anomalous=False))
    coming = [record for record in find_records(folder) if record.record in tested.index]
    # So many beats are worth the way to another process.
    numbers = np.cumsum([record.beats for record in coming]) // _BEATS_AT_ONCE
    first = 0
    for _, group in itertools.groupby(zip(numbers, coming, strict=True), key=lambda pair: pair[0]):
        records = [record for _, record in group]
        yield records, pca, folder, target, first
        first += int(tested[[record.record for record in records]].sum())


def score_records(
    detector: TrainedDetector,
    records: Sequence[RecordRows],
    pca: PrincipalComponents,
    folder: str,
    target: Path,
    first: int,
) -> ScoredRecords:
    """Score the test beats of some records.

    Parameters
    ----------
    detector
        A trained detector.
    records
        Where ``beats.csv`` has their beats.
    pca
        The baseline that has learned from training beats.
    folder
        That of the beats.
    target, first
        The file of the reconstructions, and the row of the first test beat in it.
    """
    parts = []
    for beats, reconstructions in (its for record in records for its in _score_record(detector, record, pca, folder)):
        counted = evaluated_beats(beats)
        write_reconstructions(target, first, reconstructions[counted])
        first += int(counted.sum())
        parts.append(beats)
    scored = pd.concat(parts, ignore_index=True)
    scored = scored.assign(prematurity=prematurity_scores(scored, detector.config))[evaluated_beats(scored)]
    scored, leads = scored.reset_index(drop=True), _lead_names(detector.config)
    scores = _flag_and_call(scored.drop(columns=[*_BASELINES, *leads]), detector.threshold)
    return ScoredRecords(scores, scored[list(_BASELINES)], scored[leads])


def _score_record(
    detector: TrainedDetector, record: RecordRows, pca: PrincipalComponents, folder: str
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Score all beats of a record, some at a time: their rows with all scores, and their reconstructions.

    With each lead alone, too, by its position (``"1"`` is the first). The beats stay where both leads have found them;
    a recording of one lead has its beats found in that lead too.
    """
    leads = _lead_names(detector.config)
    both, *alone = (RecordScorer(detector) for _ in ("both", *leads))
    for beats, its in read_beats(folder, record, detector.config.patient):
        scored, columns = both.score(its), {"pca": pca.error(its.windows)}
        for number, (lead, scorer) in enumerate(zip(leads, alone, strict=True)):
            one = its.windows * (np.arange(len(leads)) == number)
            columns[lead] = scorer.score(dataclasses.replace(its, windows=one)).anomaly_score
        yield beats.assign(**columns, **scored.columns()), scored.measured.reconstructions


def _lead_names(config: Config) -> list[str]:
    return [f"{1 + lead}" for lead in range(config.records.lead_count)]


def judge(
    scored: ScoredRecords,
    left_out: pd.DataFrame,
    threshold: FittedThreshold,
    detection: Detection | None,
    splits: Mapping[str, list[str]],
    config: Config,
) -> Evaluation:
    """Compare the scores of all test beats with the annotations.

    Parameters
    ----------
    scored
        The test beats, with the columns of `figures.COLUMNS`.
    left_out
        Beats of training patients, each scored by a network that was trained without them; the same columns but the
        last three.
    threshold
        Where the score is cut, set from these.
    detection
        What the QRS detector found of the annotated test beats; ``None`` where these are tested.
    splits
        The names of the records in each split.
    config
        The settings.
    """
    baselines = {str(name): its.to_numpy() for name, its in scored.baselines.items()}
    judged, judged_baselines = figures.with_missed_beats(scored.scores, baselines, detection)
    found: Metrics = {
        **figures.figures_of(judged, judged_baselines, config),  # type: ignore[typeddict-item]  # detection follows
        "split": dict(splits),
        "left_out": figures.overall_figures(_flag_and_call(left_out, threshold)),
        "single_lead": {str(lead): _with_score(scored.scores, its, threshold) for lead, its in scored.leads.items()},
    }
    per_record = metrics.per_record(judged)
    if detection is not None:
        found["detection"] = metrics.detection_figures(detection.counts)
        per_record = per_record.merge(metrics.detection_per_record(detection.counts), "left", on="record")
    anomalous, flagged = (judged[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    confusion, report = metrics.confusion(anomalous, flagged), metrics.report(anomalous, flagged)
    return Evaluation(threshold, found, confusion, report, per_record)


def evaluated_beats(beats: pd.DataFrame) -> np.ndarray:
    """Mark the beats that figures count: the test beats, without those that nothing can be said of."""
    tested = (beats["split"] == TEST).to_numpy()
    return tested & beats[EVALUATED].to_numpy(dtype=bool) if EVALUATED in beats.columns else tested


def _flag_and_call(scored: pd.DataFrame, threshold: FittedThreshold) -> pd.DataFrame:
    flagged = flag_beats(scored, threshold)
    return flagged.assign(called=call_beats(flagged))


def _with_score(beats: pd.DataFrame, scores: pd.Series, threshold: FittedThreshold) -> ScoreFigures:
    return metrics.score_figures(flag_beats(beats.assign(anomaly_score=scores), threshold))
