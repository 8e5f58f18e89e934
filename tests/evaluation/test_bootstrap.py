import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ecg_anomaly.evaluation.bootstrap import confidence_intervals, drawn_patients


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


def test_intervals_are_those_of_figures_with_each_beat_as_often_as_its_patient_is_drawn():
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "record": np.repeat([f"db/{name}" for name in "cabd"], 50),
            "anomalous": random.random(200) < 0.2,
            "anomaly_score": random.integers(6, size=200),  # many are equal
            "rr_before_s": 0.8,
            "flagged": False,
        }
    )
    found = confidence_intervals(table, resamples=30, seed=1)
    patients = table["record"].map({f"db/{name}": number for number, name in enumerate("abcd")})
    weights = drawn_patients(4, 30, seed=1)[:, patients]
    for name, figure in (("auc", roc_auc_score), ("average_precision", average_precision_score)):
        drawn = [figure(table["anomalous"], table["anomaly_score"], sample_weight=its) for its in weights]
        assert found[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), rel=1e-12)
