"""What a threshold did to the patients that the model was tested on: a guide where there are no annotations."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg_anomaly.detector.thresholds import recorded_hours
from ecg_anomaly.handover.scores import SCORES, read_scores
from ecg_anomaly.records.simulate import is_simulated


@dataclass(frozen=True)
class Evaluated:
    """The test beats."""

    above: np.ndarray  # shape (beats,): how far their scores lie above the thresholds
    anomalous: np.ndarray  # shape (beats,), of bool
    hours: float
    patients: int
    word: str  # what the patients are

    def at(self, shift: float) -> tuple[float | None, float | None]:
        """Give false alarms per hour and the share of anomalous beats found, at thresholds higher by ``shift``.

        Either is ``None`` where nothing defines it.
        """
        flagged = self.above > shift
        alarms, found = int(flagged[~self.anomalous].sum()), flagged[self.anomalous]
        return alarms / self.hours if self.hours > 0 else None, float(found.mean()) if len(found) else None


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
    return Evaluated(above, anomalous, recorded_hours(scores), len(records), word)
