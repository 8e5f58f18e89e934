import numpy as np
import pytest

from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.plan import Plan, make_plan
from ecg_anomaly.detector.ectopy.rhythms import AFTER, BEFORE
from ecg_anomaly.detector.ectopy.timing import with_timing
from tests.detector.ectopy.hand_made import regular_rhythms

RR_S, MANY = 0.85, 6000


def timed(coupling: float = np.nan) -> tuple[Plan, np.ndarray, np.ndarray]:
    """Plan, RR intervals as shares of the usual one, and by how much beats are late, in a regular rhythm."""
    rhythms = regular_rhythms(MANY, RR_S, coupling)
    plan = make_plan(rhythms, 0.5, Draws(1))
    tachograms, late_s = with_timing(rhythms, plan, Draws(2))
    return plan, np.exp(tachograms) / RR_S, late_s


PLAN, RATIOS, LATE_S = timed()
BEFORE_IT, AFTER_IT = RATIOS[:, BEFORE], RATIOS[:, AFTER]


def test_early_beats_come_early_and_none_in_the_refractory_time():
    assert BEFORE_IT[PLAN.early].max() < 0.96
    assert BEFORE_IT[PLAN.early].min() * RR_S > 0.29
    assert np.quantile(BEFORE_IT[PLAN.early], 0.1) < 0.6  # some very early
    assert np.quantile(BEFORE_IT[PLAN.early], 0.9) > 0.8  # some hardly


def test_ectopic_beats_mostly_come_like_those_before_them():
    coupling = np.log(0.63)
    plan, ratios, _ = timed(coupling)
    alike = np.abs(np.log(ratios[plan.early, BEFORE]) - coupling) < 0.12
    assert 0.55 < alike.mean() < 0.9


@pytest.mark.parametrize(("kind", "share"), [("premature", 0.15), ("ventricular", 0.35)])
def test_compensatory_pauses_end_when_the_beat_was_due(kind, share):
    early = PLAN.early & getattr(PLAN, kind)
    in_time = np.abs(BEFORE_IT + AFTER_IT - 2)[early] < 0.12
    assert in_time.mean() > share


def test_some_ventricular_beats_are_interpolated():
    very_early = PLAN.early & PLAN.ventricular & (BEFORE_IT < 0.65)
    between = np.abs(BEFORE_IT + AFTER_IT - 1.1)[very_early] < 0.02
    assert between.mean() > 0.02


def test_escape_beats_come_late_and_fusion_beats_in_time():
    assert BEFORE_IT[PLAN.late].min() > 1.04
    assert np.abs(np.log(BEFORE_IT[PLAN.fusion])).max() < 0.16
    assert np.abs(np.log(AFTER_IT[PLAN.fusion])).max() < 0.16


def test_beats_of_a_run_come_as_early_as_the_last_one():
    run = PLAN.run & (PLAN.run_length >= 3)
    differences = np.log(RATIOS[run, BEFORE - 3 : BEFORE] / BEFORE_IT[run, np.newaxis])
    assert np.abs(differences).mean() < 0.06
    alone = PLAN.early & ~PLAN.run
    np.testing.assert_allclose(RATIOS[alone, :BEFORE], 1, rtol=1e-4)


def test_normal_beats_beside_ectopic_ones():
    assert RATIOS[PLAN.following, BEFORE - 1].max() < 0.95
    in_time = np.abs(RATIOS[:, BEFORE - 1] + BEFORE_IT - 2)[PLAN.following] < 1e-3
    assert in_time.mean() > 0.35
    assert AFTER_IT[PLAN.leading].max() < 0.95


def test_other_beats_come_as_they_came():
    beside = (*(PLAN.premature, PLAN.ventricular, PLAN.following, PLAN.leading),)
    np.testing.assert_allclose(RATIOS[~np.any(beside, axis=0)], 1, rtol=1e-5)


def test_beats_are_late_by_what_they_come_after_they_were_due():
    np.testing.assert_allclose(LATE_S, (BEFORE_IT - 1) * RR_S, atol=1e-4)
