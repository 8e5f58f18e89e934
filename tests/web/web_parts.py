"""What the tests of the web application share."""

import functools
import time

from ecg_anomaly.config import load_config
from ecg_anomaly.handover.model import read_detector
from ecg_anomaly.web.jobs import ANALYSED
from tests.conftest import Workspace


def config_of(workspace: Workspace):
    """Settings of a workspace, as a script loads them."""
    return load_config(None, workspace.settings()[1::2])


def no_detector(config, threshold):
    """Do nothing, where a process that analyses recordings would read the detector for seconds."""


def finish_when_told(work, job):
    """End an analysis without a detector as soon as its folder holds the file ``go on``."""
    while not (job.folder / "go on").exists():
        time.sleep(0.01)
    (job.folder / ANALYSED).mkdir()


@functools.cache
def detector_of(workspace: Workspace):
    """Detector of a finished workspace."""
    return read_detector(config_of(workspace))
