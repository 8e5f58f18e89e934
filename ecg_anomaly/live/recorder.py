"""Keeps a live recording on disk, takes it up again where it was cut off, and makes its files when it has ended.

The signal is what counts: whenever a run is killed, or the disk is full, it is there up to then, with what is missing
marked. Beats are kept beside it; where some could not be, because the run was cut off or nothing could be written, all
of the signal is analysed again, which takes a few minutes for a day. So the files say what those of one long session
would: the patient's own beat, scale and rhythm are learnt from all that was recorded.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.results import files_of, is_complete, publish, write_results
from ecg_anomaly.commandline import command_of
from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import StoreWriter
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.live.journal import Journal, Left, Origin, read_left
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import LiveSignal, Portion, Recorded, Replay
from ecg_anomaly.words import StartTime, clock

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

_FOLDER, _LOCK, _DONE = ".{}.live", ".lock", ".done"
_BLOCK_S = 300.0  # of signal that is analysed again at once, or is missing
_MARK_S = 10.0  # between two times that are noted: a clock drifts by less than a millisecond meanwhile
_LONGEST_GAP = timedelta(days=1)  # after which a recording is begun anew
_TRY_AGAIN_S = 10.0  # after nothing could be written
_LEAST_ROOM_S = 60.0  # of signal, for which there must be room before writing starts again
_VALUE_BYTES = 4
_LOOK_S, _ALIKE_MV = 10.0, 1e-5  # how much of a recording is compared, and how near to it what was kept of it is


class Recorder:
    """Keeps signals and beats on disk while they come, so that the memory does not grow, and makes the files at last.

    They lie in a hidden folder beside the results; `open_recorder` makes one.

    Parameters
    ----------
    staging, lock
        That folder, and the lock on it.
    origin, detector
        Where the signal comes from, and what it is analysed with.
    left
        What a run that was cut off has left in it, which is kept.
    """

    def __init__(
        self, staging: Path, lock: FileLock, origin: Origin, detector: TrainedDetector, left: Left | None = None
    ):
        self._staging, self._lock, self._origin, self._detector = staging, lock, origin, detector
        self._rate_hz = float(origin.sampling_rate_hz)
        self.samples = left.samples if left else 0  # of each lead, that were kept so far
        self._journal = Journal(staging, anew=left is None)
        if left is None:
            self._journal.write(**origin.to_json())
        self._store = self._open_store()
        self._start_time = left.start_time if left else None
        self._ended = left.ends if left else None  # when what was left ends, until something comes
        self._marked = -np.inf  # samples up to the last time that was noted
        self._notes = left.notes if left else []
        self._noted = list(self._notes)
        self._is_whole = left is None  # whether the beats of all that was kept are
        self._is_stopped, self._lost, self._stopped_s = False, 0, 0.0  # since when nothing could be written

    def take_up(self, session: Session) -> None:
        """Have a session analyse what was kept of a run that was cut off, as if it came now."""
        self._is_whole = True
        for block in self._store.kept_blocks(_BLOCK_S):
            findings = session.push(Portion(block), time.monotonic()).findings
            try:
                if self._is_whole:
                    self._store.add_findings(findings)
            except OSError:
                self._is_whole = False

    def starts_like(self, recording: Recorded) -> bool:
        """Say whether what was kept starts as a recording does, which might be another one of that name."""
        blocks = next(self._store.kept_blocks(_LOOK_S)), next(recording.blocks(_LOOK_S))
        both = min(map(len, blocks))
        return np.allclose(blocks[0][:both], blocks[1][:both], atol=_ALIKE_MV, equal_nan=True)

    def missing_before(self, portion: Portion) -> int:
        """Count the samples that nobody recorded between what was left and the first portion that comes."""
        if self._ended is None or portion.until is None or not len(portion.signals_mv):
            return 0
        ended, self._ended = self._ended, None
        begins = portion.until - timedelta(seconds=len(portion.signals_mv) / self._rate_hz)
        gap_s = min(begins - ended, _LONGEST_GAP).total_seconds()
        where = clock(self.samples / self._rate_hz)
        if gap_s < 0:
            self._notes.append(f"was cut off at {where}; how long is not known: the clock of this machine was set back")
            return 0
        self._notes.append(f"was cut off at {where}, and nobody recorded the next {clock(gap_s)}, which are missing")
        return round(gap_s * self._rate_hz)

    def add(self, portion: Portion, findings: Findings, source_notes: Sequence[str] = ()) -> list[str]:
        """Keep what has come and what was found meanwhile; give what there is to say of the disk.

        While nothing can be written, nothing is kept; when something can be again, what is lost is marked as missing.
        """
        if self._is_stopped:
            self._lost += len(portion.signals_mv)
            if time.monotonic() - self._stopped_s < _TRY_AGAIN_S:
                return []
            return self._write_again()
        try:
            self._write(portion, [*self._notes, *source_notes])
            if self._is_whole:
                self._store.add_findings(findings)
        except OSError as error:
            return self._stop(error, len(portion.signals_mv))
        self.samples += len(portion.signals_mv)
        return []

    def finish(self, folder: Path, name: str, notes: Sequence[str] = ()) -> Summary | None:
        """Make the files, with what else the user should know; ``None`` and no file when no signal came.

        Raises
        ------
        UserError
            When they cannot be written; what was recorded stays where it is.
        """
        try:
            if self._lost:
                self._write_lost()
            if not self._is_whole:
                notes = [*notes, *self._analyse_again()]
            self._store.finish(name, list(dict.fromkeys([*self._notes, *notes])), start_time=self._start_time)
            self._store.close()
            summary = write_results(folder, self._staging) if self.samples else None
        except OSError as error:
            command = f"{command_of('detect_live.py')} --finish --output {folder}"
            raise UserError(
                f"{self._staging}: holds what was recorded, but its files could not be made "
                f"({error.strerror or error}); make room, then run {command}"
            ) from None
        finally:
            self._journal.close()
            self._lock.release()
        _discard(self._staging)
        return summary

    def _open_store(self) -> StoreWriter:
        leads, rate_hz = self._origin.leads, self._origin.sampling_rate_hz
        return StoreWriter(
            self._staging, self._detector, rate_hz, leads, range(len(leads)), shapes=False, kept=self.samples
        )

    def _write(self, portion: Portion, notes: list[str]) -> None:
        if notes != self._noted:
            self._journal.write(notes=notes)
            self._noted = notes
        self._store.add_signals(portion.signals_mv)
        until, samples = portion.until, self.samples + len(portion.signals_mv)
        if until is not None and samples and samples - self._marked >= _MARK_S * self._rate_hz:
            if self._start_time is None:
                self.begin(until - timedelta(milliseconds=round(1000 * samples / self._rate_hz)))
            self._journal.write(samples=samples, until=until.isoformat())
            self._marked = samples

    def begin(self, start_time: StartTime | None) -> None:
        """Note when the first sample was taken."""
        if start_time is not None and self._start_time is None:
            self._journal.write(start_time=start_time.isoformat())
            self._start_time = start_time

    def _stop(self, error: OSError, lost: int) -> list[str]:
        self._is_whole, self._is_stopped, self._lost = False, True, lost
        self._stopped_s = time.monotonic()
        self._cut()
        reason = f"{self._staging.parent}: {error.strerror or error}"
        return [f"nothing is written any more ({reason}); monitoring goes on, and writing when there is room again"]

    def _cut(self) -> None:
        """Forget what was written in part; if even that fails, it is done before anything is written again."""
        with contextlib.suppress(OSError):
            self._store.cut_signals(self.samples)

    def _write_again(self) -> list[str]:
        self._stopped_s = time.monotonic()
        needed = _VALUE_BYTES * len(self._origin.leads) * (self._lost + _LEAST_ROOM_S * self._rate_hz)
        try:
            if shutil.disk_usage(self._staging).free < needed:
                return []
            lost = self._write_lost()
        except OSError:
            self._cut()
            return []
        return [f"writing again; {lost}"]

    def _write_lost(self) -> str:
        self._store.cut_signals(self.samples)
        left, block = self._lost, round(_BLOCK_S * self._rate_hz)
        while left:
            count = min(left, block)
            self._store.add_signals(np.full((count, len(self._origin.leads)), np.nan))
            left -= count
        start_s, lost_s = self.samples / self._rate_hz, self._lost / self._rate_hz
        note = f"{clock(lost_s)} from {clock(start_s)} on are missing, as nothing could be written"
        self._notes.append(note)
        self.samples, self._lost, self._is_stopped = self.samples + self._lost, 0, False
        return note

    def _analyse_again(self) -> list[str]:
        """Analyse all that was kept; give what a look at its start says."""
        self._store.close()
        self._store = self._open_store()
        origin = self._origin
        session = Session(self._detector, origin.sampling_rate_hz, origin.leads, look_at_start=origin.is_live)
        self.take_up(session)
        if not self._is_whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._store.add_findings(session.finish().findings)
        return session.notes


def open_recorder(
    request: Request,
    name: str,
    detector: TrainedDetector,
    source: LiveSignal,
    tell: Callable[[str], None] = lambda _: None,
) -> Recorder:
    """Begin a recording, or take up the one of this name that was cut off: then what was kept is in its ``samples``.

    What was cut off is finished under another name first if it is to be begun anew (``request.force``), or was cut off
    more than a day ago; ``tell`` is told so.

    Raises
    ------
    UserError
        When another run is writing the files, or what was cut off is of another signal, or the name is none for files.
    """
    if not name or Path(name).name != name:
        raise UserError(f"--name is {name}; give a name for files, without a folder")
    staging, origin = request.folder / _FOLDER.format(name), Origin.of(source)
    lock = _take(staging)
    if is_complete(staging):  # it had ended, and was cut off while its files came to their place
        _publish(staging, lock, request.folder)
        if not request.force:
            raise UserError(f"{request.folder}: {name} is complete there; add --force to replace it, or give --name")
        lock = _take(staging)
    left = read_left(staging)
    if left is not None and not request.force and left.origin != origin:
        lock.release()
        raise UserError(
            f"{staging}: holds what was cut off of {left.origin.words()}; that is not {origin.words()}: make its files "
            "with --finish, or give this one another --name"
        )
    ago = datetime.now(timezone.utc) - left.ends if left is not None and left.ends is not None else timedelta(0)
    if left is not None and (request.force or ago > _LONGEST_GAP):
        kept_as = _free_name(request.folder, name, 1)
        Recorder(staging, lock, left.origin, detector, left).finish(request.folder, kept_as)
        tell(f"what was cut off of {name} is finished as {kept_as} in {request.folder}; {name} begins anew")
        lock, left = _take(staging), None
    recorder = Recorder(staging, lock, origin, detector, left)
    if isinstance(source, Replay):
        if left is not None and not recorder.starts_like(source.recording):
            lock.release()
            raise UserError(
                f"{staging}: holds what was cut off of another recording than {source.origin} is now; make its files "
                "with --finish, or give this one another --name"
            )
        recorder.begin(source.start_time)
        source.go_on_from(recorder.samples)
    return recorder


def finish_left(
    output: str | None, names: Sequence[str], detector: TrainedDetector, tell: Callable[[str], None]
) -> int:
    """Make the files of recordings that were cut off, and tell of each; give how many could not be made.

    Parameters
    ----------
    output
        The folder where the results go, and recordings were left.
    names
        Which of them; none: all that are there.
    detector
        What they are analysed with.

    Raises
    ------
    UserError
        When there is none, or no folder is named.
    """
    if output is None:
        raise UserError("--finish makes files of what was cut off in a folder; name it with --output")
    folder = Path(output)
    names = names or sorted(path.name[1:].removesuffix(".live") for path in folder.glob(_FOLDER.format("*")))
    there = [name for name in names if (folder / _FOLDER.format(name)).is_dir()]
    if not there or len(there) < len(names):
        which = next((f"{name} was not" for name in names if name not in there), "nothing was")
        raise UserError(f"{folder}: {which} cut off there; its folder is the --output of the run that was")
    failed = 0
    for name in there:
        try:
            tell(_finish_one(folder, name, detector))
        except UserError as error:
            failed += 1
            tell(str(error))
    return failed


def _finish_one(folder: Path, name: str, detector: TrainedDetector) -> str:
    staging = folder / _FOLDER.format(name)
    lock = _take(staging)
    is_made, left = is_complete(staging), read_left(staging)
    if left is None or is_made:
        _publish(staging, lock, folder)
        return f"{name}: {'its files were made already' if is_made else 'nothing was recorded'}"
    kept_as = _free_name(folder, name)
    Recorder(staging, lock, left.origin, detector, left).finish(folder, kept_as)
    return f"{kept_as}: {clock(left.samples / float(left.origin.sampling_rate_hz))} of signal"


def _take(staging: Path) -> FileLock:
    """Make the hidden folder and lock it."""
    shutil.rmtree(staging.with_name(staging.name + _DONE), ignore_errors=True)
    staging.mkdir(parents=True, exist_ok=True)
    lock = FileLock(staging / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{staging}: another run is recording under this name; give this one another --name or --output"
        ) from None
    return lock


def _publish(staging: Path, lock: FileLock, folder: Path) -> None:
    """Bring files that were made to their place, if some were, and forget the rest."""
    publish(staging, folder)
    lock.release()
    _discard(staging)


def _discard(staging: Path) -> None:
    """Delete the hidden folder, so that a kill meanwhile leaves nothing that looks cut off."""
    done = staging.with_name(staging.name + _DONE)
    shutil.rmtree(done, ignore_errors=True)
    staging.rename(done)
    shutil.rmtree(done)


def _free_name(folder: Path, name: str, first: int = 0) -> str:
    """Give the name, or else ``NAME.1`` and so on: the first that no file has."""
    names = (f"{name}.{number}" if number else name for number in itertools.count(first))
    return next(each for each in names if not any((folder / file).exists() for file in files_of(each)))
