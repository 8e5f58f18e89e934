"""What simple methods reach on the same beats: a network has to beat them to be worth its time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import in_each_record
from ecg_anomaly.config import Config
from ecg_anomaly.detector.rhythm import prematurity
from ecg_anomaly.detector.surprise import reconstruction_error

_EXPLAINED_VARIANCE = 0.95


@dataclass(frozen=True)
class PrincipalComponents:
    """A principal component analysis of normal beats, the linear autoencoder.

    It keeps as many components as explain 95 % of their variance.
    """

    mean: np.ndarray  # shape (values,): of a beat, sample by sample, the leads of each side by side
    components: np.ndarray  # shape (components, values), orthonormal

    @classmethod
    def of_batches(cls, batches: Iterable[np.ndarray]) -> PrincipalComponents:
        """Learn from normal training beats, in batches of shape ``(beats, samples, leads)``; at least one is needed."""
        # By their covariance, which is exact whatever the batches, and does not need all beats at once.
        beats, total, products = 0, np.float64(0), np.float64(0)
        for batch in map(_flat, batches):
            beats, total, products = beats + len(batch), total + batch.sum(axis=0), products + batch.T @ batch
        mean = np.asarray(total / beats)
        variances, directions = np.linalg.eigh(products / beats - np.outer(mean, mean))
        explained = np.cumsum(variances[::-1]) / variances.sum()
        kept = int(np.searchsorted(explained, _EXPLAINED_VARIANCE, side="right")) + 1
        return cls(mean, directions.T[::-1][:kept])

    def error(self, windows: np.ndarray) -> np.ndarray:
        """Give the reconstruction error of beats, shape ``(beats,)``; windows of shape ``(beats, samples, leads)``."""
        centred = _flat(windows) - self.mean
        reconstructed = centred @ self.components.T @ self.components + self.mean
        return reconstruction_error(windows, reconstructed.reshape(windows.shape))


def prematurity_scores(beats: pd.DataFrame, config: Config) -> np.ndarray:
    """How early each beat of whole records comes, shape ``(beats,)``; see `rhythm.prematurity`."""
    return in_each_record(
        lambda rr_s, times_s: prematurity(rr_s, times_s, config.rhythm, config.beat.start_s),
        beats,
        *("rr_before_s", "time_s"),
    )


def _flat(windows: np.ndarray) -> np.ndarray:
    return windows.reshape(len(windows), -1).astype(np.float64)
