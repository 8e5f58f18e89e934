"""What the parts of the application share: the model, the worklist of recordings, the records that are played."""

from __future__ import annotations

from pathlib import Path

from ecg_anomaly.commandline import warn
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import PACKAGED, check_detector, read_detector
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web.fields import NOTHING, Entered
from ecg_anomaly.web.jobs import Job
from ecg_anomaly.web.player import Players
from ecg_anomaly.web.workspace import Workspace
from ecg_anomaly.workers import detector_pool

EXAMPLE = "simulated-example"
_EXAMPLE_MINUTES, _EXAMPLE_SEED = 10.0, 3


class ServerState:
    """The state of the server.

    The detector is that of the settings ``config``, or the one that comes with the package; if neither can be used,
    ``problem`` says why. Recordings are kept in the folder ``workspace``, else in a temporary one, and analysed by as
    many processes at a time as ``workers``; without a number, one per core.
    """

    def __init__(self, config: Config, workspace: Path | None = None, workers: int | None = None):
        self.config, self.problem = _usable(config)
        self.recordings = Workspace(lambda: detector_pool(self.config, workers), workspace)
        self.players = Players(lambda: read_detector(self.config))

    @property
    def is_packaged(self) -> bool:
        """Whether the detector is the one that comes with the package."""
        return Path(self.config.paths.models) == PACKAGED

    def check_model(self) -> None:
        """Raise a `UserError` that says what to do where there is no detector."""
        if self.problem:
            raise UserError(self.problem)

    def open_record(self, name: str | None, entered: Entered = NOTHING) -> str:
        """Open a record, found as by `find_record`, and read it as was entered; give its key.

        Raises
        ------
        UserError
            When it is not found, or there is too much to do.
        """
        path = self.find_record(name)
        with self.recordings.opening() as (key, folder):
            self.recordings.analyse(Job(folder, path, str(name).rpartition("/")[2], entered))
        return key

    def records(self) -> dict[str, Path]:
        """Find the headers of the records that are on this machine, by their names, ``database/name``."""
        folders = reversed(self.config.paths.record_folders)  # of records with one name the first counts
        headers = [header for folder in folders for header in folder.glob("*/*.hea")]
        return dict(sorted((f"{header.parent.name}/{header.stem}", header) for header in headers))

    def find_record(self, name: str | None) -> Path:
        """Find the header of a record that is on this machine, by its name; `EXAMPLE` is simulated.

        Raises
        ------
        UserError
            When there is no such record, or no model.
        """
        self.check_model()
        if not name:
            raise UserError("choose a record first")
        if name == EXAMPLE:
            folder = self.recordings.root / "example"
            return folder / f"{write_database(folder, 1, _EXAMPLE_MINUTES, _EXAMPLE_SEED)[0]}.hea"
        path = self.records().get(name)  # what comes from a page is not taken for a path
        if path is None:
            raise UserError("there is no such record on this machine; choose one of the list")
        return path

    def close(self) -> bool:
        """End all work; say whether the folder of the recordings stays."""
        self.players.close()
        return self.recordings.close()


def _usable(config: Config) -> tuple[Config, str]:
    """Give the settings that a detector keeps to, and why it cannot be used; empty if it can."""
    try:
        return check_detector(config, warn), ""
    except UserError as error:
        return config, str(error)
