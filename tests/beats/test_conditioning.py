from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.beats import conditioning
from ecg_anomaly.config import load_config
from ecg_anomaly.records.simulate import simulate_record
from tests import direct_formulas

RATES_HZ = [120, 128, 250, 257, 360, 500, 1000]
BEAT = load_config().beat
TARGET_HZ, BAND_HZ, HALF_LENGTH_S = 120, (0.5, 40.0), 0.9  # of the default settings
REACH_S = 1.0  # how far any sample may look, as the design says


def condition(leads, rate_hz):
    """Condition leads of shape (samples,) or (samples, leads) as the default settings do."""
    columns = np.asarray(leads, dtype=float).reshape(len(leads), -1)
    return conditioning.condition(columns, Fraction(rate_hz), BEAT)


def amplitude(frequency_hz, rate_hz):
    """Largest value that a sine of amplitude 1 keeps, away from the ends of the record."""
    times_s = np.arange(60 * rate_hz) / rate_hz
    conditioned, _ = condition(np.sin(2 * np.pi * frequency_hz * times_s), rate_hz)
    inner = conditioned[2 * TARGET_HZ : -2 * TARGET_HZ, 0]
    return np.sqrt(2) * inner.std()


def ecg_like(times_s):
    """A smooth curve with narrow QRS complexes and slow waves, known at any time."""
    phases = times_s[:, np.newaxis] - np.arange(0.7, 20, 0.83)
    waves = [(1.2, 0.0, 0.012), (-0.3, 0.03, 0.010), (0.3, 0.3, 0.05)]
    return sum(height * np.exp(-(((phases - place) / width) ** 2) / 2) for height, place, width in waves).sum(axis=1)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_constant_offset_vanishes(rate_hz):
    signal_mv = np.random.default_rng(1).normal(size=10 * rate_hz)
    plain, _ = condition(signal_mv, rate_hz)
    offset, _ = condition(signal_mv + 300.0, rate_hz)  # as electrodes have it
    np.testing.assert_allclose(offset, plain, atol=1e-9)
    assert not condition(np.full(1000, 300.0), rate_hz)[0].any()


@pytest.mark.parametrize("rate_hz", [128, 250, 360])
def test_band_passes_what_beats_are_made_of_and_nothing_else(rate_hz):
    assert amplitude(10, rate_hz) == pytest.approx(1, abs=0.01)
    assert amplitude(30, rate_hz) == pytest.approx(1, abs=0.01)
    assert amplitude(0.05, rate_hz) < 0.01
    assert amplitude(50, rate_hz) < 0.001
    assert amplitude(60, rate_hz) < 0.001


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_what_is_farther_away_than_a_second_changes_nothing(rate_hz):
    rng = np.random.default_rng(2)
    before = rng.normal(size=(20 * rate_hz, 2))
    after = before.copy()
    after[8 * rate_hz : 12 * rate_hz] += 10 * rng.normal(size=(4 * rate_hz, 2))

    (first, _), (second, _) = condition(before, rate_hz), condition(after, rate_hz)
    times_s = np.arange(len(first)) / TARGET_HZ
    far = (times_s < 8 - REACH_S) | (times_s > 12 + REACH_S)
    np.testing.assert_allclose(first[far], second[far], atol=1e-9)
    near = np.abs(times_s - 8 + HALF_LENGTH_S / 2) < 0.3
    assert np.abs(first[near] - second[near]).max() > 1e-3  # the filter does look there


def test_gap_does_not_tell_what_comes_after_it():
    signal_mv = np.random.default_rng(3).normal(size=20 * 360)
    signal_mv[8 * 360 : 14 * 360] = np.nan
    later = signal_mv.copy()
    later[14 * 360 :] += 5.0

    (first, _), (second, _) = condition(signal_mv, 360), condition(later, 360)
    known = slice(0, 13 * TARGET_HZ)
    np.testing.assert_allclose(first[known], second[known], atol=1e-9)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_any_sampling_rate_gives_the_same_signal(rate_hz):
    fine, _ = condition(ecg_like(np.arange(20 * 6000) / 6000), 6000)
    conditioned, _ = condition(ecg_like(np.arange(20 * rate_hz) / rate_hz), rate_hz)
    assert conditioned.shape == fine.shape
    assert np.abs(conditioned - fine).max() < 0.002 * fine.max()


def test_conditioning_follows_the_formulas():
    lead = np.random.default_rng(4).normal(size=1500)
    expected = direct_formulas.band_pass(direct_formulas.every_third_sample(lead), TARGET_HZ, *BAND_HZ, HALF_LENGTH_S)
    np.testing.assert_allclose(condition(lead, 360)[0][:, 0], expected, atol=1e-9)


