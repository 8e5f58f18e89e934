"""What several tests share: real records where they are, and a pipeline run on simulated ones."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import evaluate_model
import preprocess_data
import train_model
from ecg_anomaly.records.simulate import write_database
from tests.scripts.paused import PAUSED

ROOT = Path(__file__).resolve().parent.parent

# Small enough to train in seconds, large enough to tell beats apart.
SMALL_RUN = (
    "simulation={patients: 8, minutes: 2, seed: 1}",
    "split.train=[simdb/s001, simdb/s002, simdb/s003, simdb/s004]",
    "split.validation=[simdb/s005, simdb/s006]",
    "split.test=[simdb/s007, simdb/s008]",
    "training.epochs=3",
    "evaluation.resamples=10",
)


@dataclass(frozen=True)
class Workspace:
    """Folders of one pipeline, and a way to run its scripts as a user does."""

    folder: Path
    records: Path

    def settings(self, *overrides: str) -> list[str]:
        """Command-line options that keep a run inside the workspace."""
        paths = f"paths={{records: '{self.records}', processed: '{self.processed}', models: '{self.models}'"
        options = [f"{paths}, outputs: '{self.outputs}', tensorboard: null}}", *SMALL_RUN, *overrides]
        return [word for option in options for word in ("--set", option)]

    @property
    def processed(self) -> Path:
        return self.folder / "processed"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def preprocess(self, *overrides: str) -> int:
        return preprocess_data.main(self.settings(*overrides))

    def train(self, *overrides: str) -> int:
        return train_model.main(self.settings(*overrides))

    def evaluate(self, *overrides: str) -> int:
        return evaluate_model.main(self.settings(*overrides))

    def start(self, script: str, *overrides: str) -> subprocess.Popen:
        """Start a script as a process of its own, as from a terminal."""
        command = [sys.executable, str(ROOT / script), *self.settings(*overrides)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_paused(self, script: str, place: str, *overrides: str) -> subprocess.Popen:
        """Start a script and wait until it has come to a place, where it stays; see `tests.scripts.paused`."""
        command = [sys.executable, "-m", "tests.scripts.paused", place, script, *self.settings(*overrides)]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, **streams, text=True, cwd=ROOT)
        if PAUSED not in map(str.strip, process.stdout):
            pytest.fail(f"the script ended: {process.communicate()}")
        return process


@pytest.fixture(scope="session")
def simulated_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the database simdb: eight short records. Tests copy what they change."""
    records = tmp_path_factory.mktemp("records")
    write_database(records / "simdb", patients=8, minutes=2, seed=1)
    return records


@pytest.fixture
def workspace(tmp_path: Path, simulated_records: Path) -> Workspace:
    """An empty workspace on the simulated records."""
    return Workspace(tmp_path, simulated_records)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, simulated_records: Path) -> Workspace:
    """A workspace in which the first three scripts have run. Tests only read it, or copy it."""
    done = Workspace(tmp_path_factory.mktemp("finished"), simulated_records)
    assert (done.preprocess(), done.train(), done.evaluate()) == (0, 0, 0)
    return done


@pytest.fixture(scope="session")
def real_records() -> Path:
    """The folder that holds ``mitdb``: ECG_RECORDS, else data/raw, else ../shared."""
    named = os.environ.get("ECG_RECORDS")
    for folder in [Path(named)] if named else [ROOT / "data" / "raw", ROOT.parent / "shared"]:
        if (folder / "mitdb" / "100.dat").is_file():
            return folder
    pytest.skip("the MIT-BIH Arrhythmia Database is not here: set ECG_RECORDS to the folder that holds mitdb")
