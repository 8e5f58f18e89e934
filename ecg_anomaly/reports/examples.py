"""Example beats chosen by rule, so that nobody picks the pretty ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import CLASSES, NORMAL_CLASS

MOST_MISTAKES = 10  # of either kind
MOST_OF_A_RECORD = 3  # so that not one record fills them all

TYPICAL = "typical"
BORDERLINE = "borderline"
HIGHEST = "highest score"
FALSE_ALARM = "false alarm"
MISSED = "missed"

RULES = {
    TYPICAL: "the score nearest to the median of its class",
    BORDERLINE: "the score nearest to the threshold",
    HIGHEST: "the highest score of its class",
}
MISTAKES = {
    FALSE_ALARM: "the flagged normal beats with the highest scores",
    MISSED: "the anomalous beats with the lowest scores",
}


@dataclass(frozen=True)
class Example:
    """A beat that is shown, and why."""

    row: int  # among the scored beats
    aami_class: str
    rules: tuple[str, ...]  # every rule that chose it: one beat may serve several of its class, or is a mistake


def choose_examples(scores: pd.DataFrame) -> list[Example]:
    """Choose the beats that stand for their class, then the worst mistakes.

    ``scores`` has the columns ``record``, ``aami_class``, ``anomaly_score``, ``threshold`` and ``flagged``, one row per
    beat. The examples go class by class in the order of `RULES`, each beat once; the mistakes in that of `MISTAKES`,
    the worst first, at most `MOST_MISTAKES` of a kind and `MOST_OF_A_RECORD` of these in one record. Of equal scores
    the first beat is taken.
    """
    rows = {name: np.flatnonzero(scores["aami_class"] == name) for name in CLASSES}
    of_classes = [
        Example(int(its[position]), name, rules)
        for name, its in rows.items()
        if len(its)
        for position, rules in _of_one_class(scores.iloc[its]).items()
    ]
    return of_classes + list(_mistakes(scores.reset_index(drop=True)))


def _of_one_class(beats: pd.DataFrame) -> dict[int, tuple[str, ...]]:
    """Positions of the chosen beats, each with its rules."""
    scores, thresholds = (beats[name].to_numpy(dtype=float) for name in ("anomaly_score", "threshold"))
    chosen = {
        TYPICAL: np.abs(scores - np.median(scores)).argmin(),
        BORDERLINE: np.abs(scores - thresholds).argmin(),
        HIGHEST: scores.argmax(),
    }
    rules: dict[int, tuple[str, ...]] = {}
    for rule, position in chosen.items():
        rules[int(position)] = (*rules.get(int(position), ()), rule)
    return rules


def _mistakes(scores: pd.DataFrame) -> Iterator[Example]:
    normal, flagged = scores["aami_class"] == NORMAL_CLASS, scores["flagged"].astype(bool)
    for rule, chosen, highest_first in ((FALSE_ALARM, normal & flagged, True), (MISSED, ~normal & ~flagged, False)):
        worst = scores[chosen].sort_values("anomaly_score", ascending=not highest_first, kind="stable")
        few_of_each = worst[worst.groupby("record").cumcount() < MOST_OF_A_RECORD].head(MOST_MISTAKES)
        rows_and_classes = zip(few_of_each.index.tolist(), few_of_each["aami_class"], strict=True)
        yield from (Example(row, aami_class, (rule,)) for row, aami_class in rows_and_classes)