@pytest.mark.parametrize("rate_hz", [120, 128, 360])
def test_gaps_are_marked_in_their_lead_alone(rate_hz):
    leads = np.random.default_rng(5).normal(size=(10 * rate_hz, 2))
    leads[3 * rate_hz : 4 * rate_hz, 1] = np.nan
    leads[: rate_hz // 2, 1] = np.inf  # no sample either

    conditioned, missing = condition(leads, rate_hz)

    times_s = np.arange(len(missing)) / TARGET_HZ
    assert np.isfinite(conditioned).all()
    assert not missing[:, 0].any()
    inside = ((times_s >= 3) & (times_s < 4)) | (times_s < 0.5)
    assert missing[inside, 1].all()
    beyond = (times_s > 0.55) & (np.abs(times_s - 3.5) > 0.55)  # a few samples on either side may be marked too
    assert not missing[beyond, 1].any()


@pytest.mark.parametrize("rate_hz", [50, 128, 360])
def test_gaps_of_a_few_samples_are_bridged(rate_hz):
    clean = np.sin(2 * np.pi * 2 * np.arange(20 * rate_hz) / rate_hz)
    damaged, length = clean.copy(), max(1, rate_hz // 25)
    for start in range(rate_hz, len(clean) - rate_hz, rate_hz):
        damaged[start : start + length] = np.nan
    (expected, _), (bridged, missing) = condition(clean, rate_hz), condition(damaged, rate_hz)
    assert not missing.any()
    np.testing.assert_allclose(bridged, expected, atol=0.05)
    damaged[10 * rate_hz : 10 * rate_hz + length + 1] = np.nan
    assert condition(damaged, rate_hz)[1].any()


def test_a_lead_that_stays_as_it_is_for_seconds_has_no_signal():
    leads = np.random.default_rng(6).normal(size=(20 * 360, 2))
    leads[5 * 360 : 15 * 360, 1] = 0.2
    missing = condition(leads, 360)[1]
    times_s = np.arange(len(missing)) / TARGET_HZ
    assert not missing[:, 0].any()
    assert missing[(times_s > 8.1) & (times_s < 15), 1].all()
    assert not missing[(times_s < 7.9) | (times_s > 15.1), 1].any()


@pytest.mark.parametrize("longest", [5, 50, 2000])
def test_portions_change_no_bit(longest):
    rng = np.random.default_rng(7)
    leads = rng.normal(size=(6000, 2)).round(1)
    for start in rng.integers(0, 6000, 60):
        leads[start : start + rng.integers(1, 40), rng.integers(0, 2)] = np.nan
    leads[:7, 0], leads[2000:3500, 1], leads[-5:, 1] = np.nan, 0.5, np.nan
    conditioner = conditioning.Conditioner(2, Fraction(360), BEAT)
    ends = rng.integers(0, longest + 1, 3000).cumsum()
    parts = [conditioner.push(part) for part in np.split(leads, ends[ends < len(leads)])]
    parts.append(conditioner.finish())
    for whole, joined in zip(condition(leads, 360), map(np.concatenate, zip(*parts, strict=True)), strict=True):
        np.testing.assert_array_equal(joined, whole)


def test_lead_without_any_sample_is_all_missing():
    conditioned, missing = condition(np.full(3600, np.nan), 360)
    assert missing.all()
    assert not conditioned.any()


@pytest.mark.parametrize("patient", range(1, 9))
@pytest.mark.parametrize("shift_s", [-0.016, 0.016])
def test_shifted_annotations_lead_to_the_same_points(patient, shift_s):
    """The annotations of svdb stand 16 ms off the R peak, those of mitdb on it.

    Wide complexes (ventricular ones, or a bundle branch block) may have a flank at the very end of the search.
    """
    record = simulate_record(patient, 2, seed=1)
    conditioned, _ = condition(record.signals_mv, 360)
    narrow = np.isin(record.symbols, ["N", "A"])

    def points(shift):
        near = np.round((np.array(record.samples) / 360 + shift) * TARGET_HZ).astype(int)
        return conditioning.steepest_points(conditioned, near, round(0.06 * TARGET_HZ), TARGET_HZ)

    assert np.mean(points(shift_s)[narrow] == points(0.0)[narrow]) > 0.99


def test_steepest_points_follow_the_formulas():
    rng = np.random.default_rng(6)
    leads = rng.normal(size=(400, 2)).cumsum(axis=0)
    near = np.arange(30, 370, 17)
    expected = [direct_formulas.fiducial(leads.T, sample, 7) for sample in near]
    assert conditioning.steepest_points(leads, near, 7, TARGET_HZ).tolist() == expected


def test_steepest_point_of_a_flat_stretch_is_the_annotation():
    assert conditioning.steepest_points(np.zeros((100, 1)), np.array([3, 50, 99]), 7, TARGET_HZ).tolist() == [3, 50, 99]


def test_steepest_points_stay_inside_the_record():
    ramp = np.square(np.arange(100.0))[:, np.newaxis]  # steepest at the end
    assert conditioning.steepest_points(ramp, np.array([98, 99]), 7, TARGET_HZ).max() <= 99
    assert conditioning.steepest_points(ramp[::-1], np.array([0, 1]), 7, TARGET_HZ).min() >= 0
