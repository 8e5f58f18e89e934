"""The recordings that are open, from the upload to the end: a folder each, which nobody else finds.

A recording belongs to the page that has its key. It is analysed by `jobs`, and deleted when the page closes it, a
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
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import Stored, read_store_once
from ecg_anomaly.web.decisions import cut
from ecg_anomaly.web.jobs import ANALYSED, Job, Jobs, Progress

UNUSED_S = 3600.0  # a recording that nobody looks at for so long is deleted
LEFT_S = 60.0  # after a page was left or loaded again; if it was loaded again, it is asked for before
_MOST = 20  # recordings at once; each takes some 20 MB an hour on disk
_SWEEP_S = 10.0
_CUTS = 4  # tables of beats that are kept: several parts of the page ask for the same one


class OpenRecordings:
    """Open recordings, by keys that cannot be guessed; their folders are in ``root``, and ``jobs`` analyses them."""

    def __init__(self, jobs: Jobs, now_s: Callable[[], float] = time.monotonic):
        self.jobs = jobs
        self._temporary = tempfile.TemporaryDirectory(prefix="ecg-anomaly-", ignore_cleanup_errors=True)
        self.root = Path(self._temporary.name)
        self._now_s, self._delete_at_s = now_s, dict[str, float]()
        self._lock, self._closed = threading.Lock(), threading.Event()
        threading.Thread(target=self._sweep_often, daemon=True).start()

    @contextmanager
    def opening(self) -> Iterator[tuple[str, Path]]:
        """Make room for a recording: its key and its folder, deleted again if opening it fails.

        Raises
        ------
        UserError
            When there are too many already.
        """
        self.sweep()
        with self._lock:
            if len(self._delete_at_s) >= _MOST:
                raise UserError(f"{_MOST} recordings are open already; close one, or try again in a few minutes")
            key = secrets.token_urlsafe(16)
            folder = self.root / key
            folder.mkdir()
            self._delete_at_s[key] = self._now_s() + UNUSED_S
        try:
            yield key, folder
        except BaseException:
            self.delete(key)
            raise

    def open(self, path: Path, name: str) -> str:
        """Open a recording that is on this machine; give its key."""
        with self.opening() as (key, folder):
            self.jobs.submit(Job(folder, path, name))
        return key

    def folder(self, key: str | None) -> Path:
        """Find the folder of a recording, which counts as a use of it.

        Raises
        ------
        UserError
            When there is none: it was deleted, or never was.
        """
        with self._lock:
            if key not in self._delete_at_s:
                raise UserError(
                    "this recording is not there any more: it is deleted when unused for an hour; open it again"
                )
            self._delete_at_s[key] = self._now_s() + UNUSED_S
        return self.root / key

    def progress(self, key: str | None) -> Progress:
        """Say how far the analysis of a recording is."""
        return self.jobs.progress(self.folder(key))

    def stored(self, key: str | None) -> Stored:
        """Give an analysed recording."""
        return read_store_once(self.folder(key) / ANALYSED)

    def beats(self, key: str | None, threshold: float | None = None) -> tuple[Stored, pd.DataFrame]:
        """Give an analysed recording, and its beats at a threshold; without one, at that of the model."""
        folder = self.folder(key) / ANALYSED
        stored = read_store_once(folder)
        return stored, _cut(folder, stored.threshold.threshold if threshold is None else threshold)

    def leave(self, key: str | None) -> None:
        """Note that the page of a recording was left: it is deleted soon unless it is asked for again."""
        with self._lock:
            if key in self._delete_at_s:
                self._delete_at_s[key] = min(self._delete_at_s[key], self._now_s() + LEFT_S)

    def delete(self, key: str | None) -> None:
        """End the analysis of a recording and delete it; it need not be there."""
        with self._lock:
            if key is None or self._delete_at_s.pop(key, None) is None:
                return
        self.jobs.forget(self.root / key)
        shutil.rmtree(self.root / key, ignore_errors=True)

    def sweep(self) -> None:
        """Delete the recordings whose time is over."""
        with self._lock:
            over = [key for key, at_s in self._delete_at_s.items() if at_s <= self._now_s()]
        for key in over:
            self.delete(key)

    def close(self) -> None:
        """Delete everything and end all analyses."""
        self._closed.set()
        for key in list(self._delete_at_s):
            self.delete(key)
        self._temporary.cleanup()
        self.jobs.close()

    def _sweep_often(self) -> None:
        while not self._closed.wait(_SWEEP_S):
            self.sweep()


@functools.lru_cache(maxsize=_CUTS)
def _cut(folder: Path, threshold: float) -> pd.DataFrame:
    return cut(read_store_once(folder), threshold)
