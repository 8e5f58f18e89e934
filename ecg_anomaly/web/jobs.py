"""Analyses in the background: other processes do them, so that the page goes on answering."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_anomaly import batch
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.annotated import read_annotated
from ecg_anomaly.findings.store import analyse_to_store
from ecg_anomaly.web.fields import NOTHING, Entered, by_label

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

ANALYSED = "analysed"  # folder of the results, in the folder of a recording
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

_PROGRESS = "progress"  # file in which a process says how far it is


@dataclass(frozen=True)
class Job:
    """A recording to analyse."""

    folder: Path  # where the results go
    path: Path
    name: str  # what it is called
    entered: Entered = NOTHING


@dataclass(frozen=True)
class Progress:
    """How far an analysis is."""

    state: str
    share: float  # that is done
    words: str


def analyse(detector: TrainedDetector, job: Job) -> None:
    """Analyse a recording, in a process of its own; it ends when the folder of the job is deleted.

    Raises
    ------
    UserError
        When the recording cannot be read.
    """
    (job.folder / _PROGRESS).write_text("0", encoding="ascii")

    def went_on(share: float) -> None:
        with (job.folder / _PROGRESS).open("r+", encoding="ascii") as file:  # "w" would make one that was deleted
            file.write(f"{share:.4f}")

    try:
        entered = job.entered
        request = batch.Request(job.folder, entered.leads, entered.sampling_rate_hz, entered.gain)
        recording, judged = batch.open_all_leads(job.path, request, detector.config)
        annotated, note = read_annotated(recording, detector.config)
        notes = (*recording.notes, *([note] if note else []))
        recording = dataclasses.replace(recording, name=job.name, notes=notes)
        analyse_to_store(job.folder / ANALYSED, detector, recording, judged, annotated, went_on)
    except UserError as error:  # without telling where files lie on this machine
        words = str(error).replace(str(job.path), job.name + job.path.suffix).replace(f"{job.path.parent}/", "")
        raise UserError(by_label(words)) from None


def progress(folder: Path, analysis: Future[None] | None) -> Progress:
    """Say how far the analysis is whose results go to a folder."""
    over = analysis is not None and analysis.done()  # asked first: it may end while its results are looked for
    if (folder / ANALYSED).is_dir():
        return Progress(DONE, 1.0, "Analysed.")
    if analysis is not None and over:
        return Progress(FAILED, 0.0, f"Not analysed: {_reason(analysis.exception())}")
    try:
        share = float((folder / _PROGRESS).read_text(encoding="ascii") or 0)
    except OSError:
        return Progress(WAITING, 0.0, "Waiting for the analysis to start.")
    return Progress(RUNNING, share, f"Analysing: {share:.0%} of the recording.")


def _reason(error: BaseException | None) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, BrokenProcessPool):
        return (
            "the analysis was ended from outside, perhaps for want of memory; close other programs, then open it again"
        )
    if isinstance(error, OSError):
        return f"{error.strerror or 'a file cannot be read or written'}; free some space, then open the recording again"
    return "the recording cannot be analysed; is it an ECG, and is the file whole?"
