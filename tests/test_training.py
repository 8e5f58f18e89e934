"""Trainings side by side: what each leaves out, and that all end together."""

import importlib.util
import json
import re
import signal
from pathlib import Path

import pandas as pd
import pytest

from ecg_anomaly import training
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.measures import LOG_ODDS
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import read_table
from ecg_anomaly.handover.model import read_left_out
from tests.conftest import Workspace

FOLDS = (
    *("split.train=['simdb/s00[1-4]']", "split.validation=[]", "training.folds=2"),
    "model.architecture=dense",  # the quickest to build
)


def settings(run: Workspace, *overrides: str):
    return load_config(overrides=run.settings(*overrides)[1::2])


def test_every_patient_is_left_out_once(finished: Workspace, tmp_path: Path):
    own, *folds = training._plan(tmp_path, settings(finished, *FOLDS), lambda line: None)
    odd, even = ["simdb/s001", "simdb/s003"], ["simdb/s002", "simdb/s004"]
    assert (own.learned, own.unseen) == ({*odd, *even}, [])
    assert [(its.learned, [record.name for record in its.unseen]) for its in folds] == [
        (set(even), odd),
        (set(odd), even),
    ]


def test_all_records_of_a_patient_are_left_out_together(finished: Workspace, tmp_path: Path):
    same = "split.same_patient=[[simdb/s002, simdb/s003]]"
    _, *folds = training._plan(tmp_path, settings(finished, *FOLDS, same), lambda line: None)
    assert [[record.name for record in its.unseen] for its in folds] == [
        ["simdb/s001", "simdb/s004"],
        ["simdb/s002", "simdb/s003"],
    ]


def test_training_without_tensorflow_says_how_to_install_it(finished: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'^training a model needs tensorflow; .* pip install "\.\[train\]"$'):
        training.train_model(None, settings(finished), print)


def test_too_few_patients_for_the_folds_are_told(finished: Workspace, tmp_path: Path):
    with pytest.raises(UserError, match=r"split\.train has only 4 patients for the 5 groups of training\.folds"):
        training._plan(tmp_path, settings(finished, "split.validation=[]", "training.folds=5"), lambda line: None)


def test_validation_beats_are_scored_where_there_are_any(finished: Workspace):
    left_out, beats = read_left_out(finished.models), read_table(finished.processed)
    validating = beats[beats["split"] == "validation"].reset_index(drop=True)
    pd.testing.assert_frame_equal(left_out[list(beats.columns)], validating)
    assert left_out.columns[-2:].tolist() == list(LOG_ODDS)
    assert left_out[list(LOG_ODDS)].notna().all(axis=None)


@pytest.fixture(scope="module")
def folded(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A run with folds, and what its training said; Ctrl-C came when the first training had ended an epoch."""
    run = Workspace(tmp_path_factory.mktemp("folded"), finished.records)
    assert run.preprocess(*FOLDS) == 0
    process = run.start("train_model.py", *FOLDS, "training.epochs=100000")
    said = ""
    for line in process.stdout:
        said += line
        if "epoch   " in line and "interrupted" not in said:
            process.send_signal(signal.SIGINT)
            said += "interrupted\n"
    assert process.wait() == 0, process.stderr.read()
    return run, said


def test_all_trainings_say_how_they_go_and_end_at_ctrl_c(folded: tuple[Workspace, str]):
    run, said = folded
    assert "ending with the weights so far (Ctrl-C again to end at once)" in said
    for name in ("", "fold 1: ", "fold 2: "):
        assert re.search(rf"^{name}epoch +\d+/100000  loss ", said, re.MULTILINE)
    assert json.loads((run.models / "manifest.json").read_text())["interrupted"] is True


def test_folds_score_all_training_patients(folded: tuple[Workspace, str]):
    run, _ = folded
    left_out, beats = read_left_out(run.models), read_table(run.processed)
    training_beats = beats[beats["split"] == "train"].reset_index(drop=True)
    pd.testing.assert_frame_equal(left_out[list(beats.columns)], training_beats)
    assert left_out["log_odds_V"].notna().all()
    history = pd.read_csv(run.models / "history.csv")
    assert list(history.columns) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]


def test_the_threshold_comes_from_patients_left_out(folded: tuple[Workspace, str]):
    run, _ = folded
    assert run.evaluate(*FOLDS, "training.epochs=100000") == 0
    threshold = json.loads((run.outputs / "threshold.json").read_text())
    assert threshold["patients"] == 4
