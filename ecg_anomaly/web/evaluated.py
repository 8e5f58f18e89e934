"""What a threshold did to the patients that the model was tested on: a guide where there are no annotations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.handover.scores import SCORES, read_scores
from ecg_anomaly.records.wfdb_records import is_simulated


@dataclass(frozen=True)
class Guide:
    """False alarms per hour, and the share of anomalous beats that is found; ``None`` where nothing defines it."""

    false_alarms_per_hour: float | None
    sensitivity: float | None


@dataclass(frozen=True)
class Evaluated:
    """Scores of the test beats above their threshold.

    Attributes
    ----------
    normal, anomalous
        Shape ``(beats,)``, increasing: how far the scores lie above the threshold.
    hours
        Of recording.
    patients
        Number of records.
    word
        What they are.
    """

    normal: np.ndarray
    anomalous: np.ndarray
    hours: float
    patients: int
    word: str

    def at(self, shift: float) -> Guide:
        """Say what thresholds do that are higher by ``shift``."""
        alarms = _above(self.normal, shift)
        found = _above(self.anomalous, shift) / len(self.anomalous) if len(self.anomalous) else None
        return Guide(alarms / self.hours if self.hours > 0 else None, found)


@functools.lru_cache(maxsize=2)
def read_evaluated(outputs: str) -> Evaluated | None:
    """Read what ``evaluate_model.py`` wrote; ``None`` where it is not there."""
    if not (Path(outputs) / SCORES).is_file():
        return None
    scores = read_scores(outputs, ["record", "rr_before_s", "anomalous", "anomaly_score", "threshold"])
    above = scores["anomaly_score"].to_numpy() - scores["threshold"].to_numpy()
    anomalous = scores["anomalous"].to_numpy(dtype=bool)
    records = scores["record"].unique()
    word = "patients (simulated)" if len(records) and all(map(is_simulated, records)) else "patients"
    return Evaluated(np.sort(above[~anomalous]), np.sort(above[anomalous]), recorded_hours(scores), len(records), word)


def _above(ordered: np.ndarray, limit: float) -> int:
    return int(len(ordered) - np.searchsorted(ordered, limit, side="right"))
