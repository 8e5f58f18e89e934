"""Example beats chosen by rule, so that nobody picks the pretty ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    """A beat that is shown, and why.

    Attributes
    ----------
    row
        Its row among the scored beats.
    aami_class
        Its class.
    rules
        Every rule that chose it; one beat may serve several.
    """

    row: int
    aami_class: str
    rules: tuple[str, ...]


def choose_examples(
    scores: np.ndarray,
    flagged: np.ndarray,
    aami_classes: np.ndarray,
    thresholds: np.ndarray,
    classes: Sequence[str] = CLASSES,
) -> list[Example]:
    """Choose the beats that stand for their class.

    Parameters
    ----------
    scores, flagged, aami_classes, thresholds
        Shape ``(beats,)``: anomaly score, whether it was flagged, the class, and the threshold of each beat.
    classes
        The classes to choose from, in the order of the result.

    Returns
    -------
    list of Example
        Class by class in the order of ``RULES``, each beat once. Of equal scores the first beat is taken.
    """
    examples = []
    for aami_class in classes:
        rows = np.flatnonzero(aami_classes == aami_class)
        if len(rows):
            above = scores[rows] - thresholds[rows]
            examples += _of_one_class(aami_class, rows, scores[rows], flagged[rows], above)
    return examples


def _of_one_class(
    aami_class: str, rows: np.ndarray, scores: np.ndarray, flagged: np.ndarray, above: np.ndarray
) -> list[Example]:
    chosen = {
        TYPICAL: np.abs(scores - np.median(scores)).argmin(),
        BORDERLINE: np.abs(above).argmin(),
        HIGHEST: scores.argmax(),
    }
    if aami_class == NORMAL_CLASS and flagged.any():
        chosen[FARTHEST_ABOVE] = np.where(flagged, above, -np.inf).argmax()
    if aami_class != NORMAL_CLASS and not flagged.all():
        chosen[FARTHEST_BELOW] = np.where(flagged, np.inf, above).argmin()
    rules: dict[int, list[str]] = {}
    for rule, position in chosen.items():
        rules.setdefault(int(rows[position]), []).append(rule)
    return [Example(row, aami_class, tuple(names)) for row, names in rules.items()]
