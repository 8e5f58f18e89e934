"""A recording that is replayed: at the speed asked for, from where it was asked for, and not while it is paused."""

import types
from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.live.sources import Replay

RATE_HZ = 100


class Counting:
    """A recording whose samples are their own numbers."""

    name, notes, leads, sampling_rate_hz, samples = "counting", (), ("II",), Fraction(RATE_HZ), 200 * RATE_HZ

    def blocks(self, seconds):
        numbers = np.arange(self.samples, dtype=float)[:, np.newaxis]
        return iter(np.split(numbers, range(round(seconds * RATE_HZ), self.samples, round(seconds * RATE_HZ))))


@pytest.fixture
def clock():
    """A clock that only waiting moves; its ``now_s`` may be set."""
    clock = types.SimpleNamespace(now_s=0.0)

    def sleep(seconds):
        clock.now_s += seconds

    clock.monotonic, clock.sleep = lambda: clock.now_s, sleep
    return clock


def replayed(clock, replay):
    replay._clock = clock
    return replay


def test_a_replay_takes_its_time_and_its_speed_may_change(clock):
    replay = replayed(clock, Replay(Counting()))
    came = []
    for portion in replay.portions():
        came.append((clock.now_s, portion.signals_mv[-1, 0]))
        replay.speed = 1.0 if portion.signals_mv[-1, 0] < 99 * RATE_HZ else 10.0
    assert clock.now_s == pytest.approx(99 + 101 / 10, abs=0.2)
    assert came[499] == (pytest.approx(50), 50 * RATE_HZ - 1)


def test_from_within_it_starts_a_minute_before_and_is_there_at_once(clock):
    replay = replayed(clock, Replay(Counting(), 2.0, 93.5))
    assert replay.from_s == 33.5
    came = [(clock.now_s, portion.signals_mv[:, 0]) for portion in replay.portions()]
    np.testing.assert_array_equal(np.concatenate([numbers for _, numbers in came]), np.arange(3350, 20_000))
    at_once = np.concatenate([numbers for now_s, numbers in came if now_s == 0])
    assert at_once[-1] == 9349
    assert clock.now_s == pytest.approx((200 - 93.5) / 2)


def test_nothing_comes_while_it_is_paused_nor_is_it_made_up_for(clock):
    replay = replayed(clock, Replay(Counting()))
    portions = replay.portions()
    next(portions)
    replay.is_paused = True
    assert [len(next(portions).signals_mv) for _ in range(50)] == [0] * 50
    paused_s = clock.now_s
    replay.is_paused = False
    assert next(portions).signals_mv[0, 0] == 10
    assert clock.now_s == pytest.approx(paused_s + 0.1)


def test_it_tells_that_it_is_taken_too_slowly(clock):
    replay = replayed(clock, Replay(Counting()))
    late = []
    for number, _ in zip(range(40), replay.portions(), strict=False):
        late.append(replay.is_late)
        clock.now_s += 0.3 if number < 20 else 0.0
    assert not late[0]
    assert late[20]
    assert not late[-1]
