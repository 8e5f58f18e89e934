"""The files that the user takes along: what the scripts write for a recording, with the user's decisions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from ecg_anomaly.findings import files
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.web.decisions import mark_column, tell

BEATS, ANNOTATIONS, REPORT = "beats", "annotations", "report"
FILES = {BEATS: files.BEATS, ANNOTATIONS: files.ANNOTATIONS, REPORT: files.PAGE}
TYPES = {BEATS: "text/csv", ANNOTATIONS: "application/octet-stream", REPORT: "text/html"}


def make(kind: str, stored: Stored, beats: pd.DataFrame, marks: dict[int, str]) -> bytes:
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
    marked = beats.assign(mark=mark_column(marks, len(beats)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        _WRITERS[kind](path, stored, marked)
        return path.read_bytes()


def _write_beats(path: Path, _stored: Stored, beats: pd.DataFrame) -> None:
    files.write_beats_csv(path, beats)


def _write_annotations(path: Path, stored: Stored, beats: pd.DataFrame) -> None:
    annotations = files.anomaly_annotations(beats, stored.events, stored.sampling_rate_hz)
    marks = dict(zip(beats["sample"], beats["mark"], strict=True))
    notes = [
        f"{note}, marked {marks[sample]}" if marks.get(sample) else note
        for sample, note in zip(annotations["sample"], annotations["aux_note"], strict=True)
    ]
    files.write_annotations(path, annotations.assign(aux_note=notes), stored.sampling_rate_hz)


def _write_report(path: Path, stored: Stored, beats: pd.DataFrame) -> None:
    path.write_text(render(tell(stored, beats), beats, stored.events, stored.read_mv), encoding="utf-8")


_WRITERS = {BEATS: _write_beats, ANNOTATIONS: _write_annotations, REPORT: _write_report}
