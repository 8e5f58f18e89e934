"""What simple methods reach on the same beats: a network has to beat them to be worth its time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ecg_anomaly.beats.per_beat import in_each_record
from ecg_anomaly.config import Config
from ecg_anomaly.detector.rhythm import prematurity
from ecg_anomaly.detector.surprise import reconstruction_error

_EXPLAINED_VARIANCE = 0.95


def pca_error(normal_beats: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Reconstruction error of a principal component analysis, the linear autoencoder.

    It keeps as many components as explain 95 % of the variance of normal beats. Normal training beats and the windows
    to score have the shape ``(beats, samples, leads)``, scores ``(beats,)``.
    """
    pca = PCA(_EXPLAINED_VARIANCE, svd_solver="full").fit(_flat(normal_beats))
    reconstructed = pca.inverse_transform(pca.transform(_flat(windows)))
    return reconstruction_error(windows, reconstructed.reshape(windows.shape))


def baseline_scores(
    beats: pd.DataFrame, scored: np.ndarray, normal_beats: np.ndarray, windows: np.ndarray, config: Config
) -> dict[str, np.ndarray]:
    """Score beats with every baseline; scores of shape ``(beats to score,)`` by its name.

    ``beats`` are all of whole records, ordered by record and time, of which ``scored`` (bool) marks those to score;
    normal training beats and the windows of the beats to score are as for `pca_error`.
    """
    return {"pca": pca_error(normal_beats, windows), "prematurity": prematurity_scores(beats, config)[scored]}


def prematurity_scores(beats: pd.DataFrame, config: Config) -> np.ndarray:
    """How early each beat of whole records comes, shape ``(beats,)``; see `rhythm.prematurity`."""
    return in_each_record(
        lambda rr_s, times_s: prematurity(rr_s, times_s, config.rhythm, config.beat.start_s),
        beats,
        *("rr_before_s", "time_s"),
    )


def _flat(windows: np.ndarray) -> np.ndarray:
    return windows.reshape(len(windows), -1)
