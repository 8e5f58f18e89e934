"""Analyses in the background: other processes do them, so that the page goes on answering."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_anomaly.batch.opening import open_all_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.annotated import read_annotated
from ecg_anomaly.findings.review import Review, review
from ecg_anomaly.findings.store import analyse_to_store, read_store
from ecg_anomaly.handover.model import describe_model
from ecg_anomaly.processes import ended_when
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


@dataclass(frozen=True)
class Counts:
    """What the worklist tells of an analysed recording."""

    duration_s: float
    beats: int
    flagged: int  # that are flagged, or have a mark
    events: int  # of the signal and of the rhythm


@dataclass(frozen=True)
class Analysed(Counts):
    """What became of an analysis."""

    model: str  # in words, which did it


def counts(reviewed: Review) -> Counts:
    """Count what there is to see in a recording."""
    beats, stored = reviewed.beats, reviewed.stored
    flagged = int((beats["flagged"].to_numpy(dtype=bool) | (beats["mark"] != "").to_numpy()).sum())
    return Counts(stored.duration_s, len(beats), flagged, len(reviewed.events))


def announce(job: Job) -> None:
    """Note that an analysis is to come, before it is given to a process; see `end`."""
    (job.folder / _PROGRESS).touch()


def end(folder: Path) -> None:
    """Have an analysis ended whose results go to a folder; one that has ended or not begun may be meant, too."""
    (folder / _PROGRESS).unlink(missing_ok=True)


def has_begun(job: Job) -> bool:
    """Tell whether a process has begun with an analysis."""
    return bool(_noted(job.folder))


def analyse(detector: TrainedDetector, job: Job) -> Analysed:
    """Analyse a recording that was announced, in a process of its own; it ends when that is taken back.

    Raises
    ------
    UserError
        When the recording cannot be read.
    """
    noted = job.folder / _PROGRESS

    def went_on(share: float) -> None:
        with noted.open("r+", encoding="ascii") as file:  # "w" would make one that was deleted
            file.write(f"{share:.4f}")

    try:
        with ended_when(lambda: not noted.exists()):
            went_on(0.0)
            entered = job.entered
            request = Request(job.folder, entered.leads, entered.sampling_rate_hz, entered.gain)
            recording, judged = open_all_leads(job.path, request, detector.config)
            annotated, note = read_annotated(recording, detector.config)
            notes = (*recording.notes, *([note] if note else []))
            recording = dataclasses.replace(recording, name=job.name, notes=notes)
            analyse_to_store(job.folder / ANALYSED, detector, recording, judged, annotated, went_on)
        counted = counts(review(read_store(job.folder / ANALYSED)))
        return Analysed(**dataclasses.asdict(counted), model=describe_model(detector.config))
    except UserError as error:  # without telling where files lie on this machine
        words = str(error).replace(str(job.path), job.name + job.path.suffix).replace(f"{job.path.parent}/", "")
        raise UserError(by_label(words)) from None


def progress(folder: Path, analysis: Future[Analysed] | None, failed: str = "") -> Progress:
    """Say how far the analysis is whose results go to a folder; if it has ``failed``, that says why."""
    over = analysis is None or analysis.done()  # asked first: it may end while its results are looked for
    if (folder / ANALYSED).is_dir():
        return Progress(DONE, 1.0, "Analysed.")
    if analysis is not None and over and not analysis.cancelled():
        failed = reason(analysis.exception())
    if over:
        words = failed or "it was cut off when the application ended; analyse it again"
        return Progress(FAILED, 0.0, f"Not analysed: {words}")
    share = _noted(folder)
    if not share:
        return Progress(WAITING, 0.0, "Waiting for the analysis to start.")
    return Progress(RUNNING, float(share), f"Analysing: {float(share):.0%} of the recording.")


def reason(error: BaseException | None) -> str:
    """Say why an analysis has failed."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, BrokenProcessPool):
        return "it was ended from outside, perhaps for want of memory; close other programs, then analyse it again"
    if isinstance(error, OSError):
        return f"{error.strerror or 'a file cannot be read or written'}; free some space, then analyse it again"
    return "the recording cannot be analysed; is it an ECG, and is the file whole?"


def _noted(folder: Path) -> str:
    """Give the share that a process noted; empty before it begins."""
    try:
        return (folder / _PROGRESS).read_text(encoding="ascii")
    except OSError:
        return ""
