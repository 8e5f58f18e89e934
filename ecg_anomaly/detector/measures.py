"""Ask three questions of every beat, and say how surprising each answer is.

1. Does it look like a normal beat? The autoencoder's reconstruction error.
2. Does it look like this patient's beats? Its distance to the patient's own beat.
3. Does it come in time? RR before and after, against the patient's own rhythm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.config import Config, Patient
from ecg_anomaly.detector.patient import PairedBeats, pair_with_own_beats
from ecg_anomaly.detector.rhythm import Timing, timing
from ecg_anomaly.detector.surprise import Surprise, anomaly_score, reconstruction_error
from ecg_anomaly.records.splits import TEST

Reconstruct = Callable[[PairedBeats], np.ndarray]

# What is measured for each question; the surprises of its measures add up.
MEASURES = {
    "reconstruction": ("log_error",),
    "patient": ("log_distance",),
    "rhythm": ("early", "pause"),
}

EARLIER_BEATS = "earlier_beats"  # one of the settings of patient.learn_from

_LEAST_ERROR = 1e-6  # far below any error of a real beat, so that its logarithm exists


@dataclass(frozen=True)
class Measured:
    """What was measured of some beats.

    Attributes
    ----------
    reconstructions
        Shape ``(beats, samples, leads)``: the autoencoder's output.
    reconstruction_error
        Shape ``(beats,)``: mean squared error, in squared units of the scale.
    measures
        Shape ``(beats,)`` each, by name; higher is more anomalous.
    """

    reconstructions: np.ndarray
    reconstruction_error: np.ndarray
    measures: dict[str, np.ndarray]


def counting_beats(beats: pd.DataFrame, settings: Patient) -> np.ndarray:
    """Mark the beats that tell what is usual for the patient."""
    if settings.learn_from == EARLIER_BEATS:
        return np.ones(len(beats), dtype=bool)
    normal = ~beats["anomalous"].to_numpy(dtype=bool)
    return np.asarray(normal & (beats["split"] != TEST).to_numpy())


def pair_beats(beats: pd.DataFrame, windows: np.ndarray, config: Config) -> PairedBeats:
    """Put each beat beside the patient's own beat; arguments as for `measure`."""
    counting = counting_beats(beats, config.patient)
    timely = counting & timing(beats, counting, config.rhythm, config.beat.start_s).in_time
    return pair_with_own_beats(beats, windows, timely, config.patient, config.beat.start_s)


def measure(reconstruct: Reconstruct, beats: pd.DataFrame, paired: PairedBeats, config: Config) -> Measured:
    """Measure all beats of whole records.

    Parameters
    ----------
    reconstruct
        Runs beats through a trained autoencoder (`autoencoder.compiled`).
    beats
        Beats ordered by record and time, with the columns of ``beats.csv``. What a beat is compared with comes
        from earlier beats of its record, whatever their label, so that no beat may be missing.
    paired
        The same beats, each beside the patient's own beat.
    config
        How many earlier beats count.
    """
    counting = counting_beats(beats, config.patient)
    return measure_shape(reconstruct, paired, timing(beats, counting, config.rhythm, config.beat.start_s))


def measure_shape(reconstruct: Reconstruct, paired: PairedBeats, timed: Timing) -> Measured:
    """Measure the shape of beats, beside what is known of their timing."""
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


def score_beats(
    beats: pd.DataFrame, measured: Measured, reference: Mapping[str, Surprise], components: Sequence[str]
) -> pd.DataFrame:
    """Append to a table of beats the columns ``reconstruction_error``, ``NAME_surprise`` and ``anomaly_score``.

    Parameters
    ----------
    beats
        The beats that were measured.
    measured
        What was measured of them.
    reference
        How surprising the values of each measure are.
    components
        The questions whose surprises the anomaly score adds up; all are given.
    """
    surprises = find_surprises(measured, reference)
    return beats.assign(
        reconstruction_error=measured.reconstruction_error,
        **{surprise_column(component): surprise for component, surprise in surprises.items()},
        anomaly_score=anomaly_score(surprises, components),
    )


def score_records(
    reconstruct: Reconstruct,
    beats: pd.DataFrame,
    windows: np.ndarray,
    reference: Mapping[str, Surprise],
    config: Config,
) -> tuple[pd.DataFrame, Measured]:
    """Score all beats of whole records from their windows; what `measure` and `score_beats` give."""
    measured = measure(reconstruct, beats, pair_beats(beats, windows, config), config)
    return score_beats(beats, measured, reference, config.scoring.components), measured


def surprise_column(component: str) -> str:
    """Name of the column that holds the surprise of a component of the score."""
    return f"{component}_surprise"
