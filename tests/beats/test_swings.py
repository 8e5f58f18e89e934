"""What a signal swings in, on five seconds of each kind."""

import numpy as np
import pytest

from ecg_anomaly.beats.swings import FIBRILLATION, GENERATOR, TACHYCARDIA, are_alike, swing_kind

RATE_HZ = 250
SECONDS = np.arange(5 * RATE_HZ) / RATE_HZ
RNG = np.random.default_rng(1)


def swinging(frequency_hz, wanders=False, leads=1):
    """A swing whose rate and height wander, or not."""
    phase = 2 * np.pi * frequency_hz * SECONDS + wanders * 0.8 * np.sin(2 * np.pi * 0.3 * SECONDS)
    height_mv = 0.6 + wanders * 0.2 * np.sin(2 * np.pi * 0.4 * SECONDS)
    return np.repeat((height_mv * np.sin(phase))[:, np.newaxis], leads, axis=1)


def wide_beats(bpm, variation=0.02):
    """Wide complexes, each at once after the one before, with RR intervals that vary by some share."""
    rr_s = 60 / bpm * RNG.normal(1, variation, size=30)
    since_s = SECONDS[:, np.newaxis] - np.cumsum(rr_s)
    beats_mv = np.exp(-0.5 * (since_s / 0.045) ** 2) - 0.8 * np.exp(-0.5 * ((since_s - 0.15) / 0.06) ** 2)
    return beats_mv.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("bpm", [130, 180, 220])
def test_cycles_that_are_alike_are_tachycardia(bpm):
    assert swing_kind(wide_beats(bpm), RATE_HZ) == TACHYCARDIA


@pytest.mark.parametrize("variation", [0.04, 0.06])
def test_tachycardia_need_not_keep_time_nor_swing_once_a_cycle_in_all_leads(variation):
    first_mv = wide_beats(180, variation)
    assert swing_kind(first_mv, RATE_HZ) == TACHYCARDIA
    twice_mv = np.square(first_mv - first_mv.mean())
    assert swing_kind(np.hstack([first_mv, twice_mv]), RATE_HZ) != FIBRILLATION
    noisy_mv = first_mv + RNG.normal(0, 0.15, size=first_mv.shape)
    assert swing_kind(noisy_mv, RATE_HZ) == TACHYCARDIA


def test_wide_complexes_with_t_waves_as_large_are_beats():
    since_s = SECONDS[:, np.newaxis] - np.cumsum(0.4 * RNG.normal(1, 0.02, size=20))
    beats_mv = np.exp(-0.5 * (since_s / 0.05) ** 2) + 0.8 * np.exp(-0.5 * ((since_s - 0.2) / 0.05) ** 2)
    assert swing_kind(beats_mv.sum(axis=1, keepdims=True), RATE_HZ) is None


@pytest.mark.parametrize("leads", [1, 2])
@pytest.mark.parametrize("frequency_hz", [3.0, 5.0, 7.0])
def test_cycles_that_wander_are_fibrillation(frequency_hz, leads):
    assert swing_kind(swinging(frequency_hz, True, leads), RATE_HZ) == FIBRILLATION


@pytest.mark.parametrize("frequency_hz", [2.0, 3.0, 5.0, 8.0])
def test_what_keeps_time_exactly_is_no_heart(frequency_hz):
    assert swing_kind(swinging(frequency_hz), RATE_HZ) == GENERATOR


def test_noise_of_all_frequencies_and_narrow_beats_are_none_of_these():
    assert swing_kind(RNG.normal(size=(len(SECONDS), 1)), RATE_HZ) is None
    narrow_mv = np.exp(-0.5 * ((SECONDS % 0.5 - 0.25) / 0.015) ** 2)[:, np.newaxis]
    assert swing_kind(narrow_mv, RATE_HZ) is None


def test_all_leads_have_to_swing():
    assert swing_kind(np.hstack([swinging(5.0, True), RNG.normal(size=(len(SECONDS), 1))]), RATE_HZ) is None


def test_irregular_beats_are_alike_and_fibrillation_is_not():
    at_s = 0.3 + np.cumsum(RNG.normal(0.5, 0.05, size=8))
    beats = np.round(at_s * RATE_HZ).astype(int)
    beats_mv = np.exp(-0.5 * ((SECONDS[:, np.newaxis] - at_s) / 0.02) ** 2).sum(axis=1, keepdims=True)
    assert are_alike(beats_mv, beats, RATE_HZ)
    assert not are_alike(swinging(5.3, True), beats, RATE_HZ)
    assert not are_alike(beats_mv, beats[:3], RATE_HZ)  # too few to tell
