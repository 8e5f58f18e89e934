"""A trained model keeps to the settings that it was made with, whatever those of the run say."""

import json
import shutil

import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import check_detector
from tests.conftest import Workspace


def settings(run: Workspace, *overrides: str):
    return load_config(overrides=run.settings(*overrides)[1::2])


def check(config):
    lines = []
    return check_detector(config, lines.append), lines


def test_settings_that_agree_are_taken_without_a_word(finished: Workspace):
    config = settings(finished)
    assert check(config) == (config, [])


@pytest.mark.parametrize(
    "override",
    [
        *("split.test=[simdb/s001]", "evaluation.resamples=3", "noise.seed=4", "labels.aami={j: S}"),
        *("training.litert=true", "rhythm_events.pause_s=3"),
    ],
)
def test_settings_that_shape_no_detector_are_those_of_the_run(finished: Workspace, override):
    config = settings(finished, override)
    assert check(config) == (config, [])


def test_a_model_keeps_its_settings_and_a_contradiction_is_named(finished: Workspace):
    config = settings(finished, "beat.window_before_s=0.25", "records.leads=[V5]", "threshold.percentile=90")
    own, [line] = check(config)
    made_with = settings(finished)
    assert (own.beat, own.records, own.threshold) == (made_with.beat, made_with.records, made_with.threshold)
    assert line.startswith(f"{finished.models}: the model keeps to the settings that it was made with: ")
    assert "beat.window_before_s is 0.4, not 0.25" in line
    assert "threshold.percentile is 95.0, not 90.0" in line
    assert line.endswith("run the four scripts again to change that")


def test_where_records_lie_and_what_annotates_them_is_said_by_the_run(finished: Workspace):
    own, lines = check(settings(finished, "records.annotator=qrs", "records.lead_count=1"))
    assert (own.records.annotator, own.records.lead_count) == ("qrs", 2)
    assert len(lines) == 1


def test_many_contradictions_are_counted(finished: Workspace):
    changed = ["beat.start_s=5", "rhythm.recent_beats=9", "patient.recent_beats=9", "model.latent_size=2"]
    _, [line] = check(settings(finished, *changed))
    assert "(and 1 more)" in line


def test_a_model_that_lacks_a_setting_is_of_another_version(finished: Workspace, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "run")
    run = Workspace(tmp_path / "run", finished.records)
    manifest = json.loads((run.outputs / "manifest.json").read_text())
    del manifest["config"]["rhythm"]["in_time"]
    (run.outputs / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="was made by another version of this project; run the four scripts again"):
        check_detector(settings(run))
