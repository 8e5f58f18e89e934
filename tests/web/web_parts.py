"""What the tests of the web application share."""

import functools
from concurrent import futures

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import read_detector
from tests.conftest import Workspace


class HereAndNow(futures.Executor):
    """Analyses at once, in this process."""

    def __init__(self, detector):
        self.detector = detector

    def submit(self, _call, work, job):
        done = futures.Future()
        try:
            done.set_result(work(self.detector, job))
        except UserError as error:
            done.set_exception(error)
        return done


def config_of(workspace: Workspace):
    """Settings of a workspace, as a script loads them."""
    return load_config(None, workspace.settings()[1::2])


@functools.cache
def detector_of(workspace: Workspace):
    """Detector of a finished workspace."""
    return read_detector(config_of(workspace))
