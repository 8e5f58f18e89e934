"""Examples made of hand-made beats that all come after the same interval."""

import dataclasses

import numpy as np
import pytest

from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy import examples
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.examples import NORMAL, PREMATURE, VENTRICULAR, Examples, simulate
from ecg_anomaly.detector.ectopy.plan import Plan, make_plan
from ecg_anomaly.detector.ectopy.rhythms import AFTER, BEFORE, Rhythms, simulate_rhythms
from tests.detector.ectopy.hand_made import FRAME, P_WAVE, QRS, regular, waves, windows

MANY, SEED, SHARE = 3000, 3, 0.5
SHAPES = ("windows", "own_beats", "recent_beats", "spread")


def made(seed: int = SEED, leads: int = 2, frame: Frame = FRAME, rr_s: float = 0.85, count: int = MANY) -> Examples:
    beats, tachograms = regular(count, rr_s, leads, frame)
    return simulate(beats, tachograms, beats.own_beats[:, :, ::-1], SHARE, frame, seed)


def story(rr_s: float = 0.85) -> tuple[Rhythms, Plan]:
    """Rhythms and plan that the examples follow: equal seeds draw them alike."""
    draws = Draws(SEED)
    rhythms = simulate_rhythms(regular(MANY, rr_s)[1], draws)
    return rhythms, make_plan(rhythms, SHARE, draws)


