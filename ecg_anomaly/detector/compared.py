"""Puts the beats of a record, whole or as they arrive, beside what is usual for the patient: rhythm and own beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from ecg_anomaly.beats.per_beat import PerBeat, rows_of_each_record
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config, Patient
from ecg_anomaly.detector.patient import OwnBeat, PairedBeats
from ecg_anomaly.detector.rhythm import PatientRhythm, Timing
from ecg_anomaly.detector.tachogram import rhythm_features
from ecg_anomaly.records.splits import TEST

EARLIER_BEATS = "earlier_beats"  # one of the settings of patient.learn_from


@dataclass(frozen=True)
class ScaledBeats(PerBeat):
    """Beats of one record that follow each other, ready to be compared; arrays of shape ``(beats,)``."""

    times_s: np.ndarray  # when each comes
    fiducials_s: np.ndarray  # the steepest point of its QRS complex
    rr_before_s: np.ndarray  # the RR intervals beside it; NaN where they are unknown
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


class ManyBeats(Protocol):
    """Compared beats of many patients, in memory (`ComparedBeats`) or on disk."""

    def __len__(self) -> int:
        """Count them."""

    def chosen(self, rows: np.ndarray | slice) -> ComparedBeats:
        """Give some of them."""


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


def compare_records(
    beats: pd.DataFrame, windows: np.ndarray, config: Config, chosen: np.ndarray | None = None
) -> ComparedBeats:
    """Compare the beats of whole records with what is usual for each patient.

    Parameters
    ----------
    beats
        Beats ordered by record and time, with the columns of ``beats.csv``. What a beat is compared with comes from
        earlier beats of its record, so that no beat may be missing.
    windows
        Shape ``(beats, samples, leads)``, scaled.
    config
        How beats are cut and compared.
    chosen
        Mask of shape ``(beats,)``: those to be given; the others only say what is usual. All without it.
    """
    chosen = np.ones(len(beats), dtype=bool) if chosen is None else chosen
    ends = np.cumsum(chosen)

    def compare_each() -> Iterator[tuple[slice, ComparedBeats]]:
        for rows, its in of_each_record(beats, windows, config.patient):
            compared = PatientMemory(config).compare(its).chosen(chosen[rows])
            yield slice(ends[rows.stop - 1] - chosen[rows].sum(), ends[rows.stop - 1]), compared

    return ComparedBeats.collected(compare_each(), int(chosen.sum()))


def of_each_record(beats: pd.DataFrame, windows: np.ndarray, settings: Patient) -> Iterator[tuple[slice, ScaledBeats]]:
    """Take the beats of each record, with their rows, from those of many; arguments as for `compare_records`."""
    for rows in rows_of_each_record(beats["record"]):
        yield rows, ScaledBeats.of_table(beats.iloc[rows], windows[rows], settings)


def counting_beats(beats: pd.DataFrame, settings: Patient) -> np.ndarray:
    """Mark the beats that tell what is usual for the patient."""
    if settings.learn_from == EARLIER_BEATS:
        return np.ones(len(beats), dtype=bool)
    normal = ~beats["anomalous"].to_numpy(dtype=bool)
    return np.asarray(normal & (beats["split"] != TEST).to_numpy())


def inputs_of(paired: PairedBeats, tachograms: np.ndarray) -> dict[str, np.ndarray]:
    """Give what the networks take of beats, by the names of their inputs; float32.

    ``rhythm`` has the shape ``(beats, tachogram.FEATURES)``; the others are those of `PairedBeats`.
    """
    inputs = {
        "beat": paired.windows,
        "own_beat": paired.own_beats,
        "recent_beat": paired.recent_beats,
        "spread": paired.spread,
        "earlier_distances": paired.earlier_distances,
        "rhythm": rhythm_features(tachograms),
    }
    return {name: np.asarray(values, dtype=np.float32) for name, values in inputs.items()}
