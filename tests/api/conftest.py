"""A detector and what it finds in a simulated recording, once for all tests of the interface in Python."""

from __future__ import annotations

import pytest

from ecg_anomaly.api.detector import Detector, load_detector
from ecg_anomaly.api.found import Found
from ecg_anomaly.records.simulate import SimulatedRecord, simulate_record


@pytest.fixture(scope="session")
def packaged() -> Detector:
    """The detector that comes with the package."""
    return load_detector()


@pytest.fixture(scope="session")
def recorded() -> SimulatedRecord:
    """A minute of two leads, in memory."""
    return simulate_record(patient=7, minutes=1, seed=1)


@pytest.fixture(scope="session")
def found(packaged: Detector, recorded: SimulatedRecord) -> Found:
    """What was found in it."""
    return packaged.analyse(recorded.signals_mv, recorded.sampling_rate_hz, recorded.leads, name="simulated")
