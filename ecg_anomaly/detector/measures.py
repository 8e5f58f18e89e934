"""Ask three questions of every beat, and say how surprising each answer is.

1. Does it look like a normal beat? The autoencoder's reconstruction error.
2. Does it look like this patient's beats? Its distance to the patient's own beat.
3. Does it come in time? RR before and after, against the patient's own rhythm.

Beside them the network says itself how much likelier than a normal beat (N) each is a premature atrial (S) or a
ventricular one (V).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.compared import ComparedBeats, ManyBeats
from ecg_anomaly.detector.patient import log_distance
from ecg_anomaly.detector.surprise import Surprise, reconstruction_error

# Gives of beats their reconstructions, shape (beats, samples, leads), and their logits of N, S and V, shape (beats, 3).
Network = Callable[[ComparedBeats], tuple[np.ndarray, np.ndarray]]

# What is measured for each question; the surprises of its measures add up, with these weights. That a beat comes at the
# wrong time says less than that it looks wrong, and that the next one comes late less than that this one comes early.
MEASURES = {
    "reconstruction": {"log_error": 1.0},
    "patient": {"log_distance": 1.0},
    "rhythm": {"early": 0.5, "pause": 0.25},
}
LARGEST_SURPRISE = (
    8.0  # of one measure: rarer than one in 3,000 beats is no more surprising (jolts of an electrode are)
)
ECTOPY = "ectopy"  # the component that is no surprise: how much likelier S or V is than N, to the network
LOG_ODDS = ("log_odds_S", "log_odds_V")  # the columns that it is made of

_BEATS_AT_ONCE = 4096  # so that the reconstructions of all beats need not be kept
_LEAST_ERROR = 1e-6  # far below any error of a real beat, so that its logarithm exists


@dataclass(frozen=True)
class Measured(PerBeat):
    """What was measured of some beats."""

    reconstructions: np.ndarray  # shape (beats, samples, leads): the autoencoder's output
    reconstruction_error: np.ndarray  # shape (beats,): mean squared error, in squared units of the scale
    log_odds: np.ndarray  # shape (beats, 2): of S and V against N, natural logarithm
    measures: dict[str, np.ndarray]  # shape (beats,) each, by name; higher is more anomalous


def measure(network: Network, compared: ComparedBeats, frame: Frame) -> Measured:
    """Measure beats that are compared with the patient's earlier ones.

    ``network`` runs them through a trained autoencoder (`autoencoder.compiled`); ``frame`` says when their samples are.
    """
    windows, own_beats = compared.paired.windows, compared.paired.own_beats
    reconstructions, logits = network(compared)
    error = reconstruction_error(windows, reconstructions)
    # Logarithms, since errors span orders of magnitude: noise far beyond all references must not outweigh the rest.
    measures = {
        "log_error": np.log(error + _LEAST_ERROR),
        "log_distance": log_distance(windows, own_beats, frame),
        "early": compared.timed.early,
        "pause": compared.timed.pause,
    }
    return Measured(reconstructions, error, logits[:, 1:] - logits[:, :1], measures)


def learn_reference(network: Network, normal: ManyBeats, frame: Frame) -> dict[str, Surprise]:
    """Learn how the measures are distributed among normal training beats."""
    count = len(normal)
    portions = np.array_split(np.arange(count), -(-count // _BEATS_AT_ONCE))
    measured = [measure(network, normal.chosen(rows), frame).measures for rows in portions]
    return {
        name: Surprise.of_reference(np.concatenate([measures[name] for measures in measured])) for name in measured[0]
    }


def find_surprises(measured: Measured, reference: Mapping[str, Surprise]) -> dict[str, np.ndarray]:
    """Say how surprising the answer to each question is: shape ``(beats,)`` by the name of the component."""

    def surprise(name: str) -> np.ndarray:
        return np.asarray(np.minimum(reference[name](measured.measures[name]), LARGEST_SURPRISE))

    return {
        component: np.sum([weight * surprise(name) for name, weight in weights.items()], axis=0)
        for component, weights in MEASURES.items()
    }


def answers(measured: Measured, reference: Mapping[str, Surprise]) -> dict[str, np.ndarray]:
    """Give what the score is made of: the columns of ``scores.csv`` from ``reconstruction_error`` to ``log_odds_V``."""
    surprises = {surprise_column(name): values for name, values in find_surprises(measured, reference).items()}
    odds = dict(zip(LOG_ODDS, measured.log_odds.T, strict=True))
    return {"reconstruction_error": measured.reconstruction_error, **surprises, **odds}


def surprise_column(component: str) -> str:
    """Name of the column that holds the surprise of a component of the score."""
    return f"{component}_surprise"


def component_values(answered: Mapping[str, Any] | pd.DataFrame) -> dict[str, np.ndarray]:
    """Give what each component says of beats, shape ``(beats,)`` by its name, from the columns that `answers` gives."""
    odds = (np.asarray(answered[name], dtype=float) for name in LOG_ODDS)
    surprises = {name: np.asarray(answered[surprise_column(name)], dtype=float) for name in MEASURES}
    return {ECTOPY: np.logaddexp(*odds), **surprises}
