"""Example beats chosen by rule, so that nobody picks the pretty ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import CLASSES, NORMAL_CLASS

TYPICAL = "typical"
BORDERLINE = "borderline"
HIGHEST = "highest score"
FARTHEST_BELOW = "missed"
FARTHEST_ABOVE = "false alarm"

RULES = {
    TYPICAL: "the score nearest to the median of its class",
    BORDERLINE: "the score nearest to its threshold",
    HIGHEST: "the highest score of its class",
    FARTHEST_BELOW: "the anomalous beat of its class that stayed farthest below its threshold",
    FARTHEST_ABOVE: "the flagged normal beat farthest above its threshold",
}


@dataclass(frozen=True)
class Example:
    """A beat that is shown, and why."""

    row: int  # among the scored beats
    aami_class: str
    rules: tuple[str, ...]  # every rule that chose it; one beat may serve several


def choose_examples(scores: pd.DataFrame) -> list[Example]:
    """Choose the beats that stand for their class.

    ``scores`` has the columns ``aami_class``, ``anomaly_score``, ``threshold`` and ``flagged``, one row per beat. The
    examples go class by class in the order of ``RULES``, each beat once. Of equal scores the first beat is taken.
    """
    rows = {name: np.flatnonzero(scores["aami_class"] == name) for name in CLASSES}
    return [
        Example(int(its[position]), name, rules)
        for name, its in rows.items()
        if len(its)
        for position, rules in _of_one_class(scores.iloc[its], name == NORMAL_CLASS).items()
    ]


def _of_one_class(beats: pd.DataFrame, normal: bool) -> dict[int, tuple[str, ...]]:
    """Positions of the chosen beats, each with its rules."""
    scores, thresholds = (beats[name].to_numpy(dtype=float) for name in ("anomaly_score", "threshold"))
    above, flagged = scores - thresholds, beats["flagged"].to_numpy(dtype=bool)
    chosen = {
        TYPICAL: np.abs(scores - np.median(scores)).argmin(),
        BORDERLINE: np.abs(above).argmin(),
        HIGHEST: scores.argmax(),
    }
    if normal and flagged.any():
        chosen[FARTHEST_ABOVE] = np.where(flagged, above, -np.inf).argmax()
    if not normal and not flagged.all():
        chosen[FARTHEST_BELOW] = np.where(flagged, np.inf, above).argmin()
    rules: dict[int, tuple[str, ...]] = {}
    for rule, position in chosen.items():
        rules[int(position)] = (*rules.get(int(position), ()), rule)
    return rules
