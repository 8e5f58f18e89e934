"""The way of the test records through evaluation.

They are scored a few at a time, in parallel processes, and written as they come. The few numbers of each beat that
figures need are kept, and judged when all are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import EVALUATED, QUALITY, Detection
from ecg_anomaly.beats.per_beat import rows_of_each_record
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ScaledBeats
from ecg_anomaly.detector.naming import call_beats
from ecg_anomaly.detector.scorer import RecordScorer, TrainedDetector, with_anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold, flag_beats
from ecg_anomaly.evaluation import figures, metrics
from ecg_anomaly.evaluation.baselines import PrincipalComponents, prematurity_scores
from ecg_anomaly.handover.beats import array_portions, load_windows, read_detection, read_table, read_whole_records
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

_BEATS_AT_ONCE = 2048  # of a record, so that a day takes no more memory than half an hour
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
    shape = int(evaluated_beats(beats).sum()), config.beat.samples, config.records.lead_count

    writer, target = ScoreWriter(output), begin_reconstructions(output, shape)
    kept = []
    for scored in in_order(calls(score_records, _portions(target, config), config, threshold), "scores records"):
        writer.append(scored)
        kept.append(scored.with_columns(_KEPT))
    detection = read_detection(config.paths.processed, config)
    return judge(ScoredRecords.joined(kept), left_out, threshold, detection, splits, config)


def _portions(target: Path, config: Config) -> Iterator[tuple[Any, ...]]:
    """Give the arguments of `score_records` but the first, for a few records at a time."""
    processed, first = config.paths.processed, 0
    pca = PrincipalComponents.of_batches(array_portions(processed, TRAIN, anomalous=False))
    for beats in read_whole_records(processed, TEST):
        yield beats, pca, processed, target, first
        first += int(evaluated_beats(beats).sum())


def score_records(
    detector: TrainedDetector, beats: pd.DataFrame, pca: PrincipalComponents, folder: str, target: Path, first: int
) -> ScoredRecords:
    """Score the test beats of some records.

    Parameters
    ----------
    detector
        A trained detector.
    beats
        Rows of ``beats.csv``: all of these records.
    pca
        The baseline that has learned from training beats.
    folder
        That of the windows.
    target, first
        The file of the reconstructions, and the row of the first test beat in it.
    """
    counted, parts = evaluated_beats(beats), []
    for record in rows_of_each_record(beats["record"]):
        for rows, columns, reconstructions in _score_record(detector, beats[record], pca, folder):
            chosen = counted[record][rows]
            write_reconstructions(target, first, reconstructions[chosen])
            first += int(chosen.sum())
            parts.append(pd.DataFrame(columns))
    scored = pd.concat(parts, ignore_index=True)
    leads = [f"{1 + lead}" for lead in range(detector.config.records.lead_count)]
    baselines = scored[["pca"]].assign(prematurity=prematurity_scores(beats, detector.config))
    table = beats.reset_index(drop=True).join(scored.drop(columns=["pca", *leads]))
    tables = _flag_and_call(table, detector.threshold), baselines, scored[leads]
    return ScoredRecords(*(table[counted].reset_index(drop=True) for table in tables))


def _score_record(
    detector: TrainedDetector, beats: pd.DataFrame, pca: PrincipalComponents, folder: str
) -> Iterator[tuple[slice, dict[str, np.ndarray], np.ndarray]]:
    """Score all beats of a record, some at a time: their rows, columns of scores, and reconstructions.

    With each lead alone, too, by its position (``"1"`` is the first). The beats stay where both leads have found them;
    a recording of one lead has its beats found in that lead too.
    """
    config, times_s = detector.config, beats["time_s"].to_numpy()
    both, *alone = (RecordScorer(detector) for _ in range(1 + config.records.lead_count))
    first = max(_BEATS_AT_ONCE, int(np.searchsorted(times_s, config.beat.start_s)))  # the scorer wants these together
    for start, end in pairwise([0, *range(first, len(beats), _BEATS_AT_ONCE), len(beats)]):
        windows = load_windows(folder, beats[start:end])
        its = ScaledBeats.of_table(beats[start:end], windows, config.patient)
        scored, columns = both.score(its), {"pca": pca.error(windows)}
        for lead, scorer in enumerate(alone):
            one = windows * (np.arange(windows.shape[2]) == lead)
            columns[f"{1 + lead}"] = scorer.score(dataclasses.replace(its, windows=one)).anomaly_score
        yield slice(start, end), columns | scored.columns(), scored.measured.reconstructions


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