@pytest.fixture
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is done to all kinds of examples alike."""
    monkeypatch.setattr(examples, "disturbed", lambda windows, *_: windows)
    for factor in ("_scale", "_kept_leads"):
        monkeypatch.setattr(examples, factor, lambda *_: 1)


def arrays(found: Examples) -> dict[str, np.ndarray]:
    paired = {name: getattr(found.paired, name) for name in (*SHAPES, "earlier_distances")}
    return paired | {"normal": found.normal, "tachograms": found.tachograms}


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("frame", [FRAME, Frame(36, 96, 120), Frame(100, 225, 250)], ids=["default", "short", "250 Hz"])
@pytest.mark.parametrize("leads", [1, 2, 3])
def test_examples_are_finite_numbers_of_single_precision(leads, frame):
    found = made(leads=leads, frame=frame, count=300)
    for name, values in arrays(found).items():
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
    for name in (*SHAPES, "normal"):
        assert arrays(found)[name].shape == (300, frame.samples, leads), name


def test_equal_seeds_make_equal_examples_and_others_make_others():
    first, again, other = (arrays(made(seed, count=300)) for seed in (1, 1, 2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert (values != other[name]).any(), name


def test_beats_that_are_given_stay_as_they_are():
    beats, tachograms = regular(300)
    before = [array.copy() for array in vars(beats).values()]
    simulate(beats, tachograms, beats.own_beats, SHARE, FRAME, SEED)
    for array, copy in zip(vars(beats).values(), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_kinds_come_out_as_asked_for():
    rhythms, plan = story()
    kinds = made().kinds
    np.testing.assert_array_equal(kinds == PREMATURE, plan.premature)
    np.testing.assert_array_equal(kinds == VENTRICULAR, plan.ventricular)
    assert np.mean(kinds == VENTRICULAR) == pytest.approx(SHARE / 2, abs=0.04)
    possible = ~rhythms.fibrillating & ~rhythms.fast
    assert np.mean(kinds[possible] == PREMATURE) == pytest.approx(SHARE / 2, abs=0.04)


def test_no_ectopic_share_makes_normal_beats_alone():
    beats, tachograms = regular(300)
    assert (simulate(beats, tachograms, beats.own_beats, 0.0, FRAME, SEED).kinds == NORMAL).all()


def test_lost_leads_are_zero_everywhere():
    found = arrays(made())
    lost = ~found["windows"].any(axis=1)
    assert lost.any(axis=1).mean() == pytest.approx(0.2, abs=0.05)
    assert not lost.all(axis=1).any()
    for name in (*SHAPES, "normal"):
        assert not found[name].transpose(0, 2, 1)[lost].any(), name


def test_single_lead_is_never_lost():
    assert made(leads=1).paired.windows.any(axis=1).all()


def test_lead_that_the_record_lacks_stays_empty():
    beats, tachograms = regular(MANY)
    lacking = {name: getattr(beats, name) * np.float32([1, 0]) for name in SHAPES}
    found = arrays(simulate(dataclasses.replace(beats, **lacking), tachograms, beats.own_beats, SHARE, FRAME, SEED))
    for name in (*SHAPES, "normal"):
        assert not found[name][:, :, 1].any(), name


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(("rr_s", "least"), [(0.6, 0.02), (0.85, 0.01), (1.1, 0.01)])
def test_target_of_an_ectopic_beat_is_the_normal_one_between_its_neighbours(rr_s, least):
    found, (rhythms, plan) = made(rr_s=rr_s), story(rr_s)
    expected = windows(np.exp(found.tachograms[:, [BEFORE, AFTER]]))
    for kind in (plan.premature, plan.ventricular):
        chosen = kind & ~(plan.run & plan.ventricular) & ~rhythms.fibrillating & ~rhythms.fast
        assert rms((found.normal - expected)[chosen]) < least


@pytest.mark.usefixtures("undisturbed")
def test_neighbours_stand_at_their_intervals_around_normal_beats():
    found, (rhythms, plan) = made(), story()
    expected = windows(np.exp(found.tachograms[:, [BEFORE, AFTER]]))
    chosen = ~plan.premature & ~plan.ventricular & ~rhythms.fibrillating & ~plan.following & ~plan.blocked
    assert rms((found.paired.windows - expected)[chosen]) < 0.01


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(("rr_s", "least"), [(0.6, 0.03), (0.85, 0.01)])
def test_nothing_but_neighbours_stands_around_ventricular_beats(monkeypatch, rr_s, least):
    monkeypatch.setattr(examples.shapes, "ventricular", lambda own_beats, *_: np.zeros_like(own_beats))
    monkeypatch.setattr(examples.shapes, "sinus_p_wave", lambda own_beats, *_: np.zeros_like(own_beats))
    found, (rhythms, plan) = made(rr_s=rr_s), story(rr_s)
    neighbours = windows(np.exp(found.tachograms[:, [BEFORE, AFTER]])) - waves(FRAME.times_s)
    chosen = plan.ventricular & ~plan.fusion & ~plan.run & ~rhythms.fibrillating & ~rhythms.fast
    assert rms((found.paired.windows - neighbours)[chosen]) < least


@pytest.mark.usefixtures("undisturbed")
def test_own_beat_holds_neighbours_at_the_interval_that_became_usual():
    found, (rhythms, plan) = made(), story()
    usual_s = np.exp(np.median(rhythms.tachograms[:, :BEFORE], axis=1))
    expected = windows(np.column_stack([usual_s, usual_s]))
    chosen = (plan.premature | plan.ventricular) & ~rhythms.fibrillating  # of normal beats some are stale
    assert rms((found.paired.own_beats - expected)[chosen]) < 0.02


@pytest.mark.usefixtures("undisturbed")
def test_ectopic_beats_look_unlike_their_targets():
    found, (_, plan) = made(), story()
    away = np.sqrt(np.square(found.paired.windows - found.normal).mean(axis=(1, 2)))
    np.testing.assert_array_equal(away[~plan.premature & ~plan.ventricular], 0)
    assert np.median(away[plan.ventricular]) > 0.1
    assert np.median(away[plan.fusion]) < np.median(away[plan.ventricular & ~plan.fusion])
    assert 0 < np.median(away[plan.premature]) < 0.05


@pytest.mark.usefixtures("undisturbed")
def test_no_p_wave_stands_in_fibrillation():
    found, (rhythms, plan) = made(), story()
    inside = (FRAME.times_s > -0.25) & (FRAME.times_s < -0.08)
    p_wave = waves(FRAME.times_s, parts=[P_WAVE])[inside]
    chosen = (found.kinds == NORMAL) & ~plan.following
    chosen &= np.exp(found.tachograms[:, BEFORE]) > 0.75  # nothing of the beat before
    chosen &= np.exp(found.tachograms[:, AFTER]) > 0.75

    def share_of_p_wave(windows_: np.ndarray) -> np.ndarray:
        return (windows_[:, inside] * p_wave).sum(axis=(1, 2)) / np.square(p_wave).sum()

    without = share_of_p_wave(found.paired.windows[chosen & rhythms.fibrillating])
    assert np.median(np.abs(without)) < 0.3
    np.testing.assert_allclose(share_of_p_wave(found.paired.windows[chosen & ~rhythms.fibrillating]), 1, atol=0.1)
    lasted = rhythms.fibrillating & ~rhythms.recent_onset & chosen
    assert np.median(share_of_p_wave(found.paired.own_beats[lasted])) < 0.1


def test_complexes_stay_in_fibrillation():
    found, (rhythms, _) = made(), story()
    chosen = rhythms.fibrillating & (found.kinds == NORMAL) & found.paired.windows.any(axis=1).all(axis=1)
    heights = np.ptp(found.paired.windows[chosen], axis=1).max(axis=1)
    assert np.median(heights) == pytest.approx(QRS[2][0], rel=0.15)


def test_beats_of_a_run_were_as_far_from_the_own_beat():
    found, (_, plan) = made(), story()
    long = plan.ventricular & (plan.run_length >= 8)
    alone = plan.ventricular & ~plan.run
    assert long.any()
    assert np.median(found.paired.earlier_distances[long]) > np.median(found.paired.earlier_distances[alone]) + 2
