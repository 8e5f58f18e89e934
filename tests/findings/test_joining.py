"""Joining what is near."""

import numpy as np
import pytest

from ecg_anomaly.findings.joining import NONE, join_nearest

FEATURES, COUNTS = np.array([[0.0], [1.0], [10.0], [11.5]]), np.array([1, 2, 3, 4])


@pytest.mark.parametrize(
    ("most", "within", "adding", "parts"),
    [(3, 0, 0, [0, 0, 1, 2]), (4, 2, 0, [0, 0, 1, 1]), (4, 0, 1, [0, 0, 1, 2]), (4, 0, 0, [0, 1, 2, 3])],
)
def test_the_nearest_are_joined(most, within, adding, parts):
    np.testing.assert_array_equal(join_nearest(FEATURES, COUNTS, most, within, adding), parts)


@pytest.mark.parametrize(
    ("most", "loose", "left_out", "parts"),
    [
        (2, 1, np.inf, [0, 0, 1, 1]),
        (1, 1, np.inf, [0, 0, 1, 1]),  # as one they would be too loose
        (1, 9, 20, [0, 0, 0, 0]),
        (1, 9, 6, [NONE, NONE, 0, 0]),  # which costs 3 times 36, where joining them costs 2.1 times 108
        (3, 0.1, 0.5, [NONE, 0, 1, 2]),
    ],
)
def test_what_is_too_loose_or_costs_too_much_is_left_out(most, loose, left_out, parts):
    found = join_nearest(FEATURES, COUNTS, most, loose=loose, left_out=left_out)
    np.testing.assert_array_equal(found, parts)


def test_what_is_loose_by_itself_is_part_of_nothing():
    found = join_nearest(FEATURES, COUNTS, 4, within=2, scatter=np.array([0, 9, 1, 1]), loose=2)
    np.testing.assert_array_equal(found, [0, NONE, 1, 1])
    assert len(join_nearest(FEATURES[:0], COUNTS[:0], 4)) == 0
