"""Analyses in the background: other processes do them, so that the page goes on answering."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_anomaly import batch
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.annotated import read_annotated
from ecg_anomaly.findings.store import analyse_to_store
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.workers import call_with_detector, detector_pool

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

ANALYSED = "analysed"  # folder of the results, in the folder of a recording
WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"

_PROGRESS, _CANCEL = "progress", "cancel"  # files by which the processes talk
_QUEUE = 10  # analyses that wait or run at once


@dataclass(frozen=True)
class Job:
    """A recording to analyse."""

    folder: Path  # where the results go
    path: Path
    name: str  # what it is called
    sampling_rate_hz: float | None = None  # of a CSV file that does not say, as for `open_recording`
    gain: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far an analysis is."""

    state: str
    share: float = 0.0  # that is done
    error: str = ""  # why it has failed, if it has


class Jobs:
    """Analyses that wait, run, or are done."""

    def __init__(self, config: Config):
        self._config = config
        self._pool = detector_pool(config)  # its processes start with the first job
        self._futures: dict[Path, Future[None]] = {}
        self._lock = threading.Lock()

    def submit(self, job: Job) -> Future[None]:
        """Have a recording analysed, by new processes if one of them was ended from outside.

        Raises
        ------
        UserError
            When too many wait already.
        """
        with self._lock:
            if sum(not future.done() for future in self._futures.values()) >= _QUEUE:
                raise UserError(f"{_QUEUE} recordings are being analysed or wait for it; try again in a minute")
            try:
                future = self._pool.submit(call_with_detector, analyse, job)
            except BrokenProcessPool:
                self._pool = detector_pool(self._config)
                future = self._pool.submit(call_with_detector, analyse, job)
            self._futures[job.folder] = future
            return future

    def progress(self, folder: Path) -> Progress:
        """Say how far the analysis of the recording in a folder is."""
        future = self._futures.get(folder)
        over = future is not None and future.done()  # asked first: it may end while its results are looked for
        if (folder / ANALYSED).is_dir():
            return Progress(DONE, 1.0)
        if future is None or future.cancelled():
            return Progress(CANCELLED)
        if over:
            return Progress(FAILED, error=_words(future.exception()))
        try:
            return Progress(RUNNING, float((folder / _PROGRESS).read_text(encoding="ascii") or 0))
        except OSError:
            return Progress(WAITING)

    def forget(self, folder: Path) -> None:
        """End the analysis of the recording in a folder, if it goes on, and forget it."""
        future = self._futures.pop(folder, None)
        if future is not None and not future.cancel() and not future.done():
            (folder / _CANCEL).touch()

    def close(self) -> None:
        """End everything."""
        for folder in list(self._futures):
            self.forget(folder)
        self._pool.shutdown(cancel_futures=True)


def analyse(detector: TrainedDetector, job: Job) -> None:
    """Analyse a recording, in a process of its own.

    Raises
    ------
    UserError
        When the recording cannot be read.
    """

    def went_on(share: float) -> None:
        if (job.folder / _CANCEL).exists():
            raise CancelledError
        (job.folder / _PROGRESS).write_text(f"{share:.4f}", encoding="ascii")

    went_on(0.0)
    try:
        opened = open_recording(job.path, job.sampling_rate_hz, job.gain)
        recording = batch.with_leads(opened, batch.Request(job.folder), detector.config)
        annotated, note = read_annotated(recording, detector.config)
        notes = (*recording.notes, *([note] if note else []))
        recording = dataclasses.replace(recording, name=job.name, notes=notes)
        analyse_to_store(job.folder / ANALYSED, detector, recording, annotated, went_on)
    except UserError as error:  # without telling where files lie on this machine
        words = str(error).replace(str(job.path), job.name + job.path.suffix).replace(f"{job.path.parent}/", "")
        words = words.replace("--sampling-rate", "samples per second").replace("--gain", "units per millivolt")
        raise UserError(words) from None


def _words(error: BaseException | None) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, BrokenProcessPool):
        return (
            "the analysis was ended from outside, perhaps for want of memory; close other programs, then open it again"
        )
    if isinstance(error, OSError):
        return f"{error.strerror or 'a file cannot be read or written'}; free some space, then open the recording again"
    return "the recording cannot be analysed; is it an ECG, and is the file whole?"
