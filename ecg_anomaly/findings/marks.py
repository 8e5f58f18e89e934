"""Marks that a person puts on beats, and what they teach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ecg_anomaly.findings.joining import NONE
from ecg_anomaly.findings.templates import Templates

RIGHT, WRONG = "right", "wrong"  # what a mark says of a flagged beat: it is not normal; it is normal for this patient

# Chosen inside DS1 (docs/explanation/groups.md). The score adds logarithms: what looks as what is marked becomes about
# 50 times likelier, or less likely.
MOST, REACH = 4.0, 3.0


@dataclass(frozen=True)
class Action:
    """One thing that a person did: a mark on one beat, or on many at once."""

    rows: tuple[int, ...]  # of the beats
    mark: str  # RIGHT, WRONG, or empty: the mark is taken away
    what: str  # was marked, in words: "beat at 0:01:02", "group 3: wide, early"
    by: str  # who did it, as they call themselves; may be empty
    at: datetime  # when, with its zone


def marks_of(actions: Sequence[Action]) -> dict[int, str]:
    """Give the marks that actions leave, in their order: by the row of the beat."""
    marks = {row: action.mark for action in actions for row in action.rows}
    return {row: mark for row, mark in sorted(marks.items()) if mark}


def effect_of_marks(templates: Templates, marks: Mapping[int, str]) -> np.ndarray:
    """Say what marks add to the anomaly score of each beat of a recording.

    The nearest marked template decides: its marks raise the score where they say right, and lower it where they say
    wrong; by `MOST` at no distance, and less in proportion until nothing at the distance `REACH`. Where its beats are
    marked right and wrong, they outweigh each other by their numbers.

    Parameters
    ----------
    templates
        What the beats look like.
    marks
        `RIGHT` or `WRONG` of each marked beat, by its row.

    Returns
    -------
    ndarray
        Shape ``(beats,)``; zeros where nothing alike is marked.
    """
    effect = np.zeros(len(templates.counts) + 1)  # the last one is that of beats without a template
    rows = np.fromiter(marks, dtype=np.int64, count=len(marks))
    votes = np.fromiter((1.0 if mark == RIGHT else -1.0 for mark in marks.values()), dtype=float, count=len(marks))
    of_rows = templates.of_beats[rows]
    known = of_rows != NONE
    marked, indices = np.unique(of_rows[known], return_inverse=True)
    if len(marked):
        outcome = np.bincount(indices, votes[known]) / np.bincount(indices)
        distances = templates.distances(marked)
        nearest = distances.argmin(axis=1)
        effect[:-1] = MOST * outcome[nearest] * np.maximum(0, 1 - distances.min(axis=1) / REACH)
    return np.asarray(effect[templates.of_beats])
