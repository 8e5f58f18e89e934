"""Keeps a live recording on disk, and makes its files when it has ended."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout

from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.results import write_results
from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import BEATS, StoreWriter
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.words import StartTime

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

_FOLDER, _LOCK = ".{}.live", ".lock"


class Recorder:
    """Keeps signals and beats on disk while they come, so that the memory does not grow, and makes the files at last.

    They lie in a hidden folder beside the results. A run that is killed leaves it there, with its beats so far.

    Parameters
    ----------
    request
        The folder of the results, in which `results.check_free` says whether files are there that would be replaced;
        and whether what a run that was killed has left may be.
    name
        What the files are called after.
    detector, sampling_rate_hz, leads
        As for `StoreWriter`.

    Raises
    ------
    UserError
        When another run is writing the files, or one that was killed has left its beats, or the name is none for files.
    """

    def __init__(
        self, request: Request, name: str, detector: TrainedDetector, sampling_rate_hz: Fraction, leads: Sequence[str]
    ):
        if not name or Path(name).name != name:
            raise UserError(f"--name is {name}; give a name for files, without a folder")
        self._folder, self._name, self._came = request.folder, name, False
        self._staging = request.folder / _FOLDER.format(name)
        self._lock = _take_staging(self._staging, request.force)
        self._store = StoreWriter(self._staging, detector, sampling_rate_hz, leads, range(len(leads)), shapes=False)

    def add(self, signals_mv: np.ndarray, findings: Findings) -> None:
        """Keep what has come, of shape ``(samples, leads)``, and what was found meanwhile."""
        self._store.add(signals_mv, findings)
        self._came |= len(signals_mv) > 0

    def finish(self, notes: Sequence[str], start_time: StartTime | None = None) -> Summary | None:
        """Make the files, with what the user should know of the source; ``None`` and no file when no signal came."""
        self._store.finish(self._name, notes, start_time=start_time)
        self._store.close()
        summary = write_results(self._folder, self._staging) if self._came else None
        self._lock.release()
        shutil.rmtree(self._staging)
        return summary


def _take_staging(staging: Path, force: bool) -> FileLock:
    """Make the hidden folder and lock it."""
    left = staging.exists()
    staging.mkdir(parents=True, exist_ok=True)
    lock = FileLock(staging / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{staging}: another run is recording under this name; give this one another --name or --output"
        ) from None
    if left and not force:
        lock.release()
        raise UserError(
            f"{staging}: is left from a run that was cut off, with its beats in {BEATS}; move it away, or add --force"
        )
    return lock
