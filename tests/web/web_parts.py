"""What the tests of the web application share."""

import functools

from ecg_anomaly.config import load_config
from ecg_anomaly.handover.model import read_detector
from tests.conftest import Workspace


def config_of(workspace: Workspace):
    """Settings of a workspace, as a script loads them."""
    return load_config(None, workspace.settings()[1::2])


@functools.cache
def detector_of(workspace: Workspace):
    """Detector of a finished workspace."""
    return read_detector(config_of(workspace))
