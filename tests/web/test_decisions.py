"""What the user decides about an analysed recording."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.errors import UserError
from ecg_anomaly.evaluation.metrics import threshold_figures
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import read_store
from ecg_anomaly.web import decisions, figures, signal_figure
from ecg_anomaly.web.jobs import ANALYSED, Job, analyse, announce
from tests.web.web_parts import config_of


def test_a_recording_without_beats(detector, tmp_path):
    (tmp_path / "flat.csv").write_text("time,II\n" + "".join(f"{i / 250},0.0\n" for i in range(5000)))
    job = Job(tmp_path, tmp_path / "flat.csv", "flat")
    announce(job)
    assert analyse(detector, job).beats == 0
    empty = read_store(tmp_path / ANALYSED)
    assert len(empty.beats) == len(empty.shapes) == 0
    reviewed = review(empty, 1.0)
    assert decisions.outcome(reviewed).flagged == 0
    assert decisions.nearest(np.empty(0, dtype=int), np.empty(0), 1.0) is None
    assert figures.overview(reviewed).layout.height
    assert signal_figure.signal(reviewed, (0.0, 20.0))["layout"]["height"]
    assert "data-lead" in figures.paper(reviewed, 0.0, None)


def test_the_threshold_of_the_model_flags_what_the_analysis_flagged(stored):
    reviewed = review(stored)
    pd.testing.assert_frame_equal(reviewed.beats[list(stored.beats)], stored.beats, check_dtype=False)


def test_a_mark_decides_for_its_own_beat(stored, threshold):
    flagged = stored.beats["flagged"].to_numpy(dtype=bool)
    wrong, right = np.flatnonzero(flagged)[0], np.flatnonzero(~flagged & stored.beats["readable"])[0]
    marked = review(stored, marks={int(wrong): "wrong", int(right): "right"}).beats
    assert marked.loc[[wrong, right], "flagged"].tolist() == [False, True]
    assert marked.loc[[wrong, right], "mark"].tolist() == ["wrong", "right"]
    assert (marked.loc[wrong, ["called", "reason"]] == "").all() and (
        marked.loc[right, ["called", "reason"]] != ""
    ).all()
    pd.testing.assert_series_equal(marked["anomaly_score"], stored.beats["anomaly_score"])


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
    reviewed = review(stored, threshold)
    beats, outcome = reviewed.beats, decisions.outcome(reviewed)
    compared = stored.compared
    classes = np.concatenate([compared.classes, compared.missed])
    flagged = np.concatenate([beats["flagged"].to_numpy(), np.zeros(len(compared.missed), dtype=bool)])
    assert outcome.figures == threshold_figures(classes, flagged, stored.duration_s / 3600)
    alarms = (flagged & (classes == "N")).sum()
    assert outcome.per_hour(outcome.false_alarms) == pytest.approx(alarms / (stored.duration_s / 3600), rel=0.05)
    assert 0 < (compared.classes != "N").sum() < len(beats)
    assert compared.matched.mean() > 0.98


def test_thresholds_to_choose_from_are_round():
    around = {4.5875264: (0.0, 13.8, 0.05, 2), -0.5: (-3.0, 3.0, 0.05, 2), 812.3: (0.0, 2440.0, 5.0, 0)}
    for own, expected in around.items():
        scale = decisions.scale(own)
        assert (scale.lowest, scale.highest, scale.step, scale.decimals) == pytest.approx(expected)


def test_the_model_s_own_threshold_is_known_by_what_is_shown_of_it():
    own = 4.5875264
    for asked in (None, "", own, 4.59):
        assert decisions.chosen_threshold(asked, own) is None
    assert decisions.chosen_threshold(4.6, own) == 4.6


@pytest.mark.parametrize("asked", ["4,5", float("nan"), float("inf"), True, [1]])
def test_what_is_no_threshold(asked):
    with pytest.raises(UserError, match="no threshold"):
        decisions.chosen_threshold(asked, 4.5)


def test_test_patients_are_a_guide(finished):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    tested = decisions.read_tested(config_of(finished).paths.outputs)
    alarms_per_hour, sensitivity = decisions.outcome_of_test(tested, scores["threshold"][0] - 1)
    flagged = scores["anomaly_score"] > scores["threshold"] - 1
    normal = ~scores["anomalous"]
    assert sensitivity == pytest.approx(flagged[~normal].mean())
    assert alarms_per_hour == pytest.approx((flagged & normal).sum() / (scores["rr_before_s"].sum() / 3600))
