import numpy as np
import pytest

from ecg_anomaly.beats.history import EarlierBeats


def median_of_earlier(values, times_s, beats, start_s):
    return EarlierBeats(beats, start_s).push(values, times_s)


def quantile_of_earlier(values, times_s, beats, start_s, quantile):
    return EarlierBeats(beats, start_s, quantile).push(values, times_s)


def in_two_portions(values, times_s, since, *settings):
    """What is usual before the beats from ``since`` on, when those before have come already."""
    earlier = EarlierBeats(*settings)
    earlier.push(values[:since], times_s[:since])
    return earlier.push(values[since:], times_s[since:])


def slow(values, times_s, beats, start_s):
    """The definition, beat by beat."""
    medians = np.empty(len(values))
    start = max(1, int(np.sum(times_s < start_s)))
    for beat in range(len(values)):
        known = values[:start] if beat < start else values[max(0, beat - beats) : beat]
        known = known[~np.isnan(known)]
        medians[beat] = np.median(known) if len(known) else values[beat]
    return medians


def test_by_hand():
    values = np.array([4.0, 2.0, 6.0, 1.0, 9.0, 5.0])
    times_s = np.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    # Three beats in the start share their median 4; then the median of all before: of 4 2 6, of 4 2 6 1, of 4 2 6 1 9.
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 100, 3.0), [4, 4, 4, 4, 3, 4])
    # Only the last two before: of 2 6, of 6 1, of 1 9.
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 2, 3.0), [4, 4, 4, 4, 3.5, 5])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("beats", [1, 2, 7, 1000])
def test_equals_the_definition(seed, beats):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=60)
    values[rng.random(60) < 0.3] = np.nan
    times_s = np.cumsum(rng.uniform(0.4, 1.2, size=60))
    np.testing.assert_array_equal(
        median_of_earlier(values, times_s, beats, 10.0), slow(values, times_s, beats, 10.0), strict=True
    )


@pytest.mark.parametrize("since", [15, 30, 58, 59, 60])
@pytest.mark.parametrize("beats", [1, 7, 1000])
def test_the_last_beats_alone_are_the_same(since, beats):
    rng = np.random.default_rng(11)
    values = rng.normal(size=(60, 2))
    values[rng.random((60, 2)) < 0.3] = np.nan
    times_s = np.cumsum(rng.uniform(0.4, 1.2, size=60))
    expected = median_of_earlier(values, times_s, beats, 10.0)[since:]
    np.testing.assert_array_equal(in_two_portions(values, times_s, since, beats, 10.0), expected)


def test_columns_are_taken_one_by_one():
    values = np.random.default_rng(7).normal(size=(40, 3))
    values[:15, 1] = np.nan
    times_s = np.arange(40) * 0.8
    expected = np.column_stack([slow(column, times_s, 9, 10.0) for column in values.T])
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 9, 10.0), expected)


def test_neither_the_beat_itself_nor_later_ones_count_after_the_start():
    rng = np.random.default_rng(8)
    values, times_s = rng.normal(size=50), np.arange(50) * 0.9
    start = int(np.sum(times_s < 10.0))
    before = median_of_earlier(values, times_s, 20, 10.0)
    for beat in range(start, 50):
        changed = values.copy()
        changed[beat:] = 1e6
        np.testing.assert_array_equal(median_of_earlier(changed, times_s, 20, 10.0)[: beat + 1], before[: beat + 1])


def test_first_beat_after_a_late_start_stands_for_itself():
    values, times_s = np.array([3.0, 8.0, 1.0]), np.array([20.0, 21.0, 22.0])
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 10, 10.0), [3.0, 3.0, 5.5])
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 10, 0.0), [3.0, 3.0, 5.5])


def test_beats_without_a_value_before_stand_for_themselves():
    values, times_s = np.array([np.nan, np.nan, 7.0, 9.0]), np.array([1.0, 2.0, 11.0, 12.0])
    np.testing.assert_array_equal(median_of_earlier(values, times_s, 10, 10.0), [np.nan, np.nan, 7.0, 7.0])


@pytest.mark.parametrize("values", [np.empty(0), np.empty((0, 2))])
def test_no_beat_has_no_median(values):
    assert median_of_earlier(values, np.empty(0), 10, 10.0).shape == values.shape


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.75])
def test_quantile_equals_the_definition(quantile):
    rng = np.random.default_rng(9)
    values, times_s = rng.normal(size=60), np.cumsum(rng.uniform(0.4, 1.2, size=60))
    start = int(np.sum(times_s < 10.0))
    expected = [np.quantile(values[:start] if i < start else values[max(0, i - 7) : i], quantile) for i in range(60)]
    np.testing.assert_allclose(quantile_of_earlier(values, times_s, 7, 10.0, quantile), expected)


@pytest.mark.parametrize("since", [15, 30, 58, 59, 60])
@pytest.mark.parametrize("beats", [1, 7, 1000])
def test_quantile_of_the_last_beats_alone_is_the_same(since, beats):
    rng = np.random.default_rng(12)
    values, times_s = rng.normal(size=60), np.cumsum(rng.uniform(0.4, 1.2, size=60))
    values[rng.random(60) < 0.3] = np.nan
    expected = quantile_of_earlier(values, times_s, beats, 10.0, 0.75)[since:]
    np.testing.assert_allclose(in_two_portions(values, times_s, since, beats, 10.0, 0.75), expected, rtol=1e-12)


def test_values_are_left_as_they_are():
    values = np.array([1, 5, 2, 8])
    median_of_earlier(values, np.arange(4.0), 2, 1.0)
    assert values.tolist() == [1, 5, 2, 8]
