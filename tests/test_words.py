"""Numbers and times in words."""

import pytest

from ecg_anomaly.words import clock


@pytest.mark.parametrize(
    ("time_s", "words"),
    [
        (0, "0:00:00"),
        (59.999, "0:00:59"),
        (0.1 * 3 * 1400, "0:07:00"),
        (2099.9999999999995 / 5, "0:07:00"),
        (90_061, "25:01:01"),
    ],
)
def test_a_clock_shows_whole_seconds_and_none_twice(time_s: float, words: str) -> None:
    assert clock(time_s) == words
