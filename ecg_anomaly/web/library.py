"""The recordings that are open: a folder each, which nobody else finds, deleted when it is no longer needed."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecg_anomaly.errors import UserError

UNUSED_S = 3600.0  # a recording that nobody looks at for so long is deleted
LEFT_S = 60.0  # after a page was left or loaded again; if it was loaded again, it is asked for before
_MOST = 20  # recordings at once; each takes some 20 MB an hour on disk
_SWEEP_S = 10.0


@dataclass
class _Entry:
    folder: Path
    delete_at_s: float


class Library:
    """Folders of recordings, by keys that cannot be guessed; everything is deleted at the end.

    Parameters
    ----------
    forget
        Is called with the folder of a recording before it is deleted.
    now_s
        The time on a clock that goes evenly.
    """

    def __init__(self, forget: Callable[[Path], None], now_s: Callable[[], float] = time.monotonic):
        self._root = tempfile.TemporaryDirectory(prefix="ecg-anomaly-", ignore_cleanup_errors=True)
        self._path = Path(self._root.name)
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self._forget, self._now_s = forget, now_s
        self._closed = threading.Event()
        threading.Thread(target=self._sweep_often, daemon=True).start()

    @property
    def root(self) -> Path:
        """The folder that holds all the others."""
        return self._path

    @property
    def shared(self) -> Path:
        """A folder that belongs to no recording."""
        return self._path / "shared"

    def new(self) -> str:
        """Make room for a recording; give its key.

        Raises
        ------
        UserError
            When there are too many already.
        """
        self.sweep()
        with self._lock:
            if len(self._entries) >= _MOST:
                raise UserError(f"{_MOST} recordings are open already; close one, or try again in a few minutes")
            key = secrets.token_urlsafe(16)
            folder = self._path / key
            folder.mkdir()
            self._entries[key] = _Entry(folder, self._now_s() + UNUSED_S)
        return key

    def folder(self, key: object) -> Path:
        """Find the folder of a recording, which counts as a use of it.

        Raises
        ------
        UserError
            When there is none: it was deleted, or never was.
        """
        with self._lock:
            entry = self._entries.get(key) if isinstance(key, str) else None
            if entry is None:
                raise UserError(
                    "this recording is not there any more: it is deleted when unused for an hour; open it again"
                )
            entry.delete_at_s = self._now_s() + UNUSED_S
            return entry.folder

    def leave(self, key: object) -> None:
        """Note that the page of a recording was left: it is deleted soon unless it is asked for again."""
        with self._lock:
            entry = self._entries.get(key) if isinstance(key, str) else None
            if entry is not None:
                entry.delete_at_s = min(entry.delete_at_s, self._now_s() + LEFT_S)

    def delete(self, key: object) -> None:
        """Delete a recording; it need not be there."""
        with self._lock:
            entry = self._entries.pop(key, None) if isinstance(key, str) else None
        if entry is not None:
            self._forget(entry.folder)
            shutil.rmtree(entry.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Delete the recordings whose time is over."""
        with self._lock:
            over = [key for key, entry in self._entries.items() if entry.delete_at_s <= self._now_s()]
        for key in over:
            self.delete(key)

    def close(self) -> None:
        """Delete everything."""
        self._closed.set()
        for key in list(self._entries):
            self.delete(key)
        self._root.cleanup()

    def _sweep_often(self) -> None:
        while not self._closed.wait(_SWEEP_S):
            self.sweep()
