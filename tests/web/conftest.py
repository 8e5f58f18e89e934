"""What the tests of the web application share: a detector, and a recording that it has analysed."""

import pytest

from ecg_anomaly.findings.store import read_store
from ecg_anomaly.web.jobs import ANALYSED, Job, analyse, announce
from tests.web.web_parts import detector_of


@pytest.fixture(scope="session")
def detector(finished):
    return detector_of(finished)


@pytest.fixture(scope="session")
def stored(finished, detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    job = Job(folder, finished.records / "simdb/s007", "s007")
    announce(job)
    analyse(detector, job)
    return read_store(folder / ANALYSED)


@pytest.fixture(scope="session")
def threshold(stored):
    return float(stored.threshold.threshold)
