"""Detected beats beside annotated ones, as AAMI EC57 compares them."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from wfdb.processing import compare_annotations

from ecg_anomaly.beats.matching import NO_BEAT, UNMATCHED, compare_beats, in_flutter, match_beats
from ecg_anomaly.records.annotations import Annotations

RATE_HZ = 360.0
WINDOW = 54  # samples: 150 ms


def match(annotated, detected):
    return match_beats(np.array(annotated, dtype=int), np.array(detected, dtype=int), RATE_HZ).tolist()


def annotations(samples, symbols):
    return Annotations(np.array(samples), np.array(list(symbols), dtype=object))


def compare(found, detected):
    classes = np.where(np.isin(found.symbols, ["N", "V", "!"]), "N", NO_BEAT)
    return compare_beats(found, classes, np.array(detected, dtype=int), RATE_HZ)


def heart_beats(seed):
    """Annotated beats as close as they come, and a detector that errs in every way."""
    rng = np.random.default_rng(seed)
    annotated = np.cumsum(rng.integers(110, 400, size=60))
    detected = annotated[rng.random(60) > 0.1]
    detected = detected + rng.integers(-65, 66, size=len(detected))
    detected = np.sort(np.append(detected, rng.integers(0, annotated[-1], size=6)))
    apart = np.append(True, np.diff(detected) > 72)  # no detector finds two beats within 200 ms
    return annotated, detected[apart]


@pytest.mark.parametrize(
    ("annotated", "detected", "expected"),
    [
        ([1000], [1000 + WINDOW], [0]),
        ([1000], [1000 - WINDOW], [0]),
        ([1000], [1000 + WINDOW + 1], [UNMATCHED]),
        ([1000], [1000 - WINDOW - 1], [UNMATCHED]),
        ([1000, 1300, 1600], [1010, 1590], [0, UNMATCHED, 1]),
        ([1000, 1600], [1000, 1300, 1600], [0, 2]),
        ([1000], [960, 1010], [1]),  # the nearer one
        ([1000], [990, 1040], [0]),
        ([1000, 1050], [1040], [UNMATCHED, 0]),
        ([1000, 1000], [1000], [UNMATCHED, 0]),  # two annotations at one time are one beat
        ([], [10, 20], []),
        ([10, 20], [], [UNMATCHED, UNMATCHED]),
        ([0, 40, 60, 80], [10, 78], [0, UNMATCHED, UNMATCHED, 1]),
    ],
)
def test_matches_by_hand(annotated, detected, expected):
    assert match(annotated, detected) == expected


@pytest.mark.parametrize(("rate_hz", "reach"), [(128, 19), (250, 37), (360, 54), (1000, 150)])
def test_the_window_is_150_ms_at_any_sampling_rate(rate_hz, reach):
    for apart, expected in ((reach, 0), (reach + 1, UNMATCHED)):
        assert match_beats(np.array([500]), np.array([500 + apart]), rate_hz).tolist() == [expected]


@pytest.mark.parametrize("seed", range(20))
def test_as_many_beats_are_matched_as_can_be(seed):
    annotated, detected = heart_beats(seed)
    apart = np.abs(annotated[:, np.newaxis] - detected)
    rows, columns = linear_sum_assignment(np.where(apart <= WINDOW, apart, 1e6))
    most = np.sum(apart[rows, columns] <= WINDOW)
    assert np.sum(match_beats(annotated, detected, RATE_HZ) != UNMATCHED) == most


@pytest.mark.parametrize("seed", range(20))
def test_matches_are_those_of_wfdb_where_it_has_no_doubt(seed):
    annotated, detected = heart_beats(seed)
    theirs = compare_annotations(annotated, detected, WINDOW + 1).matching_sample_nums
    np.testing.assert_array_equal(match_beats(annotated, detected, RATE_HZ), theirs)


@pytest.mark.parametrize("seed", range(20))
def test_no_beat_is_matched_twice_and_none_beyond_the_window(seed):
    rng = np.random.default_rng(seed)
    annotated, detected = (np.sort(rng.integers(0, 3000, size=80)) for _ in range(2))  # far denser than beats are
    matched = match_beats(annotated, detected, RATE_HZ)
    found = matched[matched != UNMATCHED]
    assert np.all(np.diff(found) > 0)
    assert np.all(np.abs(annotated[matched != UNMATCHED] - detected[found]) <= WINDOW)


def test_both_sides_know_their_partner():
    compared = compare(annotations([0, 300, 600, 900], "NV+N"), [310, 500, 905])
    assert compared.annotated.samples.tolist() == [0, 300, 900]
    assert compared.detected_of.tolist() == [UNMATCHED, 0, 2]
    assert compared.annotated_of.tolist() == [1, UNMATCHED, 2]
    assert not compared.in_flutter.any()


def test_flutter_is_left_out_on_both_sides():
    found = annotations([300, 600, 700, 800, 900, 1200], "N[!!]N")
    compared = compare(found, [300, 640, 700, 899, 1000, 1200])
    assert compared.annotated.samples.tolist() == [300, 1200]
    assert compared.annotated_of.tolist() == [0, UNMATCHED, UNMATCHED, UNMATCHED, UNMATCHED, 1]
    assert compared.in_flutter.tolist() == [False, True, True, True, False, False]


def test_a_beat_beside_flutter_may_be_found_within_it():
    compared = compare(annotations([580, 600, 900], "N[]"), [610])
    assert compared.detected_of.tolist() == [0]
    assert not compared.in_flutter.any()


def test_flutter_that_does_not_end_lasts_to_the_end():
    found = annotations([100, 200, 500, 600], "[][N")
    inside = in_flutter(np.array([50, 100, 200, 300, 500, 9000]), found)
    assert inside.tolist() == [False, True, True, False, True, True]
