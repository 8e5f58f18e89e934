"""Keeps a live recording on disk, and makes its files when it has ended."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from ecg_anomaly.batch import Request, write_results
from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.summary import conclude, summary

_FOLDER = ".{}.live"
_BEATS, _SIGNALS, _LOCK = "beats.csv", "signals.f32", ".lock"
_SAMPLE = np.dtype("<f4")


class Recorder:
    """Keeps signals and beats on disk while they come, so that the memory does not grow, and makes the files at last.

    They lie in a hidden folder beside the results. A run that is killed leaves it there, with its beats so far.

    Parameters
    ----------
    request
        The folder of the results, in which `batch.check_free` says whether files are there that would be replaced; and
        whether what a run that was killed has left may be.
    name
        What the files are called after.
    sampling_rate_hz, leads
        Samples per second, and names of the leads.

    Raises
    ------
    UserError
        When another run is writing the files, or one that was killed has left its beats, or the name is none for files.
    """

    def __init__(self, request: Request, name: str, sampling_rate_hz: Fraction, leads: Sequence[str]):
        self._folder, self._name = request.folder, name
        self._rate_hz, self._leads = float(sampling_rate_hz), tuple(leads)
        self._samples = 0
        self._events: list[Event] = []
        if not name or Path(name).name != name:
            raise UserError(f"--name is {name}; give a name for files, without a folder")
        self._staging = request.folder / _FOLDER.format(name)
        self._lock = _take_staging(self._staging, request.force)
        self._beats = (self._staging / _BEATS).open("w", encoding="utf-8", newline="")
        self._signals = (self._staging / _SIGNALS).open("w+b")
        self._beats.write(",".join(COLUMNS) + "\n")

    def add(self, signals_mv: np.ndarray, findings: Findings) -> None:
        """Keep what has come, of shape ``(samples, leads)``, and what was found meanwhile."""
        self._signals.write(signals_mv.astype(_SAMPLE).tobytes())
        self._samples += len(signals_mv)
        self._events += findings.events
        if len(findings.beats):
            # With all digits, so that what is read again is what was found.
            findings.beats.to_csv(self._beats, index=False, header=False, lineterminator="\n")
            self._beats.flush()

    def finish(self, notes: Sequence[str]) -> dict[str, Any] | None:
        """Make the files, and say where nothing was recorded.

        Parameters
        ----------
        notes
            What the user should know of the source.

        Returns
        -------
        dict or None
            What `results.summary` tells; ``None`` when no signal came, and no file was made.
        """
        self._beats.close()
        self._signals.flush()
        told = self._write(notes) if self._samples else None
        self._signals.close()
        self._lock.release()
        shutil.rmtree(self._staging)
        return told

    def _write(self, notes: Sequence[str]) -> dict[str, Any]:
        events = sorted(self._events, key=lambda event: event.start_s)
        found = conclude(Findings(_read_beats(self._staging / _BEATS), events), self._samples / self._rate_hz)
        told = summary(self._name, self._rate_hz, self._leads, self._samples, found.beats, found.events)
        told["notes"] = list(notes)
        write_results(self._folder, told, found, self._read_mv)
        return told

    def _read_mv(self, start_s: float, end_s: float) -> np.ndarray:
        first, last = max(0, round(start_s * self._rate_hz)), round(end_s * self._rate_hz)
        leads = len(self._leads)
        self._signals.seek(first * leads * _SAMPLE.itemsize)
        read = self._signals.read(max(0, last - first) * leads * _SAMPLE.itemsize)
        return np.frombuffer(read, dtype=_SAMPLE).reshape(-1, leads).astype(float)


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
            f"{staging}: is left from a run that was cut off, with its beats in {_BEATS}; move it away, or add --force"
        )
    return lock


def _read_beats(path: Path) -> pd.DataFrame:
    """Read the beats as they were found; an empty reason is a reason, any other empty cell a number that is missing."""
    missing = {name: [""] for name in COLUMNS if name != "reason"}
    return pd.read_csv(path, keep_default_na=False, na_values=missing)
