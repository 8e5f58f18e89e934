"""The files that the user takes along: what the scripts write for a recording, with the user's decisions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports.recording_page import render

FILES = {"beats": files.BEATS, "annotations": files.ANNOTATIONS, "report": files.PAGE}


def make(kind: str, reviewed: Review) -> bytes:
    """Make one of `FILES` of a recording, as it is reviewed."""
    beats, events, rate_hz = reviewed.beats, reviewed.events, reviewed.stored.sampling_rate_hz
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        match kind:
            case "beats":
                files.write_beats_csv(path, beats)
            case "annotations":
                files.write_annotations(path, files.anomaly_annotations(beats, events, rate_hz), rate_hz)
            case "report":
                path.write_text(render(reviewed), encoding="utf-8")
        return path.read_bytes()
