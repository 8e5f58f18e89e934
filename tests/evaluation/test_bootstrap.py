import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.evaluation.bootstrap import confidence_intervals


def beats(flagged):
    """Two patients, an hour each, with two normal and then two anomalous beats."""
    table = pd.DataFrame(
        {
            "record": ["db/a"] * 4 + ["db/b"] * 4,
            "anomalous": [False, False, True, True] * 2,
            "anomaly_score": np.arange(8.0),
            "rr_before_s": 900.0,
        }
    )
    return table.assign(flagged=flagged)


def test_intervals_span_what_each_patient_gives_alone():
    found = confidence_intervals(beats([False, True, True, True, False, False, False, True]), resamples=400, seed=1)
    assert found["false_alarms_per_hour"] == pytest.approx([0, 1])
    assert found["precision"] == pytest.approx([2 / 3, 1])
    assert found["sensitivity"] == pytest.approx([0.5, 1])
    assert found["false_positive_rate"] == pytest.approx([0, 0.5])


def test_where_nothing_is_flagged_there_is_no_precision():
    found = confidence_intervals(beats(flagged=False), resamples=20, seed=1)
    assert found["precision"] is None
    assert found["false_alarms_per_hour"] == [0, 0]


def test_without_resamples_there_are_no_intervals():
    assert set(confidence_intervals(beats(flagged=True), resamples=0, seed=1).values()) == {None}
