"""What simple methods reach on the same beats: a network has to beat them to be worth its time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ecg_anomaly.config import Config
from ecg_anomaly.rhythm import prematurity
from ecg_anomaly.scoring import reconstruction_error


def pca_error(normal_beats: np.ndarray, windows: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    """Reconstruction error of a principal component analysis, the linear autoencoder.

    Parameters
    ----------
    normal_beats, windows
        Shape ``(beats, samples, leads)``: normal training beats, and the beats to score.
    dimensions
        Numbers that a beat is squeezed through, as for the autoencoder.
    seed
        Of the randomised solver.

    Returns
    -------
    ndarray
        Shape ``(beats,)``.
    """
    flat = normal_beats.reshape(len(normal_beats), -1)
    pca = PCA(min(dimensions, *flat.shape), random_state=seed).fit(flat)
    reconstructed = pca.inverse_transform(pca.transform(windows.reshape(len(windows), -1)))
    return reconstruction_error(windows, reconstructed.reshape(windows.shape))


def baseline_scores(
    beats: pd.DataFrame, scored: np.ndarray, normal_beats: np.ndarray, windows: np.ndarray, config: Config
) -> dict[str, np.ndarray]:
    """Score beats with every baseline.

    Parameters
    ----------
    beats
        All beats of whole records, ordered by record and time.
    scored
        Shape ``(len(beats),)``, bool: the beats to score.
    normal_beats
        Shape ``(training beats, samples, leads)``: normal training beats.
    windows
        Shape ``(beats to score, samples, leads)``.
    config
        Latent size, seed and rhythm.

    Returns
    -------
    dict
        Scores of shape ``(beats to score,)`` by the name of the baseline.
    """
    return {
        "pca": pca_error(normal_beats, windows, config.model.latent_size, config.training.seed),
        "prematurity": prematurity(beats, config.rhythm, config.beat.start_s)[scored],
    }
