"""Scores the beats of a record, whole or as they arrive, with what the patient's earlier beats tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import PerBeat, rows_of_each_record
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config, Patient
from ecg_anomaly.detector.measures import MEASURES, Measured, Reconstruct, find_surprises, measure, surprise_column
from ecg_anomaly.detector.patient import OwnBeat, PairedBeats
from ecg_anomaly.detector.rhythm import PatientRhythm, Timing
from ecg_anomaly.detector.surprise import Surprise, anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.records.splits import TEST

EARLIER_BEATS = "earlier_beats"  # one of the settings of patient.learn_from


@dataclass(frozen=True)
class TrainedModel:
    """All that scoring beats needs."""

    reconstruct: Reconstruct  # runs beats through the autoencoder
    reference: Mapping[str, Surprise]  # how surprising the values of each measure are
    config: Config  # the settings that it was trained with


@dataclass(frozen=True)
class TrainedDetector(TrainedModel):
    """All that detection in a new recording needs: a model, and where its score is cut."""

    threshold: FittedThreshold


@dataclass(frozen=True)
class ScaledBeats(PerBeat):
    """Beats of one record that follow each other, ready to be scored; arrays of shape ``(beats,)``."""

    times_s: np.ndarray  # when each comes
    fiducials_s: np.ndarray  # the steepest point of its QRS complex
    rr_before_s: np.ndarray  # the RR intervals beside it
    rr_after_s: np.ndarray
    counting: np.ndarray  # bool: whether it tells what is usual for the patient
    windows: np.ndarray  # shape (beats, samples, leads), float32, scaled

    @classmethod
    def of_table(cls, beats: pd.DataFrame, windows: np.ndarray, settings: Patient) -> ScaledBeats:
        """Take the beats of one record from their rows of ``beats.csv`` and their windows."""
        return cls(
            beats["time_s"].to_numpy(),
            beats["fiducial_s"].to_numpy(),
            beats["rr_before_s"].to_numpy(),
            beats["rr_after_s"].to_numpy(),
            counting_beats(beats, settings),
            windows,
        )


@dataclass(frozen=True)
class ComparedBeats(PerBeat):
    """Beats compared with what is usual for the patient."""

    paired: PairedBeats
    timed: Timing


@dataclass(frozen=True)
class ScoredBeats(PerBeat):
    """Beats with their scores, and what they were compared with."""

    paired: PairedBeats
    measured: Measured
    surprises: dict[str, np.ndarray]  # how surprising the answer to each question is, shape (beats,) by component
    anomaly_score: np.ndarray  # shape (beats,): the sum of the surprises that count

    def columns(self) -> dict[str, np.ndarray]:
        """Give the columns of ``scores.csv`` from ``reconstruction_error`` to ``anomaly_score``."""
        surprises = {surprise_column(component): self.surprises[component] for component in MEASURES}
        error = self.measured.reconstruction_error
        return {"reconstruction_error": error, **surprises, "anomaly_score": self.anomaly_score}


class PatientMemory:
    """What is known of the patient of one record: compares beats with earlier ones, whatever their label."""

    def __init__(self, config: Config):
        self._rhythm = PatientRhythm(config.rhythm, config.beat.start_s)
        self._own_beat = OwnBeat(config.patient, config.beat.start_s, Frame.of(config.beat))

    def compare(self, beats: ScaledBeats) -> ComparedBeats:
        """Compare the next beats of the record; those of the first seconds have to come together."""
        timed = self._rhythm.push(beats.times_s, beats.rr_before_s, beats.rr_after_s, beats.counting)
        paired = self._own_beat.push(beats.windows, beats.counting & timed.in_time, beats.fiducials_s)
        return ComparedBeats(paired, timed)


class RecordScorer:
    """Scores the beats of one record in portions; the scores do not depend on the portions."""

    def __init__(self, model: TrainedModel):
        self._model = model
        self._memory = PatientMemory(model.config)

    def score(self, beats: ScaledBeats) -> ScoredBeats:
        """Score the next beats of the record; those of the first seconds have to come together."""
        compared = self._memory.compare(beats)
        measured = measure(self._model.reconstruct, compared.paired, compared.timed)
        components = self._model.config.scoring.components
        return score_measured(compared.paired, measured, self._model.reference, components)


def score_measured(
    paired: PairedBeats, measured: Measured, reference: Mapping[str, Surprise], components: Sequence[str]
) -> ScoredBeats:
    """Score beats that are measured: add up how surprising the answers to the questions in ``components`` are."""
    surprises = find_surprises(measured, reference)
    return ScoredBeats(paired, measured, surprises, anomaly_score(surprises, components))


def score_record(model: TrainedModel, beats: ScaledBeats) -> ScoredBeats:
    """Score all beats of one record."""
    return RecordScorer(model).score(beats)


def score_records(model: TrainedModel, beats: pd.DataFrame, windows: np.ndarray) -> ScoredBeats:
    """Score all beats of whole records, one record after the other.

    Parameters
    ----------
    model
        A trained model.
    beats
        Beats ordered by record and time, with the columns of ``beats.csv``. What a beat is compared with comes from
        earlier beats of its record, so that no beat may be missing.
    windows
        Shape ``(beats, samples, leads)``, scaled.
    """
    parts = [score_record(model, its) for its in _of_each_record(beats, windows, model.config.patient)]
    return ScoredBeats.joined(parts)


def compare_records(beats: pd.DataFrame, windows: np.ndarray, config: Config) -> ComparedBeats:
    """Compare all beats of whole records with what is usual for each patient; arguments as for `score_records`."""
    parts = [PatientMemory(config).compare(its) for its in _of_each_record(beats, windows, config.patient)]
    return ComparedBeats.joined(parts)


def counting_beats(beats: pd.DataFrame, settings: Patient) -> np.ndarray:
    """Mark the beats that tell what is usual for the patient."""
    if settings.learn_from == EARLIER_BEATS:
        return np.ones(len(beats), dtype=bool)
    normal = ~beats["anomalous"].to_numpy(dtype=bool)
    return np.asarray(normal & (beats["split"] != TEST).to_numpy())


def _of_each_record(beats: pd.DataFrame, windows: np.ndarray, settings: Patient) -> list[ScaledBeats]:
    return [
        ScaledBeats.of_table(beats.iloc[rows], windows[rows], settings) for rows in rows_of_each_record(beats["record"])
    ]
