"""The worklist of a server: its recordings and what was done to them, in a folder that outlives the server.

Each recording has a folder of its own under a key that nobody guesses; another process analyses it. What is in the
folder stays until it is deleted, whether pages are closed, or the server is ended or killed.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.marks import RIGHT, WRONG, Action, marks_of
from ecg_anomaly.findings.review import Review, review
from ecg_anomaly.findings.store import Stored, read_store
from ecg_anomaly.processes import end_processes, without_ctrl_c
from ecg_anomaly.web import jobs
from ecg_anomaly.web.cache import Cache
from ecg_anomaly.web.database import Database, GoneError, History, Kept
from ecg_anomaly.web.values import number_of, row_of
from ecg_anomaly.workers import call_with_detector

_DATABASE, _LOCK, _RECORDINGS, _UPLOAD = "worklist.sqlite", ".lock", "recordings", "upload"
_RESULTS = 16  # recordings, and reviews of them, that are kept in memory
_LONGEST_WORDS = 200  # of what was marked, and by whom
_STARTS = 4  # of an analysis that waits while processes are ended from outside, each time for another one


@dataclass(frozen=True)
class Entry:
    """A recording in the worklist."""

    key: str
    name: str
    added: datetime  # with its zone
    progress: jobs.Progress  # of its analysis
    duration_s: float | None  # None until it is analysed, as what follows
    beats: int | None
    flagged: int | None  # beats that are flagged, or have a mark
    events: int | None  # of the signal and of the rhythm
    marked: int | None  # beats that have a mark


class Workspace:
    """A folder of recordings, which nobody else uses meanwhile; without one, a temporary folder.

    They are analysed in a pool of processes, as of `detector_pool`, which ``make_pool`` makes when the first one comes.

    Raises
    ------
    UserError
        When another server uses the folder, or it cannot be used.
    """

    def __init__(self, make_pool: Callable[[], Executor], folder: Path | None = None):
        self.is_temporary = folder is None
        self.root = Path(tempfile.mkdtemp(prefix="ecg-anomaly-") if folder is None else folder.resolve())
        self._lock = _taken(self.root)
        self._database = Database(self.root / _DATABASE)
        self._make_pool = make_pool
        self._pool: Executor | None = None
        self._pool_lock, self._starting = threading.Lock(), threading.Lock()
        self._analyses: dict[str, Future[jobs.Analysed]] = {}
        self._stored: Cache[Stored] = Cache(_RESULTS)
        self._reviews: Cache[Review] = Cache(_RESULTS)
        self._histories: Cache[History] = Cache(_RESULTS)
        self._remove_strays()
        self._end_uncounted()

    @property
    def words(self) -> str:
        """Where recordings and marks are, and how long."""
        if self.is_temporary:
            return (
                f"Recordings are kept in a temporary folder, {self.root}, until the application ends; once a beat is "
                "marked, it stays. Start the application with --workspace FOLDER to choose where."
            )
        return f"Recordings and marks are kept in {self.root} until they are deleted."

    @contextmanager
    def opening(self) -> Iterator[tuple[str, Path]]:
        """Make room for a recording: its key and its folder, removed again if opening it fails."""
        key = secrets.token_urlsafe(16)
        folder = self._folder(key)
        folder.mkdir()
        try:
            yield key, folder
        except BaseException:
            self._forget(key)
            raise

    def analyse(self, job: jobs.Job) -> Future[jobs.Analysed]:
        """Put a recording on the worklist, whose key is the name of the job's folder, and have it analysed."""
        path = job.path.resolve()
        if path.is_relative_to(self.root):  # so that the workspace may be moved
            path = path.relative_to(self.root)
        now, none = datetime.now(timezone.utc), None
        key = job.folder.name
        self._analyses[key] = Future()  # waits for its process
        self._database.add(Kept(key, job.name, path, job.entered, now, "", none, none, none, none, none, "", 0))
        return self._start(job)

    def analyse_unlisted(self, job: jobs.Job) -> Future[jobs.Analysed]:
        """Have a recording analysed that is on no worklist; its results go to the folder of the job, wherever it is."""
        jobs.announce(job)
        with self._pool_lock:
            try:
                return self._submit(job)
            except BrokenProcessPool:  # a process was ended from outside
                self._pool = None
                return self._submit(job)

    def analyse_again(self, key: str) -> None:
        """Have a recording analysed whose analysis failed, or was cut off."""
        with self._starting:  # two pages may ask for it at once
            if self.progress(key).state != jobs.FAILED:
                return
            self._analyses[key] = Future()
        kept, folder = self._database.recording(key), self._folder(key)
        for left in folder.iterdir():
            if left.name != _UPLOAD:
                _remove(left)
        self._database.update(key, failed="")
        self._start(jobs.Job(folder, self.root / kept.path, kept.name, kept.entered))

    def entries(self) -> list[Entry]:
        """Give the worklist, the newest recording first."""
        return [self._entry(kept) for kept in self._database.recordings()]

    def folder(self, key: str | None) -> Path:
        """Find the folder of a recording; `GoneError` if it is not there any more."""
        return self._folder(self._database.recording(key or "").key)

    def progress(self, key: str | None) -> jobs.Progress:
        """Say how far the analysis of a recording is."""
        return self._progress(self._database.recording(key or ""))

    def stored(self, key: str | None) -> Stored:
        """Give an analysed recording; `UserError` if it is none."""
        folder = self.folder(key)
        if not (folder / jobs.ANALYSED).is_dir():
            raise UserError(self.progress(key).words)
        try:
            return self._stored.get((folder.name,), lambda: read_store(folder / jobs.ANALYSED))
        except (OSError, ValueError, LookupError, TypeError):
            self.folder(key)  # it may have been deleted meanwhile
            raise UserError("the results of this recording cannot be read; delete it, and open it again") from None

    def review(self, key: str | None, threshold: float | None = None) -> Review:
        """Review a recording with its marks, at a threshold; without one, at that which was chosen for it."""
        kept, stored = self._database.recording(key or ""), self.stored(key)
        at = kept.threshold if threshold is None else number_of(threshold, "threshold")

        def make() -> Review:
            made = review(stored, at, marks_of(self.history(kept.key).actions))
            counted = asdict(jobs.counts(made))
            if at in (None, kept.threshold) and counted != {name: getattr(kept, name) for name in counted}:
                self._database.update(kept.key, **counted)
            return made

        return self._reviews.get((kept.key, at, kept.version), make)

    def choose_threshold(self, key: str | None, threshold: float | None) -> None:
        """Keep the threshold that was chosen for a recording; ``None``: that of the model."""
        chosen = None if threshold is None else number_of(threshold, "threshold")
        self._database.update(self.folder(key).name, threshold=chosen)

    def threshold(self, key: str | None) -> float:
        """Give the threshold of a recording: that which was chosen for it, or that of the model."""
        chosen = self._database.recording(key or "").threshold
        return self.stored(key).threshold.threshold if chosen is None else chosen

    def model(self, key: str | None) -> str:
        """Say in words which model analysed a recording."""
        return self._database.recording(key or "").model

    def mark(self, key: str | None, rows: Sequence[int], mark: str, what: str, by: str = "") -> None:
        """Mark beats of a recording as `RIGHT` or `WRONG`, or take their marks away (an empty one).

        Parameters
        ----------
        rows
            Of the beats.
        what
            What is marked, in words: "beat at 0:01:02".
        by
            Who does it.

        Raises
        ------
        UserError
            When there are no such beats, or is no such mark.
        """
        beats = len(self.stored(key).beats)
        if not rows:
            raise UserError("choose a beat to mark first")
        if mark not in (RIGHT, WRONG, ""):
            raise UserError(f"there is no mark {mark!r}; marks are {RIGHT}, {WRONG}, and an empty one for none")
        what, by = (words[:_LONGEST_WORDS] for words in (what, by))
        action = Action(tuple(sorted({row_of(row, beats) for row in rows})), mark, what, by, datetime.now(timezone.utc))
        self._database.act(key or "", action)

    def undo(self, key: str | None) -> None:
        """Undo the latest action, if there is one."""
        self._database.undo(key or "")

    def redo(self, key: str | None) -> None:
        """Do again what was undone last."""
        self._database.redo(key or "")

    def history(self, key: str | None) -> History:
        """Give what was done to the marks of a recording."""
        kept = self._database.recording(key or "")
        return self._histories.get((kept.key, kept.version), lambda: self._database.history(kept.key))

    def delete(self, key: str | None) -> None:
        """End the analysis of a recording and delete it with all that belongs to it; it need not be there."""
        with suppress(GoneError):
            self._forget(self._database.recording(key or "").key)

    def close(self) -> bool:
        """End all analyses; say whether the folder stays: a temporary one is deleted if no beat was ever marked."""
        analyses, self._analyses = self._analyses, {}  # what becomes of them is not kept: they were cut off
        if self._pool is not None:
            end_processes(self._pool)  # one that just starts, or computes, would hear of it seconds later
            self._pool.shutdown(cancel_futures=True)
        for key, analysis in analyses.items():
            analysis.cancel()
            jobs.end(self._folder(key))
        stays = not self.is_temporary or self._database.has_marks()
        self._database.close()
        self._lock.release()
        if not stays:
            shutil.rmtree(self.root, ignore_errors=True)
        return stays

    def _forget(self, key: str) -> None:
        self._database.delete(key)
        self._analyses.pop(key, None)  # it ends for want of its folder; a pool that breaks stumbles over cancelled ones
        for cache in (self._stored, self._reviews, self._histories):
            cache.drop(key)
        _remove(self._folder(key))

    def _folder(self, key: str) -> Path:
        return self.root / _RECORDINGS / key

    def _entry(self, kept: Kept) -> Entry:
        marked = None if kept.beats is None else len(marks_of(self.history(kept.key).actions))
        counts = (kept.duration_s, kept.beats, kept.flagged, kept.events, marked)
        return Entry(kept.key, kept.name, kept.added, self._progress(kept), *counts)

    def _progress(self, kept: Kept) -> jobs.Progress:
        return jobs.progress(self._folder(kept.key), self._analyses.get(kept.key), kept.failed)

    def _start(self, job: jobs.Job, starts: int = 1) -> Future[jobs.Analysed]:
        key = job.folder.name
        try:
            analysis = self.analyse_unlisted(job)
        except BaseException:
            self._analyses.pop(key, None)
            raise
        self._analyses[key] = analysis
        analysis.add_done_callback(lambda done: self._keep(job, starts, done))
        return analysis

    def _submit(self, job: jobs.Job) -> Future[jobs.Analysed]:
        self._pool = self._pool or self._make_pool()
        with without_ctrl_c():  # it may start a process
            return self._pool.submit(call_with_detector, jobs.analyse, job)

    def _keep(self, job: jobs.Job, starts: int, analysis: Future[jobs.Analysed]) -> None:
        """Keep what became of an analysis; one that only waited while another one's process ended is started again."""
        key = job.folder.name
        if analysis.cancelled() or key not in self._analyses:
            return
        error = analysis.exception()
        if isinstance(error, BrokenProcessPool) and starts < _STARTS and not jobs.has_begun(job):
            self._analyses[key] = Future()
            # Not in this thread, which is that of the old pool, and may hold its lock.
            threading.Thread(target=self._start, args=(job, starts + 1)).start()
            return
        self._database.update(key, **(asdict(analysis.result()) if error is None else {"failed": jobs.reason(error)}))

    def _remove_strays(self) -> None:
        """Remove the folders of recordings that were never wholly there, when a server was killed."""
        folder = self.root / _RECORDINGS
        folder.mkdir(exist_ok=True)
        kept = {recording.key for recording in self._database.recordings()}
        for path in folder.iterdir():
            if path.name not in kept:
                _remove(path)

    def _end_uncounted(self) -> None:
        """Take an analysis that was cut off between its end and the worklist for one that has not ended."""
        for kept in self._database.recordings():
            if kept.beats is None:
                _remove(self._folder(kept.key) / jobs.ANALYSED)


def _taken(root: Path) -> FileLock:
    """Take a folder, so that no other server uses it."""
    lock = FileLock(root / _LOCK, timeout=0)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{root}: another server uses this workspace; end it, or name another folder with --workspace"
        ) from None
    except OSError as error:
        raise UserError(
            f"{root}: cannot be used as a workspace ({error.strerror}); name another folder with --workspace"
        ) from None
    return lock


def _remove(path: Path) -> None:
    """Remove a file or a folder; an analysis that writes there loses it at once."""
    removed = path.with_name(f".{path.name}.removed")
    try:
        path.rename(removed)
    except OSError:  # on Windows while a file in it is open; what stays is removed when the next server starts
        removed = path
    if removed.is_dir():
        shutil.rmtree(removed, ignore_errors=True)
    else:
        removed.unlink(missing_ok=True)
