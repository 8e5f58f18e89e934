"""What the tests of a cluster have its workers do; without imports that these would wait for."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

LOOK_EVERY_S = 0.02


def folder_and_square(detector, number):
    return detector.config.paths.models, number**2, tempfile.gettempdir()


def die_at(detector, folder: Path, number: int, deaths: int) -> int:
    """End the worker, so many times."""
    note = folder / str(number)
    died = len(note.read_text()) if note.exists() else 0
    if died < deaths:
        note.write_text("x" * (died + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_for(detector, folder: Path, number: int) -> int:
    """Say that work has begun; wait until it may go on, but for the first three."""
    (folder / str(number)).touch()
    while number >= 3 and not (folder / "go on").exists():
        time.sleep(LOOK_EVERY_S)
    return number


def states(dask_worker) -> set[str]:
    """Tell the states of the tasks of a worker."""
    return {task.state for task in dask_worker.state.tasks.values()}
