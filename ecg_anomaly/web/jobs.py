"""Analyses in the background: other processes do them, so that the page goes on answering."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from concurrent import futures
from concurrent.futures import Future, ProcessPoolExecutor
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
    """A recording to analyse: the folder where results go, its file, and what it is called."""

    folder: Path
    path: Path
    name: str
    sampling_rate_hz: float | None = None  # of a CSV file that does not say, as for `open_recording`
    gain: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far an analysis is: its state, the share that is done, and why it failed if it did."""

    state: str
    share: float = 0.0
    error: str = ""


class Jobs:
    """Analyses that wait, run, or are done."""

    def __init__(self, config: Config):
        self._config = config
        self._pool: ProcessPoolExecutor | None = None
        self._futures: dict[Path, Future[None]] = {}
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Have a recording analysed.

        Raises
        ------
        UserError
            When too many wait already.
        """
        with self._lock:
            if sum(not future.done() for future in self._futures.values()) >= _QUEUE:
                raise UserError(f"{_QUEUE} recordings are being analysed or wait for it; try again in a minute")
            self._futures[job.folder] = self._submit(job)

    def progress(self, folder: Path) -> Progress:
        """Say how far the analysis of the recording in a folder is."""
        future = self._futures.get(folder)
        if (folder / ANALYSED).is_dir():
            return Progress(DONE, 1.0)
        if future is None or future.cancelled():
            return Progress(CANCELLED)
        if not future.done():
            share = _read_share(folder)
            return Progress(WAITING) if share is None else Progress(RUNNING, share)
        error = future.exception()
        if isinstance(error, _CancelledError):
            return Progress(CANCELLED)
        return Progress(FAILED, error=_words(error))

    def wait(self, folder: Path) -> None:
        """Wait until the analysis of the recording in a folder is over."""
        future = self._futures.get(folder)
        if future is not None:
            futures.wait([future])

    def cancel(self, folder: Path) -> None:
        """End the analysis of the recording in a folder, if it goes on."""
        future = self._futures.get(folder)
        if future is not None and not future.cancel() and not future.done():
            (folder / _CANCEL).touch()

    def forget(self, folder: Path) -> None:
        """End the analysis and forget it: its folder is about to be deleted."""
        self.cancel(folder)
        self._futures.pop(folder, None)

    def close(self) -> None:
        """End everything."""
        for folder in list(self._futures):
            self.forget(folder)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _submit(self, job: Job) -> Future[None]:
        """Give the job to the processes; to new ones if one of them was ended from outside."""
        if self._pool is not None:
            with contextlib.suppress(BrokenProcessPool):
                return self._pool.submit(call_with_detector, analyse, job)
        self._pool = detector_pool(self._config)
        return self._pool.submit(call_with_detector, analyse, job)


class _CancelledError(Exception):
    """The user no longer wants the analysis."""


def analyse(detector: TrainedDetector, job: Job) -> None:
    """Analyse a recording, in a process of its own.

    Raises
    ------
    UserError
        When the recording cannot be read.
    """
    _report_share(job.folder, 0.0)
    try:
        _analyse(detector, job)
    except UserError as error:  # without telling where files lie on this machine
        shown = str(error).replace(str(job.path), job.name + job.path.suffix).replace(f"{job.path.parent}/", "")
        raise UserError(
            shown.replace("--sampling-rate", "samples per second").replace("--gain", "units per millivolt")
        ) from None


def _analyse(detector: TrainedDetector, job: Job) -> None:
    opened = open_recording(job.path, job.sampling_rate_hz, job.gain)
    recording = batch.with_leads(opened, batch.Request(job.folder), detector.config)
    annotated, note = read_annotated(recording, detector.config)
    notes = (*recording.notes, *([note] if note else []))
    recording = dataclasses.replace(recording, name=job.name, notes=notes)
    analyse_to_store(
        job.folder / ANALYSED, detector, recording, annotated, lambda share: _report_share(job.folder, share)
    )


def _report_share(folder: Path, share: float) -> None:
    if (folder / _CANCEL).exists():
        raise _CancelledError
    (folder / _PROGRESS).write_text(f"{share:.4f}", encoding="ascii")


def _read_share(folder: Path) -> float | None:
    try:
        return float((folder / _PROGRESS).read_text(encoding="ascii") or 0)
    except OSError:
        return None


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
