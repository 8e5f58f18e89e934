"""Detectors of other processes: read once in each, and only if they are those that were meant."""

import shutil

import pytest

from ecg_anomaly import workers
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import check_detector
from ecg_anomaly.workers import WhichDetector, with_detector
from tests.conftest import Workspace
from tests.test_processes import AtOnce


def config_of(workspace: Workspace):
    return check_detector(load_config(overrides=workspace.settings()[1::2]))


def threshold_and_sum(detector, *numbers):
    return detector.threshold.threshold, sum(numbers)


def test_a_process_reads_a_detector_once(finished: Workspace, detector, monkeypatch):
    config, read = config_of(finished), []
    monkeypatch.setattr(workers, "read_detector", lambda *_: read.append(1) or detector)
    workers._read.cache_clear()
    calls = ((number, 1) for number in range(3))
    done = sorted(with_detector(threshold_and_sum, calls, config, executors=AtOnce))
    cut_at = detector.threshold.threshold
    assert done == [(number, (cut_at, number + 1)) for number in range(3)]
    assert list(with_detector(threshold_and_sum, [(5,)], config)) == [(0, (cut_at, 5))]
    assert list(with_detector(threshold_and_sum, [], config)) == []
    assert len(read) == 1


def test_a_detector_that_was_replaced_meanwhile_is_told(finished: Workspace, tmp_path):
    shutil.copytree(finished.models, tmp_path / "models")
    shutil.copytree(finished.outputs, tmp_path / "outputs")
    config = config_of(Workspace(tmp_path, finished.records))
    which = WhichDetector.of(config)
    assert which.model == WhichDetector.of(config_of(finished)).model
    manifest = tmp_path / "models" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"reference.npz": "', '"reference.npz": "0'))
    with pytest.raises(UserError, match="is another one than when this run began; run again"):
        which.read()
