"""Scores the beats of a record, whole or as they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ComparedBeats, PatientMemory, ScaledBeats, of_each_record
from ecg_anomaly.detector.measures import Measured, Network, answers, component_values, measure
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.detector.surprise import Surprise, anomaly_score
from ecg_anomaly.detector.thresholds import FittedThreshold


@dataclass(frozen=True)
class TrainedModel:
    """All that scoring beats needs."""

    network: Network  # runs beats through the autoencoder
    reference: Mapping[str, Surprise]  # how surprising the values of each measure are
    config: Config  # the settings that it was trained with


@dataclass(frozen=True)
class TrainedDetector(TrainedModel):
    """All that detection in a new recording needs: a model, and where its score is cut."""

    threshold: FittedThreshold


@dataclass(frozen=True)
class ScoredBeats(PerBeat):
    """Beats with their scores, and what they were compared with."""

    paired: PairedBeats
    measured: Measured
    answers: dict[str, np.ndarray]  # what `measures.answers` gives
    anomaly_score: np.ndarray  # shape (beats,): the sum of the components that count

    def columns(self) -> dict[str, np.ndarray]:
        """Give the columns of ``scores.csv`` from ``reconstruction_error`` to ``anomaly_score``."""
        return {**self.answers, "anomaly_score": self.anomaly_score}


class RecordScorer:
    """Scores the beats of one record in portions; the scores do not depend on the portions."""

    def __init__(self, model: TrainedModel):
        self._model, self._memory = model, PatientMemory(model.config)

    def score(self, beats: ScaledBeats) -> ScoredBeats:
        """Score the next beats of the record; those of the first seconds have to come together."""
        return score_compared(self._model, self._memory.compare(beats))


def score_compared(model: TrainedModel, compared: ComparedBeats) -> ScoredBeats:
    """Score beats that are compared with the patient's earlier ones: add up the components that count."""
    measured = measure(model.network, compared, Frame.of(model.config.beat))
    answered = answers(measured, model.reference)
    score = anomaly_score(component_values(answered), model.config.scoring.components)
    return ScoredBeats(compared.paired, measured, answered, score)


def score_records(model: TrainedModel, beats: pd.DataFrame, windows: np.ndarray) -> ScoredBeats:
    """Score all beats of whole records, one record after the other; the beats as for `compared.compare_records`."""
    each = of_each_record(beats, windows, model.config.patient)
    return ScoredBeats.collected(((rows, RecordScorer(model).score(its)) for rows, its in each), len(beats))


def with_anomaly_score(answered: pd.DataFrame, components: Sequence[str]) -> pd.DataFrame:
    """Append ``anomaly_score`` to beats that have the columns of `measures.answers`."""
    return answered.assign(anomaly_score=anomaly_score(component_values(answered), components))
