"""The annotations that some recordings bring, and how the beats that were found compare with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.matching import EXTRA, MISSED, compare_beats
from ecg_anomaly.beats.windows import NORMAL_CLASS
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.annotations import Annotations, annotation_file, read_annotations
from ecg_anomaly.records.recording import RecordingFile

_NO_BEAT = ""


@dataclass(frozen=True)
class Annotated:
    """Annotations of a recording.

    Attributes
    ----------
    annotations
        All of them.
    classes
        Shape ``(annotations,)``: the AAMI class of each; empty where it is no beat.
    """

    annotations: Annotations
    classes: np.ndarray


@dataclass(frozen=True)
class Compared:
    """What the annotations say of the beats that were found, and of those that were not.

    Attributes
    ----------
    classes
        Shape ``(found beats,)``: the AAMI class of each; N where nobody annotated a beat, for whoever flags it raises
        a false alarm.
    matched
        Shape ``(found beats,)``, bool: somebody annotated it.
    counting
        Shape ``(found beats,)``, bool: not within annotated flutter, where there is no beat to judge.
    missed
        Shape ``(missed beats,)``: the AAMI classes of annotated beats that were not found.
    """

    classes: np.ndarray
    matched: np.ndarray
    counting: np.ndarray
    missed: np.ndarray


def read_annotated(recording: RecordingFile, config: Config) -> tuple[Annotated | None, str]:
    """Read the annotations beside a recording.

    Returns
    -------
    annotated : Annotated or None
        ``None`` where there are none, or they cannot be read.
    note : str
        Why they cannot be read; empty otherwise.
    """
    file = annotation_file(recording, config.records.annotator)
    if file is None or not file.is_file():
        return None, ""
    try:
        annotations = read_annotations(recording, config.records.annotator)
    except UserError as error:
        return None, f"annotations are left out: {error}"
    classes = [config.labels.aami.get(symbol, _NO_BEAT) for symbol in annotations.symbols]
    return Annotated(annotations, np.array(classes, dtype="U1")), ""


def compare(found: np.ndarray, annotated: Annotated, sampling_rate_hz: float) -> Compared:
    """Compare the beats that were found, at samples of shape ``(beats,)``, with the annotated ones."""
    is_beat = annotated.classes != _NO_BEAT
    pairs = compare_beats(annotated.annotations, is_beat, found, sampling_rate_hz)
    # The compared ones are those that have a class, but for those within flutter.
    kept = is_beat & np.isin(annotated.annotations.samples, pairs.annotated.samples)
    known = annotated.classes[kept]
    classes = np.full(len(found), NORMAL_CLASS)
    matched = pairs.annotated_of != EXTRA
    classes[matched] = known[pairs.annotated_of[matched]]
    return Compared(classes, matched, ~pairs.in_flutter, known[pairs.detected_of == MISSED])
