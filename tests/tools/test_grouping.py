"""How groups and marks are measured."""

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.findings.groups import REST
from tests.findings.alike_beats import CONFIG, NORMAL, made_up, mixed
from tools import grouping

KINDS = mixed(600)


@pytest.fixture(scope="module")
def record():
    beats, windows = made_up(KINDS)
    score = np.where(beats["flagged"], 10.0, 1.0)
    classes = np.array(["N", "V", "S", "N"])[KINDS]  # who flags noise raises a false alarm
    about = {"record": "db/a", "aami_class": classes, "anomalous": classes != "N", "anomaly_score": score}
    return grouping.grouped(beats.assign(**about), windows, CONFIG)


def test_purity_counts_the_rest_as_a_group():
    classes = pd.Series(["V", "V", "S", "N", "S"])
    assert grouping.pure(classes, np.array([1, 1, 1, REST, REST])) == 3
    assert grouping.pure(classes[:0], np.empty(0)) == 0


def test_marks_lower_false_alarms(record):
    assert record.beats.loc[KINDS == NORMAL, "flagged"].sum() == 0
    for what in ("groups", "beats"):
        taught = grouping.taught_by([record], what, 5.0)
        assert taught["marks"] <= 10
        assert taught["after, as sensitive"] < taught["false alarms"] / 2
    assert taught["unmarked false alarms"] < taught["false alarms"]


def test_a_record_without_flagged_beats_has_figures(record):
    beats = record.beats[KINDS == NORMAL].reset_index(drop=True)
    quiet = grouping.grouped(beats.drop(columns="group"), record.windows[KINDS == NORMAL], CONFIG)
    assert grouping._figures(quiet)["flagged groups"] == 0
