"""Where the anomaly score is cut: one threshold, set from patients that the network was not trained on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import QUALITY
from ecg_anomaly.beats.quality import LEAST_QUALITY
from ecg_anomaly.config import Threshold
from ecg_anomaly.errors import UserError

_PERCENTILES = (5, 50, 95)  # over patients, of what a threshold does to each


@dataclass(frozen=True, kw_only=True)
class FittedThreshold:
    """Where the score is cut, as `find_threshold` found it: a beat is flagged above it."""

    method: str  # one of threshold.method; the setting of the other is None
    threshold: float
    false_alarms_per_hour: float | None = None
    percentile: float | None = None
    normal_beats: int  # from so many it was set,
    patients: int  # and from so many patients
    # False alarms per hour that it raises in those: percentiles over patients, by "5", "50" and "95".
    rates_per_hour: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Give the content of ``threshold.json``, which are the arguments that make it again."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


def find_threshold(scored: pd.DataFrame, settings: Threshold) -> FittedThreshold:
    """Set the threshold from beats of patients that the network was not trained on; only the normal ones count.

    Parameters
    ----------
    scored
        All beats of these patients, with the columns ``record``, ``rr_before_s``, ``anomalous`` and ``anomaly_score``.

    Raises
    ------
    UserError
        When none of them is normal.
    """
    normal = scored[~scored["anomalous"].to_numpy(dtype=bool)]
    if normal.empty:
        raise UserError("there is no normal beat to set the threshold from; give split.train more records")
    judged = scored[scored["record"].isin(normal["record"])]
    hours = pd.Series({record: recorded_hours(beats) for record, beats in judged.groupby("record")})
    scores, records = normal["anomaly_score"].to_numpy(dtype=float), normal["record"].to_numpy()
    if settings.method == "percentile":
        threshold = float(np.percentile(scores, settings.percentile))
    else:
        threshold = _cut_at_rate(scores, records, hours, settings.false_alarms_per_hour)
    rates = np.percentile(_rates_per_hour(scores > threshold, records, hours), _PERCENTILES)
    return FittedThreshold(
        method=settings.method,
        threshold=threshold,
        **{settings.method: getattr(settings, settings.method)},  # its setting has its name
        normal_beats=len(normal),
        patients=len(hours),
        rates_per_hour=dict(zip(map(str, _PERCENTILES), rates.tolist(), strict=True)),
    )


def flag_beats(beats: pd.DataFrame, found: FittedThreshold) -> pd.DataFrame:
    """Append the columns ``threshold`` and ``flagged`` to beats that have the column ``anomaly_score``.

    Where they have the column ``quality``, beats that cannot be read are not flagged.
    """
    quality = beats[QUALITY].to_numpy() if QUALITY in beats.columns else np.full(len(beats), np.nan)
    flagged = flags(beats["anomaly_score"].to_numpy(), found.threshold, quality)
    return beats.assign(threshold=found.threshold, flagged=flagged)


def flags(scores: np.ndarray, threshold: float, quality: np.ndarray) -> np.ndarray:
    """Flag beats above the threshold, unless their quality says that they cannot be read (NaN: nobody asked)."""
    return np.asarray((scores > threshold) & ~(quality < LEAST_QUALITY))


def recorded_hours(beats: pd.DataFrame) -> float:
    """Hours of recording that beats stand for: the RR intervals before them, added up."""
    return float(beats["rr_before_s"].sum() / 3600)


def _cut_at_rate(scores: np.ndarray, records: np.ndarray, hours: pd.Series, per_hour: float) -> float:
    """Find the lowest threshold at which normal beats raise at most so many false alarms per hour.

    ``scores`` and ``records`` of the normal beats, shape ``(beats,)``; ``hours`` of each record.
    """
    # All hours together: most alarms are then those of few patients, and the others do not pay for them.
    allowed = int(per_hour * hours.sum())
    return float(np.sort(scores)[max(0, len(scores) - 1 - allowed)])


def _rates_per_hour(flagged: np.ndarray, records: np.ndarray, hours: pd.Series) -> np.ndarray:
    """Count the flagged normal beats of each record per hour; arguments as for `_cut_at_rate`."""
    return np.asarray(pd.Series(flagged).groupby(records).sum() / hours)
