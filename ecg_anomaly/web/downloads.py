"""The files that the user takes along: what the scripts write for a recording, with the user's decisions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.reports.recording_page import render

FILES = {"beats": files.BEATS, "annotations": files.ANNOTATIONS, "report": files.PAGE}


def make(kind: str, stored: Stored, beats: pd.DataFrame, marks: Mapping[int, str]) -> bytes:
    """Make one of `FILES` of a recording, with beats that `decisions.cut` gave and the user's marks, by row."""
    marked = beats.assign(mark=[marks.get(row, "") for row in range(len(beats))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        match kind:
            case "beats":
                files.write_beats_csv(path, marked)
            case "annotations":
                files.write_annotations(path, _annotations(stored, marked), stored.sampling_rate_hz)
            case "report":
                at = float(beats["threshold"].iloc[0]) if len(beats) else None
                path.write_text(render(review(stored, at, marks)), encoding="utf-8")
        return path.read_bytes()


def _annotations(stored: Stored, beats: pd.DataFrame) -> pd.DataFrame:
    """Say in the annotations which beats the user has marked."""
    annotations = files.anomaly_annotations(beats, stored.events, stored.sampling_rate_hz)
    marks = dict(zip(beats["sample"], beats["mark"], strict=True))
    notes = [
        f"{note}, marked {marks[sample]}" if marks.get(sample) else note
        for sample, note in zip(annotations["sample"], annotations["aux_note"], strict=True)
    ]
    return annotations.assign(aux_note=notes)
