"""Samples with time stamps: dropped ones leave a gap of the right length, late ones leave none."""

from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.live.sample_clock import LONGEST_GAP_S, SampleClock

RATE_HZ = Fraction(250)
START_S = 81_234.567


def numbered(samples):
    """Signals that say which sample each is."""
    return np.arange(samples, dtype=float)[:, np.newaxis]


def run(signals, times_s, lengths, rate_hz=RATE_HZ):
    """Push in portions of some lengths, and a second more; give the clock and what it passes on of the former."""
    clock = SampleClock(rate_hz, signals.shape[1])
    ends = np.cumsum(lengths)
    ends = ends[ends < len(signals)]
    parts = [clock.push(*part) for part in zip(np.split(signals, ends), np.split(times_s, ends), strict=True)]
    more = round(rate_hz)
    more_s = times_s[-1] + np.arange(1, more + 1) / float(rate_hz)
    return clock, np.concatenate([*parts, clock.push(np.zeros((more, signals.shape[1])), more_s)])[:-more]


def lengths(seed, longest=60):
    return np.random.default_rng(seed).integers(1, longest, size=20_000)


@pytest.mark.parametrize("longest", [2, 40, 5000])
def test_dropped_samples_leave_a_gap_of_their_length(longest):
    sent = numbered(60_000)
    expected = sent.copy()
    for first, count in ((9_000, 60), (12_000, 1), (20_003, 8), (30_000, 2_600), (59_000, 3)):
        expected[first : first + count] = np.nan
    kept = ~np.isnan(expected[:, 0])
    times_s = START_S + np.arange(len(sent)) / 250
    clock, received = run(sent[kept], times_s[kept], lengths(1, longest))
    np.testing.assert_array_equal(received, expected)
    assert (clock.gaps, clock.dropped) == (5, 60 + 1 + 8 + 2_600 + 3)


def test_nothing_is_held_back_while_samples_come_in_time():
    clock = SampleClock(RATE_HZ, 1)
    for start in range(0, 1000, 25):
        stamps_s = START_S + np.arange(start, start + 25) / 250
        assert len(clock.push(np.zeros((25, 1)), stamps_s)) == 25


@pytest.mark.parametrize("jitter_s", [0.0, 0.001, 0.008])
@pytest.mark.parametrize("real_rate_hz", [249.75, 250.0, 250.2])
def test_jitter_and_a_rate_that_is_a_little_off_are_no_gaps(jitter_s, real_rate_hz):
    sent = numbered(100_000)
    noise_s = np.repeat(np.random.default_rng(2).normal(0, jitter_s, size=len(sent) // 25), 25)  # stamps by packet
    clock, received = run(sent, START_S + np.arange(len(sent)) / real_rate_hz + noise_s, np.full(10_000, 25))
    np.testing.assert_array_equal(received, sent)
    assert clock.gaps == 0


@pytest.mark.parametrize("real_rate_hz", [249.75, 250.2])
def test_a_gap_is_found_at_a_rate_that_is_a_little_off(real_rate_hz):
    sent = numbered(60_000)
    kept = np.ones(len(sent), dtype=bool)
    kept[40_000:40_050] = False
    noise_s = np.random.default_rng(3).normal(0, 0.0005, size=len(sent))
    clock, received = run(sent[kept], (START_S + np.arange(len(sent)) / real_rate_hz + noise_s)[kept], lengths(4))
    assert clock.gaps == 1
    assert abs(clock.dropped - 50) <= 2
    np.testing.assert_array_equal(received[~np.isnan(received[:, 0])], sent[kept])


def test_packets_that_come_late_and_catch_up_are_no_gap():
    sent = numbered(30_000)
    times_s = START_S + np.arange(len(sent)) / 250
    # The radio is silent for 0.4 s, then delivers all at once: they are stamped when they come.
    times_s[20_000:20_100] = np.maximum(times_s[20_000:20_100], times_s[20_100])
    clock, received = run(sent, times_s, np.full(2_000, 25))
    np.testing.assert_array_equal(received, sent)
    assert clock.gaps == 0


def test_a_clock_that_is_set_back_loses_no_sample():
    sent = numbered(20_000)
    times_s = START_S + np.arange(len(sent)) / 250
    times_s[8_000:] -= 40_000
    times_s[15_000:] += 4 / 250  # and afterwards gaps are found as before
    clock, received = run(sent, times_s, lengths(5))
    assert (clock.gaps, clock.dropped) == (1, 4)
    np.testing.assert_array_equal(received[~np.isnan(received[:, 0])], sent)


def test_an_absurd_jump_is_cut_short():
    sent = numbered(2_000)
    times_s = START_S + np.arange(len(sent)) / 250
    times_s[1_000:] += 1e9
    clock, received = run(sent, times_s, np.full(100, 25))
    assert clock.dropped == LONGEST_GAP_S * 250
    assert len(received) == len(sent) + clock.dropped


def test_a_gap_is_certain_half_a_second_after_it():
    sent = numbered(1_200)
    times_s = START_S + np.arange(len(sent)) / 250
    times_s[1_000:] += 100 / 250
    clock = SampleClock(RATE_HZ, 1)
    assert len(clock.push(sent[:1_020], times_s[:1_020])) == 1_000
    assert len(clock.push(sent[1_020:1_120], times_s[1_020:1_120])) == 0
    assert len(clock.push(sent[1_120:], times_s[1_120:])) == 300
    assert clock.dropped == 100
