import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.thresholds import FittedThreshold, find_threshold, flag_beats, recorded_hours
from ecg_anomaly.errors import UserError

METHODS = ["false_alarms_per_hour", "percentile"]


def scored(scores, anomalous=None, record="db/a"):
    """Beats at one per second."""
    anomalous = np.zeros(len(scores), dtype=bool) if anomalous is None else np.asarray(anomalous, dtype=bool)
    scores = np.array(scores, dtype=float)
    return pd.DataFrame({"record": record, "rr_before_s": 1.0, "anomalous": anomalous, "anomaly_score": scores})


def find(beats, method, value=None):
    overrides = [f"threshold.method={method}"] + ([] if value is None else [f"threshold.{method}={value}"])
    return find_threshold(beats, load_config(overrides=overrides).threshold)


def random_beats(seed=1, beats=300):
    rng = np.random.default_rng(seed)
    return scored(rng.normal(size=beats), rng.random(beats) < 0.3)


def test_percentile_of_the_normal_beats():
    beats = scored([*range(101), 500, 600], [False] * 101 + [True] * 2)
    found = find(beats, "percentile", 95.0)
    assert (found.threshold, found.percentile, found.false_alarms_per_hour) == (95.0, 95.0, None)
    assert (found.normal_beats, found.patients) == (101, 1)


def test_false_alarms_are_counted_per_recorded_hour():
    # One beat per second: an hour, half of it of anomalous beats, which raise no false alarm.
    beats = scored(np.random.default_rng(2).permutation(3600), np.arange(3600) % 2)
    assert recorded_hours(beats) == 1.0
    found = find(beats, "false_alarms_per_hour", 60.0)
    normal = beats.loc[~beats["anomalous"], "anomaly_score"]
    assert np.sum(normal > found.threshold) == 60
    assert (found.false_alarms_per_hour, found.percentile, found.normal_beats) == (60.0, None, 1800)


def test_the_rate_is_said_of_each_patient():
    """Half an hour each: of the six false alarms the quiet patient raises none, the others two and four."""
    quiet, restless = (np.arange(1800) / 1800 + level for level in (0, 10))
    noisy = restless + np.where(np.arange(1800) < 2, 50, 0)
    records = pd.concat([scored(quiet), scored(restless, record="db/b"), scored(noisy, record="db/c")])
    found = find(records, "false_alarms_per_hour", 4.0)
    flagged = flag_beats(records, found)
    counts = flagged.groupby("record")["flagged"].sum()
    assert counts.sum() == 4 * 1.5
    low, middle, high = np.percentile(counts * 2, [5, 50, 95])
    assert found.rates_per_hour == pytest.approx({"5": low, "50": middle, "95": high})
    assert (found.patients, low < middle < high) == (3, True)


def test_a_record_without_normal_beats_tells_nothing():
    beats = scored(range(3600))
    others = pd.concat([beats, scored(range(3600), np.ones(3600), record="db/b")])
    assert find(others, "false_alarms_per_hour") == find(beats, "false_alarms_per_hour")


@pytest.mark.parametrize("method", METHODS)
def test_anomalous_beats_do_not_move_the_threshold(method):
    beats = random_beats()
    first = find(beats, method)
    anomalous = beats["anomalous"].to_numpy()
    beats.loc[anomalous, "anomaly_score"] = 1e9 * np.random.default_rng(5).normal(size=anomalous.sum())
    assert find(beats, method) == first


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_beats_does_not_move_the_threshold(method):
    beats = pd.concat([random_beats(1), random_beats(2).assign(record="db/b")])
    assert find(beats.sample(frac=1, random_state=3), method) == find(beats, method)


@pytest.mark.parametrize("method", METHODS)
def test_a_threshold_needs_normal_beats(method):
    with pytest.raises(UserError, match="there is no normal beat to set the threshold from"):
        find(scored([1, 2], [True, True]), method)


def test_a_rate_that_the_beats_do_not_reach_flags_all_but_the_lowest():
    assert find(scored([3, 1, 2]), "false_alarms_per_hour", 1e9).threshold == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_file_holds_the_setting_of_its_method_alone(method):
    found = find(random_beats(), method)
    content = json.loads(json.dumps(found.to_json()))
    assert content.keys() == {"method", "threshold", method, "normal_beats", "patients", "rates_per_hour"}
    assert FittedThreshold(**content) == found


def test_beats_above_the_threshold_are_flagged():
    found = find(scored([0, 1, 2]), "percentile", 50.0)
    table = flag_beats(scored([0.5, 1.0, 1.5]), found)
    assert table["threshold"].tolist() == [1.0] * 3
    assert table["flagged"].tolist() == [False, False, True]


def test_beats_that_cannot_be_read_are_not_flagged():
    found = find(scored([0, 1, 2]), "percentile", 50.0)
    table = flag_beats(scored([1.5, 1.5, 1.5, 0.5]).assign(quality=[0.49, 0.5, np.nan, 0.9]), found)
    assert table["flagged"].tolist() == [False, True, True, False]
