"""Marks, and what they teach."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ecg_anomaly.findings.marks import MOST, RIGHT, WRONG, Action, effect_of_marks, marks_of
from tests.findings.alike_beats import ATRIAL, NORMAL, VENTRICULAR, made_up, mixed, templates_of

KINDS = mixed(800)


def act(mark, *rows):
    return Action(rows, mark, "", "", datetime.now(UTC))


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return templates_of(tmp_path_factory.mktemp("templates") / "t", *made_up(KINDS))


def first_of(kind):
    return int(np.flatnonzero(kind == KINDS)[0])


def test_what_is_alike_is_lowered_and_raised(templates):
    marks = {first_of(ATRIAL): WRONG, first_of(VENTRICULAR): RIGHT}
    effect = effect_of_marks(templates, marks)
    assert (effect[KINDS == ATRIAL] < -MOST / 2).mean() > 0.9
    assert (effect[KINDS == VENTRICULAR] > MOST / 2).mean() > 0.9
    assert np.abs(effect[KINDS == NORMAL]).mean() < MOST / 4
    assert np.abs(effect).max() <= MOST
    assert effect[list(marks)].tolist() == [-MOST, MOST]


def test_undone_marks_leave_no_trace(templates):
    first, second = act(WRONG, first_of(ATRIAL)), act(RIGHT, first_of(VENTRICULAR))
    alone = effect_of_marks(templates, marks_of([first]))
    both = effect_of_marks(templates, marks_of([first, second]))
    assert (both != alone).any()
    taken_away = effect_of_marks(templates, marks_of([first, second, act("", first_of(VENTRICULAR))]))
    np.testing.assert_array_equal(taken_away, alone)
    assert not effect_of_marks(templates, {}).any()


def test_marks_that_disagree_outweigh_each_other(templates):
    its = np.flatnonzero(templates.of_beats == np.bincount(templates.of_beats).argmax())[:4].tolist()
    effect = effect_of_marks(templates, dict(zip(its, [WRONG, WRONG, WRONG, RIGHT], strict=True)))
    assert effect[its[0]] == pytest.approx(-MOST / 2)


def test_what_cannot_be_read_teaches_nothing(tmp_path):
    beats, windows = made_up(np.full(100, NORMAL))
    beats.loc[50, "readable"] = False
    templates = templates_of(tmp_path / "t", beats, windows)
    assert not effect_of_marks(templates, {50: WRONG}).any()
    assert effect_of_marks(templates, {10: WRONG})[50] == 0
