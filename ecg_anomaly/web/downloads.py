"""The files that the user takes along: what the scripts write for a recording, with the user's decisions."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ecg_anomaly import batch
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.findings.summary import BeatAnnotations, anomaly_annotations, write_beat_annotations, write_beats_csv
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.web.decisions import summarise

FILES = {"beats": batch.BEATS, "annotations": batch.ANNOTATIONS, "report": batch.PAGE}


def make(kind: str, stored: Stored, beats: pd.DataFrame, marks: Mapping[int, str]) -> bytes:
    """Make a file.

    Parameters
    ----------
    kind
        One of `FILES`.
    stored, beats
        The recording, and its beats as `decisions.cut` gives them.
    marks
        The user's marks, by row.
    """
    marked = beats.assign(mark=[marks.get(row, "") for row in range(len(beats))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        match kind:
            case "beats":
                write_beats_csv(path, marked)
            case "annotations":
                write_beat_annotations(path, _annotations(stored, marked), stored.sampling_rate_hz)
            case "report":
                page = render(summarise(stored, marked), marked, stored.events, stored.read_mv)
                path.write_text(page, encoding="utf-8")
        return path.read_bytes()


def _annotations(stored: Stored, beats: pd.DataFrame) -> BeatAnnotations:
    """Say in the annotations which beats the user has marked."""
    annotations = anomaly_annotations(beats, stored.events, stored.sampling_rate_hz)
    marks = dict(zip(beats["sample"], beats["mark"], strict=True))
    notes = [
        f"{note}, marked {marks[sample]}" if marks.get(sample) else note
        for sample, note in zip(annotations.samples, annotations.aux_notes, strict=True)
    ]
    return dataclasses.replace(annotations, aux_notes=notes)
