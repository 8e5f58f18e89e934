"""The annotations that stand beside a WFDB record."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.records.wfdb_reader import header_of

_REPLACE = "replace the files of the record, or leave it out of the splits"


@dataclass(frozen=True)
class Annotations:
    """Annotations of one record, each array of shape ``(annotations,)``."""

    samples: np.ndarray  # where each stands, in samples of the recording, increasing
    symbols: np.ndarray  # what each says, in WFDB's symbols


def annotation_file(recording: RecordingFile, annotator: str) -> Path | None:
    """Name the file of annotations beside a recording, there or not; ``None`` if it is no WFDB record."""
    header = header_of(recording.path)
    return None if header is None else header.with_suffix(f".{annotator}")


def read_annotations(recording: RecordingFile, annotator: str) -> Annotations:
    """Read the annotations of a WFDB record; ``annotator`` is the extension of their file.

    Raises
    ------
    UserError
        When the file is missing or damaged, or an annotation lies behind the end of the signals.
    """
    path = annotation_file(recording, annotator)
    if path is None or not path.is_file():
        raise UserError(f"{path or recording.path}: is missing; every record needs its annotations")
    try:
        annotation = wfdb.rdann(str(path.with_suffix("")), annotator)
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{path}: its annotations cannot be read: {error}; {_REPLACE}") from None
    samples = np.asarray(annotation.sample, dtype=np.int64)
    if np.any(np.diff(samples, prepend=0) < 0):
        raise UserError(f"{path}: its annotations do not follow each other in time; {_REPLACE}")
    if annotation.fs:  # of the annotations, or else of the frames, which may hold several samples of a lead
        ratio = recording.sampling_rate_hz / Fraction(str(annotation.fs)).limit_denominator(1000)
        samples = np.rint(samples * float(ratio)).astype(np.int64)
    if len(samples) and samples[-1] >= recording.samples:
        raise UserError(
            f"{path}: the last annotation stands at sample {samples[-1]}, but {path.with_suffix('.hea')} says that "
            f"the signals end at {recording.samples}; one of the two files is wrong, replace them"
        )
    return Annotations(samples, np.asarray(annotation.symbol, dtype=object))
