"""The recordings that are open, from the upload to the end: a folder each, which nobody else finds.

A recording belongs to the page that has its key. Another process analyses it. It is deleted when the page closes it, a
minute after the page was left, after an hour without use, and when the application ends.
"""

from __future__ import annotations

import functools
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import Stored, read_store_once
from ecg_anomaly.processes import without_ctrl_c
from ecg_anomaly.web import jobs
from ecg_anomaly.web.decisions import cut
from ecg_anomaly.workers import call_with_detector

UNUSED_S = 3600.0  # a recording that nobody looks at for so long is deleted
LEFT_S = 60.0  # after a page was left or loaded again; if it was loaded again, it is asked for before
_MOST = 20  # recordings at once; each takes some 20 MB an hour on disk
_QUEUE = 10  # analyses that wait or run at once
_SWEEP_S = 10.0
_CUTS = 4  # tables of beats that are kept: several parts of the page ask for the same one


@dataclass
class _Opened:
    """A recording that is open."""

    folder: Path
    delete_at_s: float
    analysis: Future[None] | None = None


class OpenRecordings:
    """Open recordings, by keys that cannot be guessed; their folders are in ``root``.

    They are analysed in a pool of processes, as of `detector_pool`, which ``make_pool`` makes when the first one comes.
    """

    def __init__(self, make_pool: Callable[[], Executor], now_s: Callable[[], float] = time.monotonic):
        self._temporary = tempfile.TemporaryDirectory(prefix="ecg-anomaly-", ignore_cleanup_errors=True)
        self.root = Path(self._temporary.name)
        self._make_pool, self._now_s = make_pool, now_s
        self._pool: Executor | None = None
        self._opened: dict[str, _Opened] = {}
        self._lock, self._closed = threading.Lock(), threading.Event()
        threading.Thread(target=self._sweep_often, daemon=True).start()

    @contextmanager
    def opening(self) -> Iterator[tuple[str, Path]]:
        """Make room for a recording: its key and its folder, deleted again if opening it fails.

        Raises
        ------
        UserError
            When too many are open already.
        """
        self.sweep()
        with self._lock:
            if len(self._opened) >= _MOST:
                raise UserError(f"{_MOST} recordings are open already; close one, or try again in a few minutes")
            key = secrets.token_urlsafe(16)
            folder = self.root / key
            folder.mkdir()
            self._opened[key] = _Opened(folder, self._now_s() + UNUSED_S)
        try:
            yield key, folder
        except BaseException:
            self.delete(key)
            raise

    def analyse(self, job: jobs.Job) -> Future[None]:
        """Have a recording analysed, whose key is the name of the job's folder.

        Raises
        ------
        UserError
            When too many wait already.
        """
        opened = self._use(job.folder.name)
        with self._lock:
            analyses = [other.analysis for other in self._opened.values() if other.analysis is not None]
            if sum(not analysis.done() for analysis in analyses) >= _QUEUE:
                raise UserError(f"{_QUEUE} recordings are being analysed or wait for it; try again in a minute")
            try:
                opened.analysis = self._submit(job)
            except BrokenProcessPool:  # a process was ended from outside
                self._pool = None
                opened.analysis = self._submit(job)
            return opened.analysis

    def folder(self, key: str | None) -> Path:
        """Find the folder of a recording; `UserError` when it is not there any more. Each use lengthens its life."""
        return self._use(key).folder

    def progress(self, key: str | None) -> jobs.Progress:
        """Say how far the analysis of a recording is."""
        opened = self._use(key)
        return jobs.progress(opened.folder, opened.analysis)

    def stored(self, key: str | None) -> Stored:
        """Give an analysed recording."""
        return read_store_once(self.folder(key) / jobs.ANALYSED)

    def beats(self, key: str | None, threshold: float | None = None) -> tuple[Stored, pd.DataFrame]:
        """Give an analysed recording, and its beats at a threshold; without one, at that of the model."""
        folder = self.folder(key) / jobs.ANALYSED
        stored = read_store_once(folder)
        return stored, _cut(folder, stored.threshold.threshold if threshold is None else threshold)

    def leave(self, key: str | None) -> None:
        """Note that the page of a recording was left: it is deleted soon unless it is asked for again."""
        with self._lock:
            if key in self._opened:
                opened = self._opened[key]
                opened.delete_at_s = min(opened.delete_at_s, self._now_s() + LEFT_S)

    def delete(self, key: str | None) -> None:
        """End the analysis of a recording and delete it; it need not be there."""
        with self._lock:
            if key not in self._opened:
                return
            opened = self._opened.pop(key)
        if opened.analysis is not None:
            opened.analysis.cancel()  # one that runs ends for want of its folder
        shutil.rmtree(opened.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Delete the recordings whose time is over."""
        with self._lock:
            over = [key for key, opened in self._opened.items() if opened.delete_at_s <= self._now_s()]
        for key in over:
            self.delete(key)

    def close(self) -> None:
        """Delete everything and end all analyses."""
        self._closed.set()
        for key in list(self._opened):
            self.delete(key)
        self._temporary.cleanup()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _use(self, key: str | None) -> _Opened:
        with self._lock:
            if key not in self._opened:
                raise UserError(
                    "this recording is not there any more: it is deleted when unused for an hour; open it again"
                )
            self._opened[key].delete_at_s = self._now_s() + UNUSED_S
            return self._opened[key]

    def _submit(self, job: jobs.Job) -> Future[None]:
        self._pool = self._pool or self._make_pool()
        with without_ctrl_c():  # it may start a process
            return self._pool.submit(call_with_detector, jobs.analyse, job)

    def _sweep_often(self) -> None:
        while not self._closed.wait(_SWEEP_S):
            self.sweep()


@functools.lru_cache(maxsize=_CUTS)
def _cut(folder: Path, threshold: float) -> pd.DataFrame:
    return cut(read_store_once(folder), threshold)
