import dataclasses

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold
from ecg_anomaly.handover.scores import (
    begin_reconstructions,
    open_reconstructions,
    read_evaluation,
    read_scored_rows,
    read_scores,
    write_evaluation,
    write_reconstructions,
)
from ecg_anomaly.manifest import handover, write_json
from tests.handover_files import evaluation_of, noise_table, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def found(run):
    return read_evaluation(run.outputs, files=[])


@pytest.mark.parametrize("noise", [None, noise_table()], ids=["without noise", "with noise"])
def test_an_evaluation_is_read_as_it_was_written(run, noise, tmp_path):
    with handover(tmp_path) as output:
        found = dataclasses.replace(evaluation_of(run, output), noise=noise)
        write_evaluation(output, found)
        write_json(output.path("manifest.json"), {})
    files = {path.name for path in tmp_path.iterdir()}
    read = read_evaluation(tmp_path, files)
    for name in ("confusion", "classification", "per_record"):
        pd.testing.assert_frame_equal(getattr(read, name), getattr(found, name), check_dtype=False)
    assert (read.threshold, read.metrics) == (found.threshold, found.metrics)
    assert (read.noise is None) == (noise is None)
    if noise is not None:
        pd.testing.assert_frame_equal(read.noise, noise)
    assert list(read_scores(tmp_path, ["record", "flagged", "quality"]).columns) == ["record", "flagged"]


def test_some_rows_are_read_with_all_columns(run):
    whole, few = read_scores(run.outputs), read_scored_rows(run.outputs, np.array([700, 3, 3, 40]))
    pd.testing.assert_frame_equal(few, whole.loc[[3, 40, 700]])


def test_reconstructions_are_written_in_any_order(tmp_path):
    rows = np.random.default_rng(1).normal(size=(10, 12, 2)).astype(np.float32)
    with handover(tmp_path) as output:
        target = begin_reconstructions(output, rows.shape)
        for part in (slice(7, 10), slice(0, 2), slice(5, 5), slice(2, 7)):
            write_reconstructions(target, part.start, rows[part])
        write_json(output.path("manifest.json"), {})
    np.testing.assert_array_equal(open_reconstructions(tmp_path), rows)


def test_noise_of_an_earlier_run_is_not_taken_for_that_of_this_one(found, tmp_path):
    with handover(tmp_path) as output:
        write_evaluation(output, dataclasses.replace(found, noise=noise_table()))
        write_json(output.path("manifest.json"), {})
    assert read_evaluation(tmp_path, files=["scores.csv"]).noise is None


@pytest.mark.parametrize("method", ["percentile", "false_alarms_per_hour"])
def test_threshold_file_holds_the_setting_of_its_method_alone(run, method):
    settings = load_config(overrides=[f"threshold.method={method}"]).threshold
    threshold = find_threshold(read_scores(run.outputs), settings)
    content = threshold.to_json()
    assert content.keys() == {"method", "threshold", method, "normal_beats", "patients", "rates_per_hour"}
    assert FittedThreshold(**content) == threshold


def test_beats_that_are_not_flagged_are_read_without_a_name(run):
    called = read_scores(run.outputs, ["flagged", "called"])
    assert set(called["called"]) == {"V", "S", "other", ""}
    assert (called["called"] == "").equals(~called["flagged"])
