import dataclasses

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold
from ecg_anomaly.handover.scores import read_evaluation, read_scores, write_evaluation
from ecg_anomaly.manifest import handover, write_json
from tests.handover_files import evaluation_of, noise_table, write_run


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return evaluation_of(write_run(tmp_path_factory.mktemp("run")))


@pytest.mark.parametrize("noise", [None, noise_table()], ids=["without noise", "with noise"])
def test_an_evaluation_is_read_as_it_was_written(found, noise, tmp_path):
    with handover(tmp_path) as output:
        write_evaluation(output, dataclasses.replace(found, noise=noise))
        write_json(output.path("manifest.json"), {})
    files = {path.name for path in tmp_path.iterdir()}
    read = read_evaluation(tmp_path, files)
    for name in ("scores", "baselines", "confusion", "classification", "per_record"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(found, name), check_dtype=False)
    np.testing.assert_array_equal(read.reconstructions, found.reconstructions)
    assert (read.threshold, read.metrics) == (found.threshold, found.metrics)
    assert (read.noise is None) == (noise is None)
    if noise is not None:
        pd.testing.assert_frame_equal(read.noise, noise)
    assert list(read_scores(tmp_path, ["record", "flagged"]).columns) == ["record", "flagged"]


def test_noise_of_an_earlier_run_is_not_taken_for_that_of_this_one(found, tmp_path):
    with handover(tmp_path) as output:
        write_evaluation(output, dataclasses.replace(found, noise=noise_table()))
        write_json(output.path("manifest.json"), {})
    assert read_evaluation(tmp_path, files=["scores.csv"]).noise is None


@pytest.mark.parametrize("method", ["percentile", "false_alarms_per_hour"])
def test_threshold_file_holds_the_setting_of_its_method_alone(found, method):
    threshold = find_threshold(found.scores, load_config(overrides=[f"threshold.method={method}"]).threshold)
    content = threshold.to_json()
    assert content.keys() == {"method", "threshold", method, "normal_beats", "patients", "rates_per_hour"}
    assert FittedThreshold(**content) == threshold


def test_beats_that_are_not_flagged_are_read_without_a_name(found, tmp_path):
    found.scores.to_csv(tmp_path / "scores.csv", index=False)
    called = read_scores(tmp_path, ["flagged", "called"])
    assert set(called["called"]) == {"V", "S", "other", ""}
    assert (called["called"] == "").equals(~called["flagged"])
