"""The annotations that some recordings bring, and how the beats that were found compare with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS
from ecg_anomaly.beats.matching import UNMATCHED, compare_beats
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.annotations import Annotations, annotation_file, read_annotations
from ecg_anomaly.records.recording import RecordingFile

_NO_BEAT = ""


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


def read_annotated(recording: RecordingFile, config: Config) -> tuple[pd.DataFrame | None, str]:
    """Read the annotations beside a recording.

    Returns
    -------
    annotated : DataFrame or None
        One row per annotation: ``sample, symbol, aami_class`` (empty: it is no beat). ``None`` where there are none, or
        they cannot be read.
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
    return pd.DataFrame({"sample": annotations.samples, "symbol": annotations.symbols, "aami_class": classes}), ""


def compare(found: np.ndarray, annotated: pd.DataFrame, sampling_rate_hz: float) -> Compared:
    """Compare the beats that were found, at samples of shape ``(beats,)``, with those of `read_annotated`."""
    samples = annotated["sample"].to_numpy(dtype=np.int64)
    symbols, known = (annotated[name].to_numpy(dtype=object) for name in ("symbol", "aami_class"))
    is_beat = known != _NO_BEAT
    pairs = compare_beats(Annotations(samples, symbols), is_beat, found, sampling_rate_hz)
    # The compared ones are those that have a class, but for those within flutter.
    known = known[is_beat & np.isin(samples, pairs.annotated.samples)].astype("U1")
    matched = pairs.annotated_of != UNMATCHED
    classes = np.full(len(found), NORMAL_CLASS)
    classes[matched] = known[pairs.annotated_of[matched]]
    return Compared(classes, matched, ~pairs.in_flutter, known[pairs.detected_of == UNMATCHED])
