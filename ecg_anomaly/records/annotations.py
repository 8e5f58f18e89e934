"""The annotations that stand beside a WFDB record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.records.wfdb_header import read_header
from ecg_anomaly.records.wfdb_reader import header_of
from ecg_anomaly.words import count_text

_REPLACE = "replace the files of the record, or leave it out of the splits"
# Limits, beside a few that are free: nine marks on the waves of each beat are 20 a second at a high heart rate.
_FREE_ANNOTATIONS, _ANNOTATIONS_PER_S = 1000, 30
_FREE_BYTES, _BYTES_PER_S = 1_000_000, 400
_SKIP, _NOTE = 59, 63  # codes
_RESOLUTION = re.compile(rb"## time resolution: (\d+\.?\d*)")


@dataclass(frozen=True)
class Annotations:
    """Annotations of one record, each array of shape ``(annotations,)``."""

    samples: np.ndarray  # where each stands, in samples of the recording, increasing
    symbols: np.ndarray  # what each says, in WFDB's symbols
    notes: tuple[str, ...] = ()  # what was left out or repaired


def annotation_file(recording: RecordingFile, annotator: str | None) -> Path | None:
    """Name the file of annotations beside a recording, there or not; ``None`` if it can have none."""
    header = header_of(recording.path)
    return None if header is None or annotator is None else header.with_suffix(f".{annotator}")


def read_annotations(recording: RecordingFile, annotator: str | None) -> Annotations:
    """Read the annotations of a WFDB record; ``annotator`` is the extension of their file.

    Those outside of the signals are left out, and those that do not follow each other in time are sorted.

    Raises
    ------
    UserError
        When the file is missing or damaged.
    """
    path = annotation_file(recording, annotator)
    if path is None or not path.is_file():
        raise UserError(f"{path or recording.path}: is missing; every record needs its annotations")
    _check_size(path, float(recording.samples / recording.sampling_rate_hz))
    try:
        resolution = _RESOLUTION.search(path.read_bytes())
        annotation = wfdb.rdann(str(path.with_suffix("")), annotator)
    except Exception as error:  # wfdb lets what a damaged file provokes through as it comes
        raise UserError(f"{path}: its annotations cannot be read: {error}; {_REPLACE}") from None
    # They are told in a resolution of their own, or else in frames, which may hold several samples of a lead.
    told_hz = Fraction(resolution[1].decode()) if resolution else 0
    ratio = recording.sampling_rate_hz / (told_hz or read_header(path.with_suffix(".hea")).frame_rate_hz)
    samples = np.rint(np.asarray(annotation.sample, dtype=np.int64) * float(ratio)).astype(np.int64)
    return _in_order(samples, np.asarray(annotation.symbol, dtype=object), recording.samples)


def _check_size(path: Path, duration_s: float) -> None:
    """Raise a `UserError` if a file has far more annotations than marks on every wave would be: wfdb takes them all."""
    size, most_bytes = path.stat().st_size, _FREE_BYTES + _BYTES_PER_S * duration_s
    if size > most_bytes:
        told = f"{size / 1e6:,.1f} MB"
    elif (count := _count(path.read_bytes())) > _FREE_ANNOTATIONS + _ANNOTATIONS_PER_S * duration_s:
        told = count_text(count, "annotation")
    else:
        return
    raise UserError(
        f"{path}: its annotations cannot be read: {told} for {duration_s:,.0f} s of signal are no marks of beats and "
        f"waves; {_REPLACE}"
    )


def _count(content: bytes) -> int:
    """Count the annotations of a file without reading them; a fourth of its words, if that is more.

    It consists of words of 16 bits, the upper six of which are a code: of an annotation, of a time of two more words
    (59), of a note with so many bytes as the lower ten bits say (63), or of a field
    (https://physionet.org/physiotools/wag/annot-5.htm).
    """
    words = np.frombuffer(content[: len(content) // 2 * 2], "<u2")
    codes = words >> 10
    counting, end = np.ones(len(words), dtype=bool), 0
    special = np.flatnonzero((codes == _SKIP) | (codes == _NOTE))
    lengths = np.where(codes[special] == _SKIP, 2, ((words[special] & 0x3FF) + 1) // 2)
    for place, length in zip(special.tolist(), lengths.tolist(), strict=True):
        if place >= end:
            end = place + 1 + length
            counting[place + 1 : end] = False
    annotations = counting & (codes > 0) & (codes < _SKIP)
    # Each may have a time, two fields and a note.
    return max(int(np.count_nonzero(annotations)), int(np.count_nonzero(counting)) // 4)


def _in_order(samples: np.ndarray, symbols: np.ndarray, end: int) -> Annotations:
    """Sort annotations by time, and leave out those before the first and behind the last sample of the signals."""
    notes = []
    if back := int(np.sum(np.diff(samples) < 0)):
        notes.append(f"its annotations go back in time {'once' if back == 1 else f'{back} times'}, and were sorted")
    order = np.argsort(samples, kind="stable")
    samples, symbols = samples[order], symbols[order]
    outside = {"before the first": samples < 0, "behind the last": samples >= end}
    notes += [
        f"{count_text(int(where.sum()), 'annotation')} {place} sample of the signals left out"
        for place, where in outside.items()
        if where.any()
    ]
    inside = (samples >= 0) & (samples < end)
    return Annotations(samples[inside], symbols[inside], tuple(notes))
