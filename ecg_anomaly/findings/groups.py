"""Groups of beats that are alike in shape and timing, so that a person looks at twenty shapes instead of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd

REST = 0  # number of what belongs to no group


class GroupFigures(TypedDict):
    """A group in ``NAME.summary.json``."""

    group: int
    flagged: bool
    name: str
    beats: int
    share: float
    coupling_s: float | None


@dataclass(frozen=True)
class Group:
    """Beats that are alike: all of them flagged, or none."""

    number: int  # in the column ``group`` of the table of beats: the flagged first, large ones before small; REST is 0
    flagged: bool
    name: str  # in words: "wide, early, with a pause"
    count: int  # of beats
    share: float  # of the flagged beats, or of the others
    coupling_s: float | None  # the median RR interval before its beats
    mean: np.ndarray  # shape (window samples, leads of the model): the scaled mean beat
    spread: np.ndarray  # same shape: the standard deviation around it

    def to_json(self) -> GroupFigures:
        """Give the figures of the group."""
        return {
            "group": self.number,
            "flagged": self.flagged,
            "name": self.name,
            "beats": self.count,
            "share": round(self.share, 4),
            "coupling_s": None if self.coupling_s is None else round(self.coupling_s, 3),
        }


def group_beats(beats: pd.DataFrame, shapes: np.ndarray) -> tuple[np.ndarray, list[Group]]:
    """Group the flagged beats of a recording, and, apart from them, the others.

    Returns
    -------
    numbers : ndarray
        Shape ``(beats,)``, int: the group of each beat.
    groups : list of Group
        In order of their numbers.
    """
    flagged, readable = beats["flagged"].to_numpy(dtype=bool), beats["readable"].to_numpy(dtype=bool)
    kinds = np.where(flagged, beats["called"], np.where(readable, "usual", ""))
    numbers, groups = np.zeros(len(beats), dtype=int), list[Group]()
    for kind in pd.unique(kinds[np.lexsort([~flagged])]):
        rows = np.flatnonzero(kinds == kind)
        if kind == "":
            continue
        number = len(groups) + 1
        numbers[rows] = number
        windows = np.asarray(shapes[rows, 0]) if len(shapes) else np.zeros((1, *shapes.shape[2:]))
        coupling_s = float(beats["rr_before_s"].iloc[rows].median())
        its = bool(flagged[rows[0]])
        share = len(rows) / int((flagged == its).sum())
        mean, spread = windows.mean(axis=0), windows.std(axis=0)
        groups.append(Group(number, its, str(kind), len(rows), share, coupling_s, mean, spread))
    return numbers, groups


def figures(groups: Sequence[Group]) -> list[GroupFigures]:
    """Give the figures of groups, ready for JSON."""
    return [group.to_json() for group in groups]
