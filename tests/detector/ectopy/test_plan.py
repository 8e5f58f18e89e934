import dataclasses

import numpy as np
import pytest

from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.plan import Plan, make_plan
from ecg_anomaly.detector.ectopy.rhythms import Rhythms
from tests.detector.ectopy.hand_made import regular_rhythms

MANY = 20_000
NORMAL = ("following", "leading", "blocked")


def plan(rhythms: Rhythms | None = None, ectopic_share: float = 0.5) -> Plan:
    return make_plan(rhythms or regular_rhythms(MANY), ectopic_share, Draws(1))


@pytest.mark.parametrize("ectopic_share", [0.0, 0.2, 0.8])
def test_half_of_the_ectopic_share_is_premature_and_half_ventricular(ectopic_share):
    made = plan(ectopic_share=ectopic_share)
    assert made.premature.mean() == pytest.approx(ectopic_share / 2, abs=0.02)
    assert made.ventricular.mean() == pytest.approx(ectopic_share / 2, abs=0.02)
    assert not (made.premature & made.ventricular).any()


def test_no_atrial_beat_is_premature_in_fibrillation_and_no_ventricular_one_early():
    made = plan(regular_rhythms(MANY, fibrillating=True))
    assert not made.premature.any()
    assert not made.early.any()
    assert made.ventricular.mean() == pytest.approx(0.25, abs=0.02)


def test_no_beat_is_premature_in_a_fast_rhythm():
    fast = dataclasses.replace(regular_rhythms(MANY), fast=np.ones(MANY, dtype=bool))
    assert not plan(fast).premature.any()


def test_what_is_said_of_ectopic_beats_fits_together():
    made = plan()
    assert not (made.fusion & ~made.ventricular).any()
    assert not (made.early & ~(made.premature | made.ventricular)).any()
    assert not ((made.early & made.late) | (made.early & made.fusion) | (made.late & made.fusion)).any()
    assert not (made.run & ~made.early).any()
    assert made.fusion.any()
    assert made.late.any()


@pytest.mark.parametrize("situation", NORMAL)
def test_situations_are_those_of_normal_beats(situation):
    made = plan()
    assert getattr(made, situation).any()
    assert not (getattr(made, situation) & (made.premature | made.ventricular)).any()


def test_runs_are_long_and_short_and_end_with_the_beat():
    made = plan()
    lengths = made.run_length[made.run]
    assert np.median(lengths) < 20
    assert lengths.max() > 50
    in_run = made.in_run(8)
    np.testing.assert_array_equal(in_run.sum(axis=1), np.minimum(made.run_length, 8))
    assert (np.diff(in_run.astype(int), axis=1) >= 0).all()


def test_equal_seeds_make_equal_plans():
    first, again = (vars(plan()) for _ in range(2))
    assert first.keys() == {field.name for field in dataclasses.fields(Plan)}
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
