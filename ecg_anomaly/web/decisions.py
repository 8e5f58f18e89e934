"""What the user decides: where scores are cut, and which flagged beats are right or wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import FIBRILLATION
from ecg_anomaly.beats.windows import NORMAL_CLASS
from ecg_anomaly.detector.measures import surprise_column
from ecg_anomaly.evaluation.metrics import threshold_figures
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.findings.summary import summary, unreadable_s
from ecg_anomaly.handover.scores import ThresholdFigures
from ecg_anomaly.manifest import write_json

RIGHT, WRONG = "right", "wrong"  # what a mark on a flagged beat says
BY_TIME, BY_SCORE = "time", "score"

_MARKS = "marks.json"
_RANGE = 3.0  # the slider goes from none to so many times the threshold of the model
_STEPS = 150


@dataclass(frozen=True)
class Outcome:
    """What a threshold does.

    Attributes
    ----------
    flagged
        Number of flagged beats.
    flagged_per_hour
        Per hour that can be read; ``None`` where nothing can.
    false_alarms_per_hour
        Flagged beats that are normal by the annotations, per hour that can be read; ``None`` without annotations.
    figures
        As `metrics.threshold_figures` gives them, beats that were missed counted as not flagged, and beats that are
        none as normal; ``None`` without annotations.
    missed
        Annotated beats that the detector of beats did not find.
    """

    flagged: int
    flagged_per_hour: float | None
    false_alarms_per_hour: float | None = None
    figures: ThresholdFigures | None = None
    missed: int = 0


def cut(stored: Stored, threshold: float) -> pd.DataFrame:
    """Flag the beats of a recording at another threshold.

    Parameters
    ----------
    stored
        The recording.
    threshold
        Takes the place of ``threshold`` in ``threshold.json``: what follows the patient follows from it.

    Returns
    -------
    DataFrame
        The beats with other ``threshold``, ``flagged`` and ``reason``.
    """
    beats = stored.beats
    thresholds = beats["threshold"].to_numpy() + (threshold - stored.threshold.threshold)
    judged = beats["readable"].to_numpy() & (beats["event"] != FIBRILLATION).to_numpy()
    flagged = judged & (beats["anomaly_score"].to_numpy() > thresholds)
    return beats.assign(threshold=thresholds, flagged=flagged, reason=np.where(flagged, _most_surprising(stored), ""))


def tell(stored: Stored, beats: pd.DataFrame) -> dict[str, Any]:
    """Sum up a recording as `results.summary` does, with beats that `cut` gave."""
    told = stored.told
    samples = stored.signals_mv.shape[1]
    again = summary(told["recording"], stored.sampling_rate_hz, told["leads"], samples, beats, stored.events)
    return {**again, "notes": told["notes"]}


def weigh(stored: Stored, beats: pd.DataFrame) -> Outcome:
    """Say what a threshold does, with beats that `cut` gave."""
    flagged = beats["flagged"].to_numpy()
    no_flutter = beats[beats["event"] != FIBRILLATION]
    hours = (stored.duration_s - unreadable_s(no_flutter, stored.events, stored.duration_s)) / 3600
    count = int(flagged.sum())
    per_hour = count / hours if hours > 0 else None
    compared = stored.compared
    if compared is None:
        return Outcome(count, per_hour)
    classes = np.concatenate([compared.classes[compared.counting], compared.missed])
    both = np.concatenate([flagged[compared.counting], np.zeros(len(compared.missed), dtype=bool)])
    alarms = int((both & (classes == NORMAL_CLASS)).sum())
    return Outcome(
        count,
        per_hour,
        alarms / hours if hours > 0 else None,
        threshold_figures(classes, both),
        len(compared.missed),
    )


def slider(threshold: float) -> tuple[float, float, float]:
    """Give the lowest and the highest threshold to choose from, and the step between two."""
    highest = _RANGE * max(abs(threshold), 1.0)
    return min(0.0, -highest if threshold < 0 else 0.0), highest, highest / _STEPS


def listed(beats: pd.DataFrame, order: str, reasons: Sequence[str]) -> np.ndarray:
    """List the rows of flagged beats that have one of some reasons, by time or with the highest score first."""
    rows = np.flatnonzero(beats["flagged"].to_numpy() & beats["reason"].isin(list(reasons)).to_numpy())
    if order == BY_SCORE:
        rows = rows[np.argsort(-beats["anomaly_score"].to_numpy()[rows], kind="stable")]
    return rows


def step(rows: np.ndarray, times_s: np.ndarray, current: int | None, by: int) -> int | None:
    """Go on in a list.

    Parameters
    ----------
    rows
        Rows of beats, in the order of the list.
    times_s
        Shape ``(beats,)``: times of all beats.
    current
        The row where to start; it need not be in the list.
    by
        1 for the next, -1 for the one before.

    Returns
    -------
    int or None
        The row of the next one; the same at the end of the list, ``None`` in an empty one.
    """
    if not len(rows):
        return None
    if current is None:
        return int(rows[0])
    places = np.flatnonzero(rows == current)
    if len(places):
        return int(rows[np.clip(places[0] + by, 0, len(rows) - 1)])
    return int(rows[np.abs(times_s[rows] - times_s[current]).argmin()])


def read_marks(folder: Path) -> dict[int, str]:
    """Read the marks on beats of the recording in a folder: by their row, right or wrong."""
    path = folder / _MARKS
    if not path.is_file():
        return {}
    return {int(row): mark for row, mark in json.loads(path.read_text(encoding="utf-8")).items()}


def write_mark(folder: Path, row: int, mark: str) -> None:
    """Mark a beat as right or wrong, or take its mark away (an empty one)."""
    marks = {**read_marks(folder), row: mark}
    write_json(folder / _MARKS, {str(row): mark for row, mark in sorted(marks.items()) if mark})


def mark_column(marks: Mapping[int, str], beats: int) -> np.ndarray:
    """Give the marks as a column of the table of beats; empty where there is none."""
    column = np.full(beats, "", dtype=object)
    for row, mark in marks.items():
        column[row] = mark
    return column


def _most_surprising(stored: Stored) -> np.ndarray:
    surprises = np.stack([stored.beats[surprise_column(name)].to_numpy() for name in stored.components])
    return np.asarray(np.array(stored.components, dtype=object)[surprises.argmax(axis=0)])
