"""What the parts of the application share: the model, the recordings that are open, the analyses."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ecg_anomaly.commandline import warn
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import Stored, read_store
from ecg_anomaly.handover.model import check_detector, read_detector
from ecg_anomaly.web.decisions import cut
from ecg_anomaly.web.evaluated import Evaluated, read_evaluated
from ecg_anomaly.web.jobs import ANALYSED, DONE, Job, Jobs, Progress
from ecg_anomaly.web.library import Library
from ecg_anomaly.web.player import Players
from ecg_anomaly.web.rehearsal import rehearse

_CUTS = 4  # tables of beats that are kept: several parts of the page ask for the same one


@dataclass
class Workbench:
    """The state of the server.

    Attributes
    ----------
    config
        Settings of the model that is used; its paths say where the model lies.
    problem
        Why no recording can be analysed; empty if one can.
    offered
        Settings of another model that is there, if the one that was asked for is not.
    """

    config: Config
    problem: str = ""
    offered: Config | None = None
    library: Library = field(init=False)
    jobs: Jobs = field(init=False)
    players: Players = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.config)
        self.library = Library(self.forget)
        self.players = Players(lambda: read_detector(self.config))

    def warm_up(self) -> None:
        """Load the model and try everything once, in the background, so that the first recording waits for nothing."""
        if not self.problem:
            threading.Thread(target=rehearse, args=(self,), daemon=True).start()

    def forget(self, folder: Path) -> None:
        """End what is done for the recording in a folder."""
        self.jobs.forget(folder)

    @property
    def evaluated(self) -> Evaluated | None:
        """What thresholds did to the test patients of the model."""
        return read_evaluated(self.config.paths.outputs)

    def take_offered(self) -> None:
        """Use the other model."""
        with self._lock:
            if self.offered is not None:
                self.config, self.problem, self.offered = self.offered, "", None
                self.jobs = Jobs(self.config)
                self.warm_up()

    def check(self) -> None:
        """Check that there is a model.

        Raises
        ------
        UserError
            With the command that makes one.
        """
        if self.problem:
            raise UserError(self.problem)

    def open(self, key: str, path: Path, name: str, rate_hz: float | None = None, gain: float | None = None) -> None:
        """Have a recording analysed whose key the library gave.

        Raises
        ------
        UserError
            When there is no model, or too much to do.
        """
        self.check()
        self.jobs.submit(Job(self.library.folder(key), path, name, rate_hz, gain))

    def progress(self, key: object) -> Progress:
        """Tell how far the analysis of a recording is."""
        return self.jobs.progress(self.library.folder(key))

    def is_analysed(self, key: object) -> bool:
        """Tell whether there are results."""
        return self.progress(key).state == DONE

    def stored(self, key: object) -> Stored:
        """Give an analysed recording."""
        return read_store(self.library.folder(key) / ANALYSED)

    def beats(self, key: object, threshold: float) -> tuple[Stored, pd.DataFrame]:
        """Give an analysed recording, and its beats at a threshold."""
        folder = self.library.folder(key) / ANALYSED
        return read_store(folder), _cut(folder, threshold)

    def close(self) -> None:
        """End all work and delete the recordings."""
        self.players.close()
        self.library.close()
        self.jobs.close()


def workbench_for(config: Config, demo: Config) -> Workbench:
    """Make a workbench for a model, or for the demo's if that alone is there and the user takes it."""
    try:
        return Workbench(check_detector(config, warn))
    except UserError as error:
        return Workbench(config, str(error), _if_there(demo))


@functools.lru_cache(maxsize=_CUTS)
def _cut(folder: Path, threshold: float) -> pd.DataFrame:
    return cut(read_store(folder), threshold)


def _if_there(config: Config) -> Config | None:
    try:
        return check_detector(config, warn)
    except UserError:
        return None
