"""The files that the user takes along: what the scripts write for a recording, with the user's decisions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports.recording_page import render

FILES = {"beats": files.BEATS, "annotations": files.ANNOTATIONS, "report": files.PAGE}


def make(kind: str, reviewed: Review) -> bytes:
    """Make one of `FILES` of a recording, as it is reviewed."""
    beats, stored = reviewed.beats, reviewed.stored
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        match kind:
            case "beats":
                files.write_beats_csv(path, beats)
            case "annotations":
                files.write_annotations(path, _annotations(reviewed), stored.sampling_rate_hz)
            case "report":
                page = render(reviewed.summary, beats, stored.events, stored.read_mv)
                path.write_text(page, encoding="utf-8")
        return path.read_bytes()


def _annotations(reviewed: Review) -> pd.DataFrame:
    """Say in the annotations which beats the user has marked."""
    beats, stored = reviewed.beats, reviewed.stored
    annotations = files.anomaly_annotations(beats, stored.events, stored.sampling_rate_hz)
    marks = dict(zip(beats["sample"], beats["mark"], strict=True))
    notes = [
        f"{note}, marked {marks[sample]}" if marks.get(sample) else note
        for sample, note in zip(annotations["sample"], annotations["aux_note"], strict=True)
    ]
    return annotations.assign(aux_note=notes)
