"""Groups of alike beats as pages show them."""

import numpy as np

from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.reports import group_pictures
from tests.reports.reviews import made_up_beats, reviewed_of


def flagged_rows(beats):
    return np.flatnonzero(beats["flagged"]).tolist()


def test_each_group_has_its_mean_beat_and_figures():
    reviewed = reviewed_of(made_up_beats())
    flagged, *_ = group_pictures.pictures(reviewed, reviewed.groups)
    assert flagged.name == f"1: {reviewed.groups[0].name}"
    assert flagged.figures[0] == "3 beats (100.0%)"
    assert flagged.mark == "not marked"
    assert len(flagged.lanes) == 2
    assert group_pictures.marks_words(reviewed) == ""


def test_marks_are_told_and_a_group_that_is_wrong_does_not_count():
    beats = made_up_beats()
    first, *others = flagged_rows(beats)
    wrong = reviewed_of(beats, marks=dict.fromkeys([first, *others], WRONG))
    assert group_pictures.pictures(wrong, wrong.groups)[0].mark == "marked wrong: does not count"
    assert not group_pictures.pictures(wrong, wrong.groups)[0].counts
    right = reviewed_of(beats, marks=dict.fromkeys([first, *others], RIGHT))
    assert group_pictures.pictures(right, right.groups)[0].mark == "marked right"
    assert group_pictures.marks_words(right).startswith("3 right, 0 wrong")


def test_groups_of_nothing():
    reviewed = reviewed_of(made_up_beats(flagged_s=()).head(0))
    assert group_pictures.pictures(reviewed, reviewed.groups) == []
    assert group_pictures.names_of(reviewed) == {0: "-"}
