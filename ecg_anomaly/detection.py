"""Measure beats with a trained model: one value per question that the anomaly score asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly import autoencoder, scoring


@dataclass(frozen=True)
class Measured:
    """What a model says of some beats.

    Attributes
    ----------
    reconstructions
        Shape ``(beats, samples, leads)``, scaled as the windows are.
    measures
        Shape ``(beats,)`` each: what was measured, by component of the score.
    surprises
        Shape ``(beats,)`` each: how surprising that is among normal training beats.
    """

    reconstructions: np.ndarray
    measures: dict[str, np.ndarray]
    surprises: dict[str, np.ndarray]


def measure(model: Any, reference: Mapping[str, scoring.Surprise], windows: np.ndarray) -> Measured:
    """Reconstruct beats and say how surprising they are.

    Parameters
    ----------
    model
        A trained autoencoder.
    reference
        The surprise of each component, learnt from normal training beats.
    windows
        Shape ``(beats, samples, leads)``.
    """
    reconstructions = autoencoder.reconstruct(model, windows)
    measures = {"reconstruction": scoring.reconstruction_error(windows, reconstructions)}
    return Measured(reconstructions, measures, {name: reference[name](measures[name]) for name in measures})


def score_table(beats: pd.DataFrame, measured: Measured, scores: np.ndarray, threshold: float) -> pd.DataFrame:
    """Append to a table of beats what was measured, the score and the flag: the columns of ``scores.csv``."""
    table = beats.reset_index(drop=True)
    table["reconstruction_error"] = measured.measures["reconstruction"]
    for name, surprise in measured.surprises.items():
        table[f"{name}_surprise"] = surprise
    return table.assign(anomaly_score=scores, threshold=threshold, flagged=scores > threshold)
