"""Marks that a person puts on beats, and what they teach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from ecg_anomaly.findings.groups import Group

RIGHT, WRONG = "right", "wrong"  # what a mark says of a flagged beat: it is not normal; it is normal for this patient


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


def effect_of_marks(beats: pd.DataFrame, groups: list[Group], marks: Mapping[int, str]) -> np.ndarray:
    """Say what marks add to the anomaly score of each beat, shape ``(beats,)``; nothing where nothing alike is marked.

    Parameters
    ----------
    beats, groups
        From `groups.group_beats`.
    marks
        `RIGHT` or `WRONG` of each marked beat, by its row.
    """
    return np.zeros(len(beats))
