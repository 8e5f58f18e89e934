from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.beats.conditioning import condition
from ecg_anomaly.config import load_config
from ecg_anomaly.records import noise
from ecg_anomaly.records.simulate import simulate_record

BEAT = load_config().beat
RATE_HZ = Fraction(360)
LEVELS_DB = (24, 18, 12, 6, 0)


@pytest.fixture(scope="module")
def record():
    return simulate_record(1, 2.0, seed=1)


def filtered(signals_mv):
    return condition(signals_mv, RATE_HZ, BEAT)[0]


@pytest.mark.parametrize("kind", noise.KINDS)
def test_noise_has_unit_power_in_each_lead_and_follows_its_seed(kind):
    made = noise.make_noise(kind, 3600, 3, 360.0, seed=5)
    np.testing.assert_allclose(np.mean(made**2, axis=0), 1)
    assert 0.1 < np.corrcoef(made.T)[0, 1] < 0.9
    np.testing.assert_array_equal(made, noise.make_noise(kind, 3600, 3, 360.0, seed=5))
    assert not np.allclose(made, noise.make_noise(kind, 3600, 3, 360.0, seed=6))
    assert not np.allclose(made, noise.make_noise(kind, 3600, 3, 360.0, seed=[5, 1]))


@pytest.mark.parametrize(
    ("kind", "band_hz"), [("baseline_wander", (0, 0.5)), ("muscle", (15, 140)), ("electrode_motion", (0, 12))]
)
def test_noise_lies_in_its_band(kind, band_hz):
    made = noise.make_noise(kind, 36000, 1, 360.0, seed=1)[:, 0]
    power, frequency_hz = np.abs(np.fft.rfft(made)) ** 2, np.fft.rfftfreq(len(made), 1 / 360)
    inside = (frequency_hz >= band_hz[0]) & (frequency_hz <= band_hz[1])
    assert power[inside].sum() > 0.9 * power.sum()


def test_noise_is_added_at_the_ratio_that_is_asked_for():
    lead = np.zeros((3600, 1))
    beats = np.arange(180, 3600, 360)
    lead[beats] = 2.0  # peak to peak 2 mV: the power of such a sine is 2² / 8 = 0.5 mV²
    noisy = noise.add_noise(lead, np.random.default_rng(1).normal(size=lead.shape), 10.0, beats, 360.0)
    assert np.mean((noisy - lead) ** 2) == pytest.approx(0.05)


def test_each_lead_gets_noise_in_proportion_to_its_beats():
    leads = np.zeros((3600, 2))
    beats = np.arange(0, 3600, 360)  # the first has no room before it, and does not count
    leads[beats] = 3.0, 0.3
    leads[0] = 50.0
    added = noise.add_noise(leads, noise.make_noise("muscle", 3600, 2, 360.0, seed=1), 6.0, beats, 360.0) - leads
    assert np.std(added[:, 0]) == pytest.approx(10 * np.std(added[:, 1]))


def test_missing_samples_stay_missing_and_change_nothing_else():
    leads = np.zeros((3600, 1))
    beats = np.arange(180, 3600, 360)
    leads[beats] = 2.0
    gap = leads.copy()
    gap[500:560] = np.nan
    added = noise.make_noise("muscle", 3600, 1, 360.0, seed=1)
    noisy = noise.add_noise(gap, added, 6.0, beats, 360.0)
    np.testing.assert_array_equal(np.isnan(noisy), np.isnan(gap))
    kept = ~np.isnan(gap)
    np.testing.assert_allclose(noisy[kept], noise.add_noise(leads, added, 6.0, beats, 360.0)[kept])


@pytest.mark.parametrize(
    # The filter ends at 40 Hz, muscle noise goes from 20 to 120 Hz; electrode motion lies amid the band of the beats.
    ("kind", "passed_db"),
    [("baseline_wander", (-60, -20)), ("muscle", (-10, -3)), ("electrode_motion", (-4, 0))],
)
def test_the_filter_takes_from_each_kind_what_lies_outside_the_band_of_beats(record, kind, passed_db):
    signals_mv = record.signals_mv
    made = noise.make_noise(kind, *signals_mv.shape, 360.0, seed=2)
    clean = filtered(signals_mv)
    left = []
    for snr_db in LEVELS_DB:
        noisy_mv = noise.add_noise(signals_mv, made, snr_db, record.samples, 360.0)
        passed = np.mean((filtered(noisy_mv) - clean) ** 2, axis=0) / np.mean((noisy_mv - signals_mv) ** 2, axis=0)
        assert np.all(10 * np.log10(passed) > passed_db[0])
        assert np.all(10 * np.log10(passed) < passed_db[1])
        left.append(np.mean((filtered(noisy_mv) - clean) ** 2))
    np.testing.assert_allclose(
        10 * np.log10(np.divide(left[1:], left[:-1])), 6.0, atol=1e-6
    )  # 6 dB from level to level
