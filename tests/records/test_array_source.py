"""Recordings in memory."""

from fractions import Fraction

import numpy as np

from ecg_anomaly.records.array_source import array_source
from ecg_anomaly.records.channels import Channel


def test_what_lies_between_places_is_missing_and_not_held():
    late = np.array([2, 3, 10**9])
    channels = [Channel("I", "mV", Fraction(10)), Channel("V1", "mV", Fraction(10))]
    source = array_source(channels, [np.arange(3), np.arange(4)], [], places=[late, None])
    assert [channel.samples for channel in source.channels] == [10**9 + 1] * 2
    first = next(source.blocks([0, 1], 5))
    np.testing.assert_array_equal(first, [[np.nan, 0], [np.nan, 1], [0, 2], [1, 3], [np.nan, np.nan]])


def test_shorter_channels_of_one_rate_lack_samples_at_the_end():
    channels = [Channel("I", "mV", Fraction(10)), Channel("V1", "mV", Fraction(10)), Channel("slow", "mV", Fraction(1))]
    source = array_source(channels, [np.arange(10), np.arange(7), np.arange(1)], [])

    assert [channel.samples for channel in source.channels] == [10, 10, 1]
    assert source.notes == ("channels end before the longest one: V1 by 0.3 s; what they lack is missing",)
    blocks = list(source.blocks([1, 0], 4))
    assert [len(block) for block in blocks] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(blocks)[6], [6, 6])
    np.testing.assert_array_equal(np.concatenate(blocks)[7], [np.nan, 7])
    blocks[0][:] = 0  # a block belongs to who takes it
    assert next(source.blocks([0], 4))[3, 0] == 3
