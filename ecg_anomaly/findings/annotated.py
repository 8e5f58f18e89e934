"""The annotations that some recordings bring, and how the beats that were found compare with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import NORMAL_CLASS, classes_of
from ecg_anomaly.beats.matching import UNMATCHED, compare_beats
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.annotations import Annotations, annotation_file, read_annotations
from ecg_anomaly.records.recording import RecordingFile


@dataclass(frozen=True)
class Compared:
    """What the annotations say of the beats that were found, and of those that were not."""

    # Shape (found beats,): the AAMI class of each; N where nobody annotated a beat, for whoever flags it raises a
    # false alarm.
    classes: np.ndarray
    matched: np.ndarray  # shape (found beats,), bool: somebody annotated it
    counting: np.ndarray  # shape (found beats,), bool: not within annotated flutter, where there is no beat to judge
    missed: np.ndarray  # shape (missed beats,): the AAMI classes of annotated beats that were not found


def read_annotated(recording: RecordingFile, config: Config) -> tuple[pd.DataFrame | None, str]:
    """Read the annotations beside a recording.

    Returns
    -------
    annotated : DataFrame or None
        One row per annotation: ``sample, symbol, aami_class`` (empty: it is no beat). ``None`` where there are none, or
        they cannot be read.
    note : str
        Why they cannot be read, or what of them was left out or repaired; empty otherwise.
    """
    database = recording.path.resolve().parent.name
    annotator = config.records.annotator_of(database)
    file = annotation_file(recording, annotator)
    if file is None or not file.is_file():
        return None, ""
    try:
        annotations = read_annotations(recording, annotator)
    except UserError as error:
        return None, f"annotations are left out: {error}"
    columns = {"sample": annotations.samples, "symbol": annotations.symbols}
    classes = classes_of(annotations, config.labels.of(database))
    return pd.DataFrame(columns | {"aami_class": classes}), "; ".join(annotations.notes)


def compare(found: np.ndarray, annotated: pd.DataFrame, sampling_rate_hz: float) -> Compared:
    """Compare the beats that were found, at samples of shape ``(beats,)``, with those of `read_annotated`."""
    symbols, classes = (annotated[name].to_numpy(dtype=object) for name in ("symbol", "aami_class"))
    annotations = Annotations(annotated["sample"].to_numpy(dtype=np.int64), symbols)
    pairs = compare_beats(annotations, classes, found, sampling_rate_hz)
    return Compared(
        pairs.to_detected(pairs.classes, NORMAL_CLASS),
        pairs.annotated_of != UNMATCHED,
        ~pairs.in_flutter,
        pairs.classes[pairs.detected_of == UNMATCHED],
    )
