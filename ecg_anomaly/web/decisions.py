"""What the user decides: where scores are cut, what that does, and which flagged beats are looked at."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS
from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.evaluation.metrics import threshold_figures
from ecg_anomaly.findings.review import Review
from ecg_anomaly.handover.scores import SCORES, ThresholdFigures, read_scores
from ecg_anomaly.web.values import number_of

_RANGE = 3.0  # the slider goes from none to so many times the threshold of the model
_STEPS = 250  # at least half as many


@dataclass(frozen=True)
class Outcome:
    """What a threshold does; what annotations say of it is ``None`` where there are none."""

    hours: float  # that can be read
    flagged: int
    false_alarms: int | None = None  # flagged beats that are normal, or no beats
    figures: ThresholdFigures | None = None  # beats that were not found count as not flagged, what is none as normal
    missed: int = 0  # annotated beats that were not found

    def per_hour(self, count: int | None) -> float | None:
        """So many per hour that can be read; ``None`` where nothing can, or there is no count."""
        return None if count is None or self.hours <= 0 else count / self.hours


def outcome(reviewed: Review) -> Outcome:
    """Say what the threshold of a review does, with its marks."""
    stored, flagged = reviewed.stored, reviewed.beats["flagged"].to_numpy()
    hours = reviewed.summary["readable_s"] / 3600
    compared = stored.compared
    if compared is None:
        return Outcome(hours, int(flagged.sum()))
    classes = np.concatenate([compared.classes[compared.counting], compared.missed])
    found = np.concatenate([flagged[compared.counting], np.zeros(len(compared.missed), dtype=bool)])
    false_alarms = int((found & (classes == NORMAL_CLASS)).sum())
    figures = threshold_figures(classes, found, hours)
    return Outcome(hours, int(flagged.sum()), false_alarms, figures, len(compared.missed))


@functools.lru_cache(maxsize=2)
def read_tested(outputs: str) -> pd.DataFrame | None:
    """Read the scores that ``evaluate_model.py`` wrote of the test patients; ``None`` where they are not there."""
    if not (Path(outputs) / SCORES).is_file():
        return None
    return read_scores(outputs, ["record", "rr_before_s", "anomalous", "anomaly_score"])


def outcome_of_test(tested: pd.DataFrame, threshold: float) -> tuple[float | None, float | None]:
    """Give false alarms per hour and the share of anomalous beats found in the test patients, at a threshold.

    They are a guide where there are no annotations. Either is ``None`` where nothing defines it.
    """
    flagged = (tested["anomaly_score"] > threshold).to_numpy()
    anomalous, hours = tested["anomalous"].to_numpy(dtype=bool), recorded_hours(tested)
    alarms, found = int(flagged[~anomalous].sum()), flagged[anomalous]
    return alarms / hours if hours > 0 else None, float(found.mean()) if len(found) else None


@dataclass(frozen=True)
class Scale:
    """Thresholds to choose from."""

    lowest: float
    highest: float
    step: float
    decimals: int  # with which they are shown


def scale(own: float) -> Scale:
    """Give thresholds to choose from, around that of the model, in steps of a round number."""
    highest = _RANGE * max(abs(own), 1.0)
    exponent = math.floor(math.log10(highest / _STEPS))
    step = round(5 * 10.0**exponent, max(0, -exponent))
    return Scale(-highest if own < 0 else 0.0, math.ceil(highest / step) * step, step, max(0, -exponent))


def chosen_threshold(asked: Any, own: float) -> float | None:
    """Read a threshold that the page asks for; ``None`` for that of the model, which is shown with fewer decimals.

    Raises
    ------
    UserError
        When it is no number.
    """
    if asked in (None, ""):
        return None
    threshold = number_of(asked, "threshold")
    return None if threshold in (own, round(own, scale(own).decimals)) else threshold


def nearest(rows: np.ndarray, times_s: np.ndarray, time_s: float) -> int | None:
    """Find the row of the beat that is nearest to a time; ``None`` where there is none."""
    return int(rows[np.abs(times_s[rows] - time_s).argmin()]) if len(rows) else None
