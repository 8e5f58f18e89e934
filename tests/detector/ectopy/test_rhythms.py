import numpy as np
import pytest

from ecg_anomaly.detector.ectopy import rhythms
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.rhythms import (
    BEFORE,
    LOG_RR_LIMITS,
    compensatory_pause,
    interpolated,
    simulate_rhythms,
)
from tests.detector.ectopy.hand_made import INTERVALS

RR_S, MANY = 0.85, 2000
REGULAR = np.full((MANY, INTERVALS), np.log(RR_S), dtype=np.float32)


def ratios(changed: np.ndarray) -> np.ndarray:
    """RR intervals as shares of the usual one."""
    return np.exp(changed) / RR_S


def test_compensatory_pause_ends_when_the_beat_was_due():
    coupling = np.log(np.array([0.4, 0.6, 0.9]))
    np.testing.assert_allclose(np.exp(coupling) + np.exp(compensatory_pause(coupling)), 2)


def test_interpolated_beat_leaves_the_next_one_a_little_late():
    coupling = np.log(np.array([0.4, 0.5, 0.65]))
    np.testing.assert_allclose(np.exp(coupling) + np.exp(interpolated(coupling)), 1.1)


def test_rhythms_are_finite_and_within_limits():
    made = simulate_rhythms(REGULAR, Draws(1)).tachograms
    assert made.shape == REGULAR.shape
    assert np.isfinite(made).all()
    assert made.min() >= LOG_RR_LIMITS[0] - 1e-6
    assert made.max() <= LOG_RR_LIMITS[1] + 1e-6


def test_equal_seeds_make_equal_rhythms():
    first, again, other = (simulate_rhythms(REGULAR, Draws(seed)).tachograms for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=1).mean() > 0.5


def test_no_rhythms_are_made_of_none():
    assert simulate_rhythms(REGULAR[:0], Draws(1)).tachograms.shape == (0, INTERVALS)


def test_share_in_fibrillation_is_that_asked_for():
    made = simulate_rhythms(REGULAR, Draws(1))
    assert made.fibrillating.mean() == pytest.approx(rhythms._SHARES[0], abs=0.04)
    assert not made.recent_onset[~made.fibrillating].any()


def test_fibrillation_is_irregular_from_its_onset_on_at_the_rate_it_found():
    made, onset = rhythms._fibrillation(REGULAR, Draws(1))
    since = np.arange(INTERVALS) >= onset[:, np.newaxis]
    np.testing.assert_array_equal(made[~since], REGULAR[~since])

    always = ratios(made[onset == 0])
    variation = always.std(axis=1) / always.mean(axis=1)
    assert np.quantile(variation, 0.01) > 0.07
    assert np.quantile(variation, 0.99) < 0.45
    np.testing.assert_allclose(np.median(always, axis=1), 1, atol=0.15)
    logs = np.log(always) - np.log(always).mean(axis=1, keepdims=True)
    follows = (logs[:, 1:] * logs[:, :-1]).mean(axis=1) / (logs**2).mean(axis=1)
    assert np.abs(np.median(follows)) < 0.3  # hardly one interval depends on the one before


def test_fibrillation_began_lately_in_some():
    _, onset = rhythms._fibrillation(REGULAR, Draws(1))
    assert np.mean(onset > 0) == pytest.approx(0.4, abs=0.06)


def test_sinus_arrhythmia_follows_the_breath():
    logs = np.log(ratios(rhythms._sinus_arrhythmia(REGULAR, Draws(1))))
    power = np.abs(np.fft.rfft(logs - logs.mean(axis=1, keepdims=True), axis=1)) ** 2
    cycles_per_beat = np.fft.rfftfreq(INTERVALS)
    peak = cycles_per_beat[power.argmax(axis=1)]
    assert np.mean((peak > 1 / 10) & (peak < 1 / 2.7)) > 0.98
    near = np.abs(cycles_per_beat - peak[:, np.newaxis]) < 0.03
    assert np.median((power * near).sum(axis=1) / power.sum(axis=1)) > 0.7  # one rate, though not quite steady


def test_dropped_beats_make_intervals_about_twice_as_long():
    made = ratios(rhythms._dropped_beats(REGULAR, Draws(1)))
    long = made > 1.01
    np.testing.assert_allclose(made[~long], 1, rtol=1e-4)
    assert made[long].min() > 1.5
    assert made[long].max() < 2.2
    assert 0.02 < long.mean() < 0.35


def test_fast_rhythm_is_steady():
    rr_s = np.exp(rhythms._fast_rhythm(REGULAR, Draws(1)))
    assert np.all(np.median(rr_s, axis=1) < 60 / 105)
    assert np.all(np.median(rr_s, axis=1) > 60 / 200)
    assert np.all(rr_s.std(axis=1) < 0.05)


def test_ectopic_beats_come_early_and_many_leave_the_sinus_node_alone():
    changed, coupling = rhythms._ectopic_beats(REGULAR, Draws(1))
    made, coupling = ratios(changed), coupling.reshape(-1, 1)
    early = np.abs(np.log(made) - coupling) < 0.15
    alone = early[:, 1:-1] & (made[:, :-2] > 0.95) & (made[:, 2:] > 0.95)
    assert alone.sum() > MANY
    assert made[:, 1:-1][alone].max() < 1.05
    ends_in_time = np.abs((made[:, 1:-1] + made[:, 2:])[alone] - 2) < 0.1
    assert ends_in_time.mean() > 0.35


def test_ectopic_beats_differ_in_how_often_they_come():
    changed, _ = rhythms._ectopic_beats(REGULAR, Draws(1))
    often = np.mean(ratios(changed)[:, :BEFORE] < 0.93, axis=1)
    assert np.mean(often < 0.05) > 0.15
    assert np.mean(often > 0.3) > 0.15


def test_coupling_is_told_where_there_are_ectopic_beats():
    made = simulate_rhythms(REGULAR, Draws(1))
    assert np.isfinite(made.coupling).mean() == pytest.approx(rhythms._SHARES[rhythms._ECTOPIC], abs=0.05)
    assert not (np.isfinite(made.coupling) & made.fibrillating).any()
