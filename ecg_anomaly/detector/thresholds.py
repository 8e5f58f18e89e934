"""Where the anomaly score is cut: one threshold for all, or one that follows the patient."""

from __future__ import annotations

from collections.abc import Callable
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

ADAPTIVE, BEST_F1 = "adaptive", "best_f1"


def find_threshold(beats: pd.DataFrame, settings: Threshold, start_s: float) -> dict[str, Any]:
    """Set the threshold from validation beats.

    Parameters
    ----------
    beats
        All beats of the records that have validation beats, ordered by record and time, with the columns
        ``record``, ``time_s``, ``rr_before_s``, ``split``, ``anomalous`` and ``anomaly_score``. Only ``best_f1`` learns
        from anomalous beats; ``adaptive`` has them, unlabelled, among a patient's recent beats, as on new patients.
    settings
        Method and its parameters.
    start_s
        Beats before this time share one recent median (``adaptive``).

    Returns
    -------
    dict
        ``threshold`` (under ``adaptive`` the margin above the patient's recent median), the parameters that
        made it, ``normal_beats`` and ``patients`` it was set from, and ``uses_labels``: whether labels of
        anomalous beats were used.

    Raises
    ------
    UserError
        When there is nothing to set it from.
    """
    normal = beats[_is_normal(beats)]
    if not len(normal):
        raise UserError("split.validation has no normal beat to set the threshold from; give it more records")
    return {
        "method": settings.method,
        "threshold": _METHODS[settings.method](beats, settings, start_s),
        **{name: getattr(settings, name) for name in _PARAMETERS[settings.method]},
        "start_s": start_s,
        "normal_beats": len(normal),
        "patients": int(normal["record"].nunique()),
        "uses_labels": settings.method == BEST_F1,
    }


class RecordThreshold:
    """Applies what `find_threshold` found to the beats of one record, while they arrive.

    Parameters
    ----------
    found
        The content of ``threshold.json``.
    """

    def __init__(self, found: dict[str, Any]):
        self._threshold = float(found["threshold"])
        follows = found["method"] == ADAPTIVE
        self._recent = EarlierBeats(found["recent_beats"], found["start_s"]) if follows else None

    def push(self, scores: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Give the thresholds above which the next beats are flagged, from their scores and times; shape ``(beats,)``.

        They depend on earlier beats alone; those of the first seconds have to come together.
        """
        usual = 0.0 if self._recent is None else self._recent.push(scores, times_s)
        return np.full(len(scores), self._threshold) + usual


def flag_beats(beats: pd.DataFrame, found: dict[str, Any]) -> pd.DataFrame:
    """Append the columns ``threshold`` and ``flagged``.

    Parameters
    ----------
    beats
        All beats of whole records, with the columns ``record``, ``time_s`` and ``anomaly_score``. Where there is the
        column ``quality``, beats that cannot be read are not flagged.
    found
        What `find_threshold` found.
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


def _adaptive(beats: pd.DataFrame, settings: Threshold, start_s: float) -> float:
    # The mean over patients, not the percentile of all their beats: no single patient sets the margin.
    recent = in_each_record(
        lambda scores, times_s: EarlierBeats(settings.recent_beats, start_s).push(scores, times_s),
        beats,
        *("anomaly_score", "time_s"),
    )
    above = beats["anomaly_score"].to_numpy() - recent
    normal = _is_normal(beats)
    per_patient = pd.Series(above[normal]).groupby(beats["record"].to_numpy()[normal])
    return float(per_patient.quantile(settings.percentile / 100).mean())


def _percentile(beats: pd.DataFrame, settings: Threshold, _start_s: float) -> float:
    return float(np.percentile(_normal_scores(beats), settings.percentile))


def _mean_std(beats: pd.DataFrame, settings: Threshold, _start_s: float) -> float:
    scores = _normal_scores(beats)
    return float(scores.mean() + settings.standard_deviations * scores.std())


def _false_alarms_per_hour(beats: pd.DataFrame, settings: Threshold, _start_s: float) -> float:
    scores = np.sort(_normal_scores(beats))
    hours = recorded_hours(beats[_is_validating(beats)])
    allowed = int(settings.false_alarms_per_hour * hours)
    # Beats are flagged above the threshold: the highest `allowed` normal scores are.
    return float(scores[max(0, len(scores) - 1 - allowed)])


def _best_f1(beats: pd.DataFrame, _settings: Threshold, _start_s: float) -> float:
    beats = beats[_is_validating(beats)]
    anomalous = beats["anomalous"].to_numpy(dtype=bool)
    if not anomalous.any():
        raise UserError(
            "threshold.method best_f1 needs labelled anomalies, and split.validation has none; use another method"
        )
    precision, sensitivity, thresholds = precision_recall_curve(anomalous, beats["anomaly_score"].to_numpy())
    f1 = 2 * precision * sensitivity / np.maximum(precision + sensitivity, 1e-12)
    # The curve counts scores from the threshold on as flagged; here a beat is flagged above it.
    return float(np.nextafter(thresholds[f1[:-1].argmax()], -np.inf))


def _normal_scores(beats: pd.DataFrame) -> np.ndarray:
    return np.asarray(beats.loc[_is_normal(beats), "anomaly_score"], dtype=float)


def _is_normal(beats: pd.DataFrame) -> np.ndarray:
    normal = ~beats["anomalous"].to_numpy(dtype=bool)
    return np.asarray(_is_validating(beats) & normal)


def _is_validating(beats: pd.DataFrame) -> np.ndarray:
    return np.array(beats["split"] == VALIDATION, dtype=bool)


_PARAMETERS: dict[str, tuple[str, ...]] = {
    ADAPTIVE: ("percentile", "recent_beats"),
    "percentile": ("percentile",),
    "mean_std": ("standard_deviations",),
    "false_alarms_per_hour": ("false_alarms_per_hour",),
    BEST_F1: (),
}
_METHODS: dict[str, Callable[[pd.DataFrame, Threshold, float], float]] = {
    ADAPTIVE: _adaptive,
    "percentile": _percentile,
    "mean_std": _mean_std,
    "false_alarms_per_hour": _false_alarms_per_hour,
    BEST_F1: _best_f1,
}
