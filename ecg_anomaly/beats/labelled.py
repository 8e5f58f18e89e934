"""Records cut at the beats that the QRS detector finds, as if nobody had annotated them, and labelled afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.cutter import CutBeats, cut_detected_beats
from ecg_anomaly.beats.matching import EXTRA, EXTRA_SYMBOL, MISSED, Comparison, compare_beats
from ecg_anomaly.beats.windows import (
    EVALUATED,
    NORMAL_CLASS,
    QUALITY,
    RecordBeats,
    condition,
    scaled_beats,
)
from ecg_anomaly.config import Config
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.recording import Recording


@dataclass(frozen=True)
class Detection:
    """How well the QRS detector finds the beats of one record.

    Attributes
    ----------
    counts
        One row: ``record``, and the beats that are ``annotated``, ``detected`` and ``matched`` (both).
    missed
        One row per annotated beat that got no score and would have got one if it had been cut where it is annotated:
        ``record, sample, time_s, symbol, aami_class, anomalous``.
    """

    counts: pd.DataFrame
    missed: pd.DataFrame


def cut_at_detected_beats(
    recording: Recording, annotations: Annotations, annotated: RecordBeats, config: Config
) -> tuple[RecordBeats, Detection]:
    """Cut a record at its detected beats, and give each the label of the annotated beat that it is.

    A detected beat that nobody annotated has the symbol `matching.EXTRA_SYMBOL` and counts as normal. Only those
    annotated beats count that are scored when the record is cut at its annotations, so that both ways are judged by
    the same ones; within ventricular flutter none counts, as in AAMI EC57. The detector is judged by all others.

    Parameters
    ----------
    recording
        The leads that windows are cut from.
    annotations
        All annotations of the record.
    annotated
        The record cut at its annotations, from `beats.cut_beats`.
    config
        Classes, filter, window and scaling.

    Returns
    -------
    beats : RecordBeats
        The detected beats, with the columns `beats.QUALITY` and `beats.EVALUATED`.
    detection : Detection
        What was found of the annotated ones.
    """
    classes, rate_hz = config.labels.aami, float(recording.sampling_rate_hz)
    conditioned, missing = condition(recording.signals_mv, recording.sampling_rate_hz, config.beat)
    cut = cut_detected_beats(conditioned, missing, recording.sampling_rate_hz, config.beat, config.rhythm)
    is_beat = np.array([symbol in classes for symbol in annotations.symbols], dtype=bool)
    compared = compare_beats(annotations, is_beat, cut.samples, rate_hz)

    counting = np.isin(compared.annotated.samples, annotated.table["sample"])
    table, windows = scaled_beats(
        recording.name,
        _label(cut, compared, counting, classes),
        cut.windows_mv,
        cut.left_out,
        config.records.lead_count,
        config.beat,
    )
    left_out = Counter(cut.left_out[cut.left_out != ""].tolist())
    scored = compared.detected_of != MISSED
    scored[scored] = cut.left_out[compared.detected_of[scored]] == ""
    detection = Detection(
        _count(recording.name, compared), _describe(recording, compared.annotated, counting & ~scored, classes)
    )
    return RecordBeats(table, windows, left_out, annotated.uncovered), detection


def _label(cut: CutBeats, compared: Comparison, counting: np.ndarray, classes: Mapping[str, str]) -> pd.DataFrame:
    """Tabulate the detected beats, each with its label."""
    extra = compared.annotated_of == EXTRA
    symbols = np.full(len(cut), EXTRA_SYMBOL, dtype=object)
    symbols[~extra] = compared.annotated.symbols[compared.annotated_of[~extra]]
    evaluated = ~compared.in_flutter
    evaluated[~extra] = counting[compared.annotated_of[~extra]]
    return pd.DataFrame(
        {
            "sample": cut.samples,
            "time_s": cut.times_s,
            "symbol": symbols,
            "aami_class": [NORMAL_CLASS if none else classes[s] for none, s in zip(extra, symbols, strict=True)],
            "rr_before_s": cut.rr_before_s,
            "rr_after_s": cut.rr_after_s,
            "fiducial_s": cut.fiducials_s,
            QUALITY: cut.quality,
            EVALUATED: evaluated,
        }
    )


def _count(record: str, compared: Comparison) -> pd.DataFrame:
    counts = {
        "annotated": len(compared.detected_of),
        "detected": int((~compared.in_flutter).sum()),
        "matched": int((compared.detected_of != MISSED).sum()),
    }
    return pd.DataFrame([{"record": record, **counts}])


def _describe(
    recording: Recording, annotated: Annotations, chosen: np.ndarray, classes: Mapping[str, str]
) -> pd.DataFrame:
    """Tabulate annotated beats."""
    samples, symbols = annotated.samples[chosen], annotated.symbols[chosen]
    aami_classes = np.array([classes[symbol] for symbol in symbols], dtype=object)
    return pd.DataFrame(
        {
            "record": recording.name,
            "sample": samples,
            "time_s": (samples / float(recording.sampling_rate_hz)).round(6),
            "symbol": symbols,
            "aami_class": aami_classes,
            "anomalous": (aami_classes != NORMAL_CLASS).astype(bool),
        }
    )
