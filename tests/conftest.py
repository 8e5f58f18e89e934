"""What several tests share: real records where they are, and a pipeline run on simulated ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

import evaluate_model
import preprocess_data
import train_model
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database
from tests.scripts.paused import PAUSED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from ecg_anomaly.detector.scorer import TrainedDetector
    from ecg_anomaly.storage import Url

ROOT = Path(__file__).resolve().parent.parent

# Small enough to train in seconds, large enough to tell beats apart.
SMALL_RUN = (
    "simulation={patients: 8, minutes: 2, seed: 1}",
    "split.train=[simdb/s001, simdb/s002, simdb/s003, simdb/s004]",
    "split.validation=[simdb/s005, simdb/s006]",
    "split.test=[simdb/s007, simdb/s008]",
    "training.epochs=8",
    "training.batch_size=32",
    "evaluation.resamples=10",
)

# The files of tests that take longest.
LONGEST = {
    *("test_browser", "test_real_records", "test_bad_input", "test_report", "test_autoencoder"),
    *("test_detect_anomalies", "test_session", "test_labelled", "test_noise_stress", "test_server"),
    *("test_training", "test_rerun", "test_litert", "test_measures", "test_accessibility", "test_cluster"),
}

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


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

    def start_paused(self, script: str, place: str, *overrides: str, options: Sequence[str] = ()) -> subprocess.Popen:
        """Start a script and wait until it has come to a place, where it stays; see `tests.scripts.paused`."""
        command = [sys.executable, "-m", "tests.scripts.paused", place, script, *options, *self.settings(*overrides)]
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, **streams, text=True, cwd=ROOT)
        if PAUSED not in map(str.strip, process.stdout):
            pytest.fail(f"the script ended: {process.communicate()}")
        return process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the longest files, so that no process waits long for another at the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> MadeOnce:
    """Fills a folder once for all processes of a test run, which wait for the one that does; each gets its own copy."""
    own = tmp_path_factory.getbasetemp()
    shared = (own if worker_id == "master" else own.parent) / "made_once"
    shared.mkdir(exist_ok=True)

    def copy_of(name: str, fill: Callable[[Path], None]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).exists():
                fill(shared / f"{name}.incomplete")
                (shared / f"{name}.incomplete").rename(shared / name)
        return shutil.copytree(shared / name, own / name)

    return copy_of


@pytest.fixture(scope="session")
def simulated_records(made_once: MadeOnce) -> Path:
    """A folder that holds the database simdb: eight short records. Tests copy what they change."""
    return made_once("records", lambda folder: write_database(folder / "simdb", patients=8, minutes=2, seed=1))


@pytest.fixture
def workspace(tmp_path: Path, simulated_records: Path) -> Workspace:
    """An empty workspace on the simulated records."""
    return Workspace(tmp_path, simulated_records)


@pytest.fixture(scope="session")
def finished(made_once: MadeOnce, simulated_records: Path) -> Workspace:
    """A workspace in which the first three scripts have run. Tests only read it, or copy it."""

    def run(folder: Path) -> None:
        made = Workspace(folder, simulated_records)
        assert (made.preprocess(), made.train(), made.evaluate()) == (0, 0, 0)

    return Workspace(made_once("finished", run), simulated_records)


@pytest.fixture(scope="session")
def detector(finished: Workspace) -> TrainedDetector:
    """The detector of the finished pipeline."""
    from ecg_anomaly.config import load_config
    from ecg_anomaly.handover.model import check_detector, read_detector

    config = load_config(overrides=finished.settings()[1::2])
    check_detector(config)
    return read_detector(config)


@pytest.fixture(scope="session")
def bucket(simulated_records: Path) -> Iterator[Url]:
    """A bucket of S3 on this machine that holds two of the simulated records, with its credentials."""
    from ecg_anomaly import storage

    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        made = storage.Url("s3://recordings")
        storage._storage(made).mkdir("recordings")
        names = [f"simdb/{name}.{part}" for name in ("s007", "s008") for part in ("hea", "dat")]
        storage.upload(simulated_records, names, made)
        yield made
    server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, one for all tests of a process: Playwright runs once in each."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from tools.browser import browsing

    try:
        with browsing() as started:
            yield started
    except UserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def real_records() -> Path:
    """The folder that holds ``mitdb``: ECG_RECORDS, else data/raw, else ../shared."""
    named = os.environ.get("ECG_RECORDS")
    for folder in [Path(named)] if named else [ROOT / "data" / "raw", ROOT.parent / "shared"]:
        if (folder / "mitdb" / "100.dat").is_file():
            return folder
    pytest.skip("the MIT-BIH Arrhythmia Database is not here: set ECG_RECORDS to the folder that holds mitdb")
