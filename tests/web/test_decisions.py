"""What the user decides about an analysed recording."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.detector.measures import MEASURES
from ecg_anomaly.evaluation.metrics import threshold_figures
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import read_store
from ecg_anomaly.web import decisions, figures
from ecg_anomaly.web.jobs import ANALYSED, Job, analyse, announce
from ecg_anomaly.words import CALLED
from tests.web.web_parts import config_of


def test_a_recording_without_beats(detector, tmp_path):
    (tmp_path / "flat.csv").write_text("time,II\n" + "".join(f"{i / 250},0.0\n" for i in range(5000)))
    job = Job(tmp_path, tmp_path / "flat.csv", "flat")
    announce(job)
    assert analyse(detector, job).beats == 0
    empty = read_store(tmp_path / ANALYSED)
    assert len(empty.beats) == len(empty.shapes) == 0
    beats = review(empty, 1.0).beats
    assert decisions.outcome(empty, beats).flagged == 0
    assert decisions.step(decisions.listed(beats, "time", CALLED, MEASURES), np.empty(0), None, 1) is None
    assert figures.overview(empty, beats).layout.height


def test_the_threshold_of_the_model_flags_what_the_analysis_flagged(stored):
    reviewed = review(stored)
    pd.testing.assert_frame_equal(reviewed.beats[list(stored.beats)], stored.beats, check_dtype=False)
    assert {name: reviewed.summary[name] for name in stored.summary} == stored.summary


def test_flags_at_another_threshold(stored, threshold):
    beats = review(stored, threshold - 1).beats
    above = stored.beats["anomaly_score"] > threshold - 1
    np.testing.assert_array_equal(beats["flagged"], above & stored.beats["readable"])
    assert beats["flagged"].sum() > stored.beats["flagged"].sum()
    for name in ("called", "reason"):
        assert ((beats[name] != "") == beats["flagged"]).all()


def test_nothing_within_a_fibrillation_is_flagged(stored):
    lost = dataclasses.replace(stored, beats=stored.beats.assign(event=FIBRILLATION))
    beats = review(lost, 0.0).beats
    assert not beats["flagged"].any()
    assert (beats[["called", "reason"]] == "").all(axis=None)


def test_figures_are_those_of_the_metrics(stored, threshold):
    beats = review(stored, threshold).beats
    outcome = decisions.outcome(stored, beats)
    compared = stored.compared
    classes = np.concatenate([compared.classes, compared.missed])
    flagged = np.concatenate([beats["flagged"].to_numpy(), np.zeros(len(compared.missed), dtype=bool)])
    assert outcome.figures == threshold_figures(classes, flagged, stored.duration_s / 3600)
    alarms = (flagged & (classes == "N")).sum()
    assert outcome.per_hour(outcome.false_alarms) == pytest.approx(alarms / (stored.duration_s / 3600), rel=0.05)
    assert 0 < (compared.classes != "N").sum() < len(beats)
    assert compared.matched.mean() > 0.98


def test_the_list_is_ordered_and_filtered(stored, threshold):
    beats = review(stored, threshold).beats
    by_score = decisions.listed(beats, decisions.BY_SCORE, CALLED, MEASURES)
    assert (np.diff(beats["anomaly_score"].to_numpy()[by_score]) <= 0).all()
    assert sorted(by_score) == decisions.listed(beats, decisions.BY_TIME, CALLED, MEASURES).tolist()
    assert len(by_score) == beats["flagged"].sum() > 0
    for column, value in (("called", beats["called"].iloc[by_score[0]]), ("reason", "rhythm")):
        only = {"called": CALLED, "reason": MEASURES, column: [value]}
        rows = decisions.listed(beats, decisions.BY_TIME, *only.values())
        np.testing.assert_array_equal(rows, np.flatnonzero(beats[column] == value))
    assert len(decisions.listed(beats, decisions.BY_TIME, CALLED, [])) == 0


@pytest.mark.parametrize(
    ("current", "by", "expected"), [(None, 1, 7), (7, 1, 2), (2, -1, 7), (7, -1, 7), (5, 1, 5), (5, -1, 2), (3, 1, 2)]
)
def test_stepping_through_a_list(current, by, expected):
    rows, times_s = np.array([7, 2, 5]), np.arange(10.0)
    assert decisions.step(rows, times_s, current, by) == expected


def test_test_patients_are_a_guide(finished):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    tested = decisions.read_tested(config_of(finished).paths.outputs)
    alarms_per_hour, sensitivity = decisions.outcome_of_test(tested, scores["threshold"][0] - 1)
    flagged = scores["anomaly_score"] > scores["threshold"] - 1
    normal = ~scores["anomalous"]
    assert sensitivity == pytest.approx(flagged[~normal].mean())
    assert alarms_per_hour == pytest.approx((flagged & normal).sum() / (scores["rr_before_s"].sum() / 3600))
