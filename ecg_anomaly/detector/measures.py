"""Ask three questions of every beat, and say how surprising each answer is.

1. Does it look like a normal beat? The autoencoder's reconstruction error.
2. Does it look like this patient's beats? Its distance to the patient's own beat.
3. Does it come in time? RR before and after, against the patient's own rhythm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.rhythm import Timing
from ecg_anomaly.detector.surprise import Surprise, reconstruction_error

Reconstruct = Callable[[PairedBeats], np.ndarray]

# What is measured for each question; the surprises of its measures add up.
MEASURES = {
    "reconstruction": ("log_error",),
    "patient": ("log_distance",),
    "rhythm": ("early", "pause"),
}
ECTOPY = "ectopy"  # the component that is no surprise: how much likelier S or V is than N, to the network

_LEAST_ERROR = 1e-6  # far below any error of a real beat, so that its logarithm exists


@dataclass(frozen=True)
class Measured(PerBeat):
    """What was measured of some beats."""

    reconstructions: np.ndarray  # shape (beats, samples, leads): the autoencoder's output
    reconstruction_error: np.ndarray  # shape (beats,): mean squared error, in squared units of the scale
    measures: dict[str, np.ndarray]  # shape (beats,) each, by name; higher is more anomalous


def measure(reconstruct: Reconstruct, paired: PairedBeats, timed: Timing) -> Measured:
    """Measure beats: each beside the patient's own, and what is known of its timing.

    Parameters
    ----------
    reconstruct
        Runs beats through a trained autoencoder (`autoencoder.compiled`).
    paired, timed
        The same beats, compared with the patient's earlier ones.
    """
    reconstructions = reconstruct(paired)
    error = reconstruction_error(paired.windows, reconstructions)
    distance = reconstruction_error(paired.windows, paired.own_beats)
    # Logarithms, since errors span orders of magnitude: noise far beyond all references must not outweigh the rest.
    measures = {
        "log_error": np.log(error + _LEAST_ERROR),
        "log_distance": np.log(distance + _LEAST_ERROR),
        "early": timed.early,
        "pause": timed.pause,
    }
    return Measured(reconstructions, error, measures)


def learn_reference(measured: Measured, normal: np.ndarray) -> dict[str, Surprise]:
    """Learn how the measures are distributed among normal training beats (``normal``: a mask of the beats)."""
    return {name: Surprise.of_reference(values[normal]) for name, values in measured.measures.items()}


def find_surprises(measured: Measured, reference: Mapping[str, Surprise]) -> dict[str, np.ndarray]:
    """Say how surprising the answer to each question is: shape ``(beats,)`` by the name of the component."""
    return {
        component: np.sum([reference[name](measured.measures[name]) for name in names], axis=0)
        for component, names in MEASURES.items()
    }


def surprise_column(component: str) -> str:
    """Name of the column that holds the surprise of a component of the score."""
    return f"{component}_surprise"


def component_values(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give what each component says of scored beats: shape ``(beats,)`` by its name.

    The table has the columns ``log_odds_S``, ``log_odds_V``, and the surprises of `MEASURES`.
    """
    surprises = {name: table[surprise_column(name)].to_numpy(dtype=float) for name in MEASURES}
    odds = (table[name].to_numpy(dtype=float) for name in ("log_odds_S", "log_odds_V"))
    return {ECTOPY: np.logaddexp(*odds), **surprises}
