"""Times in words."""

from datetime import datetime, time, timedelta, timezone

import pytest

from ecg_anomaly.words import clock, clock_time, parse_start_time, start_words


@pytest.mark.parametrize(
    ("start", "time_s", "told"),
    [
        (datetime(2024, 5, 2, 14, 3, 22), 0.0, "14:03:22"),
        (datetime(2024, 5, 2, 14, 3, 22), 10 * 3600.0, "day 2, 00:03:22"),
        (time(14, 3, 22), 34 * 3600.0, "day 3, 00:03:22"),
        (time(23, 59, 59, 900_000), 0.05, "23:59:59"),
        (datetime(2024, 5, 2, 14, 3, 22, tzinfo=timezone.utc), 60.0, "14:04:22 UTC"),
        (datetime(2024, 5, 2, 14, 3, 22, tzinfo=timezone(timedelta(hours=2))), 60.0, "14:04:22"),
        (None, 60.0, ""),
    ],
)
def test_time_of_the_day(start, time_s, told):
    assert clock_time(start, time_s) == told


@pytest.mark.parametrize(
    ("start", "told"), [(datetime(2024, 5, 2, 14, 3), "2024-05-02 14:03:00"), (time(14, 3), "14:03:00"), (None, "")]
)
def test_start_of_a_recording_is_told_and_read_again(start, told):
    assert start_words(start) == told
    if start is not None:
        assert parse_start_time(start.isoformat()) == start


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
