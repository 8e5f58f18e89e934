"""Where the anomaly score is cut: one threshold for all, or one that follows the patient."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from ecg_anomaly.beats.history import EarlierBeats
from ecg_anomaly.beats.labelled import QUALITY
from ecg_anomaly.beats.per_beat import in_each_record
from ecg_anomaly.beats.quality import LEAST_QUALITY
from ecg_anomaly.config import Threshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.splits import VALIDATION

_PARAMETERS: dict[str, tuple[str, ...]] = {  # the settings that each method uses
    "adaptive": ("percentile", "recent_beats"),
    "percentile": ("percentile",),
    "mean_std": ("standard_deviations",),
    "false_alarms_per_hour": ("false_alarms_per_hour",),
    "best_f1": (),
}


@dataclass(frozen=True, kw_only=True)
class FittedThreshold:
    """Where the score is cut, as `find_threshold` found it.

    A beat is flagged above ``threshold``; where ``recent_beats`` is given, above it and the median of the patient's
    recent scores together.
    """

    method: str  # one of threshold.method; the settings that it has no use for are None
    threshold: float
    percentile: float | None = None
    standard_deviations: float | None = None
    false_alarms_per_hour: float | None = None
    recent_beats: int | None = None
    start_s: float  # beats before this time share one recent median
    normal_beats: int  # from so many it was set,
    patients: int  # and from so many patients
    uses_labels: bool  # of anomalous beats

    def to_json(self) -> dict[str, Any]:
        """Give the content of ``threshold.json``, which are the arguments that make it again."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


def find_threshold(beats: pd.DataFrame, settings: Threshold, start_s: float) -> FittedThreshold:
    """Set the threshold from validation beats; those before ``start_s`` share one recent median (``adaptive``).

    Parameters
    ----------
    beats
        All beats of the records that have validation beats, ordered by record and time, with the columns
        ``record``, ``time_s``, ``rr_before_s``, ``split``, ``anomalous`` and ``anomaly_score``. Only ``best_f1`` learns
        from anomalous beats; ``adaptive`` has them, unlabelled, among a patient's recent beats, as on new patients.

    Raises
    ------
    UserError
        When there is nothing to set it from.
    """
    normal = (beats["split"] == VALIDATION).to_numpy() & ~beats["anomalous"].to_numpy(dtype=bool)
    if not normal.any():
        raise UserError("split.validation has no normal beat to set the threshold from; give it more records")
    return FittedThreshold(
        method=settings.method,
        threshold=_cut(beats, normal, settings, start_s),
        **{name: getattr(settings, name) for name in _PARAMETERS[settings.method]},
        start_s=start_s,
        normal_beats=int(normal.sum()),
        patients=int(beats.loc[normal, "record"].nunique()),
        uses_labels=settings.method == "best_f1",
    )


class RecordThreshold:
    """The threshold of each beat of one record, while they arrive; it depends on earlier beats alone."""

    def __init__(self, found: FittedThreshold):
        self._threshold = found.threshold
        self._recent = None if found.recent_beats is None else EarlierBeats(found.recent_beats, found.start_s)

    def push(self, scores: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Take scores and times of the next beats, shape ``(beats,)``; those of the first seconds come together."""
        usual = 0.0 if self._recent is None else self._recent.push(scores, times_s)
        return np.full(len(scores), self._threshold) + usual


def flag_beats(beats: pd.DataFrame, found: FittedThreshold) -> pd.DataFrame:
    """Append the columns ``threshold`` and ``flagged`` to all beats of whole records.

    They have the columns ``record``, ``time_s`` and ``anomaly_score``; where they have the column ``quality``, beats
    that cannot be read are not flagged.
    """
    thresholds = in_each_record(
        lambda scores, times_s: RecordThreshold(found).push(scores, times_s), beats, "anomaly_score", "time_s"
    )
    quality = beats[QUALITY].to_numpy() if QUALITY in beats.columns else np.full(len(beats), np.nan)
    return beats.assign(threshold=thresholds, flagged=flags(beats["anomaly_score"].to_numpy(), thresholds, quality))


def flags(scores: np.ndarray, thresholds: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Flag beats above their threshold, unless their quality says that they cannot be read (NaN: nobody asked)."""
    return np.asarray((scores > thresholds) & ~(quality < LEAST_QUALITY))


def recorded_hours(beats: pd.DataFrame) -> float:
    """Hours of recording that beats stand for: the RR intervals before them, added up."""
    return float(beats["rr_before_s"].sum() / 3600)


def _cut(beats: pd.DataFrame, normal: np.ndarray, settings: Threshold, start_s: float) -> float:
    scores = beats.loc[normal, "anomaly_score"].to_numpy()
    validating = beats[beats["split"] == VALIDATION]
    match settings.method:
        case "adaptive":
            # The mean over patients, not the percentile of all their beats: no single patient sets the margin.
            above = beats["anomaly_score"] - in_each_record(
                lambda scores, times_s: EarlierBeats(settings.recent_beats, start_s).push(scores, times_s),
                beats,
                *("anomaly_score", "time_s"),
            )
            per_patient = above[normal].groupby(beats.loc[normal, "record"])
            return float(per_patient.quantile(settings.percentile / 100).mean())
        case "percentile":
            return float(np.percentile(scores, settings.percentile))
        case "mean_std":
            return float(scores.mean() + settings.standard_deviations * scores.std())
        case "false_alarms_per_hour":
            allowed = int(settings.false_alarms_per_hour * recorded_hours(validating))
            # Beats are flagged above the threshold: the highest `allowed` normal scores are.
            return float(np.sort(scores)[max(0, len(scores) - 1 - allowed)])
        case "best_f1":
            return _best_f1(validating["anomalous"].to_numpy(dtype=bool), validating["anomaly_score"].to_numpy())


def _best_f1(anomalous: np.ndarray, scores: np.ndarray) -> float:
    if not anomalous.any():
        raise UserError(
            "threshold.method best_f1 needs labelled anomalies, and split.validation has none; use another method"
        )
    precision, sensitivity, thresholds = precision_recall_curve(anomalous, scores)
    f1 = 2 * precision * sensitivity / np.maximum(precision + sensitivity, 1e-12)
    # The curve counts scores from the threshold on as flagged; here a beat is flagged above it.
    return float(np.nextafter(thresholds[f1[:-1].argmax()], -np.inf))
