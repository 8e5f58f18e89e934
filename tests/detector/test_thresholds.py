import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from ecg_anomaly.config import load_config
from ecg_anomaly.detector.thresholds import find_threshold, flag_beats, recorded_hours
from ecg_anomaly.errors import UserError

START_S = 10.0
ONE_FOR_ALL = ["percentile", "mean_std", "false_alarms_per_hour"]


def settings(method, **values):
    overrides = [f"threshold.{name}={value}" for name, value in {"method": method, **values}.items()]
    return load_config(overrides=overrides).threshold


def validation(scores, anomalous=None, record="db/a", split="validation"):
    """Beats at one per second."""
    anomalous = np.zeros(len(scores), dtype=bool) if anomalous is None else np.asarray(anomalous, dtype=bool)
    times_s = 1.0 + np.arange(len(scores))
    scores = np.array(scores, dtype=float)
    return pd.DataFrame(
        {
            "record": record,
            "time_s": times_s,
            "rr_before_s": 1.0,
            "split": split,
            "anomalous": anomalous,
            "anomaly_score": scores,
        }
    )


def find(beats, method, **values):
    return find_threshold(beats, settings(method, **values), START_S)


def random_validation(seed=1, beats=300):
    rng = np.random.default_rng(seed)
    return validation(rng.normal(size=beats), rng.random(beats) < 0.3)


def test_percentile_of_the_normal_beats():
    beats = validation([*range(101), 500, 600], [False] * 101 + [True] * 2)
    found = find(beats, "percentile", percentile=95.0)
    assert found.threshold == 95.0
    assert found.percentile == 95.0
    assert (found.normal_beats, found.patients, found.uses_labels) == (101, 1, False)


def test_mean_plus_deviations_of_the_normal_beats():
    found = find(validation([1, 3, 100], [False, False, True]), "mean_std", standard_deviations=2.5)
    assert found.threshold == 2 + 2.5 * 1
    assert (found.normal_beats, found.uses_labels) == (2, False)


def test_false_alarms_are_counted_per_recorded_hour():
    scores = np.random.default_rng(2).permutation(3600)  # one per second: an hour
    beats = validation(scores)
    assert recorded_hours(beats) == 1.0
    found = find(beats, "false_alarms_per_hour", false_alarms_per_hour=60.0)
    assert np.sum(scores > found.threshold) == 60


def test_adaptive_margin_is_above_the_recent_median_of_each_patient():
    rng = np.random.default_rng(3)
    calm, restless = rng.normal(size=2000), 50 + 3 * rng.normal(size=800)
    beats = pd.concat([validation(calm), validation(restless, record="db/b")], ignore_index=True)
    found = find(beats, "adaptive", percentile=95.0, recent_beats=100)
    # Both patients count alike, whatever their level and the number of their beats.
    assert found.threshold == pytest.approx((1.645 + 3 * 1.645) / 2, rel=0.15)

    thresholds = flag_beats(beats, found)["threshold"].to_numpy()
    first, last = beats["record"] == "db/a", beats["record"] == "db/b"
    assert thresholds[first].mean() == pytest.approx(found.threshold, abs=0.2)
    assert thresholds[last].mean() == pytest.approx(50 + found.threshold, abs=1)


def test_adaptive_threshold_of_a_beat_knows_earlier_beats_only():
    beats = validation(np.random.default_rng(4).normal(size=60))
    found = find(beats, "adaptive", recent_beats=20)
    changed = beats.copy()
    changed.loc[30:, "anomaly_score"] += 100
    first, second = (flag_beats(table, found)["threshold"].to_numpy() for table in (beats, changed))
    np.testing.assert_array_equal(first[:31], second[:31])
    assert second[-1] > first[-1] + 50


@pytest.mark.parametrize("method", ONE_FOR_ALL)
def test_anomalous_beats_do_not_move_a_threshold_that_uses_no_labels(method):
    beats = random_validation()
    first = find(beats, method)
    anomalous = beats["anomalous"].to_numpy()
    beats.loc[anomalous, "anomaly_score"] = 1e9 * np.random.default_rng(5).normal(size=anomalous.sum())
    assert find(beats, method) == first


@pytest.mark.parametrize("method", [*ONE_FOR_ALL, "adaptive"])
def test_other_splits_do_not_move_a_threshold(method):
    """Under random_beats a record has beats of every split."""
    beats = random_validation()
    beats.loc[::2, "split"] = "test"
    first = find(beats, method)
    other = (beats["split"] == "test").to_numpy() & ~beats["anomalous"].to_numpy()
    relabelled = beats.assign(anomalous=beats["anomalous"] ^ other)
    assert find(relabelled, method).threshold == first.threshold
    assert first.normal_beats == (~beats["anomalous"] & (beats["split"] == "validation")).sum()


@pytest.mark.parametrize("seed", range(6))
def test_best_f1_is_the_best_of_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    anomalous = rng.random(80) < 0.2
    scores = np.round(rng.normal(size=80) + anomalous, 1)  # with ties
    found = find(validation(scores, anomalous), "best_f1")
    best = max(f1_score(anomalous, scores > cut) for cut in np.append(scores, scores.min() - 1))
    assert f1_score(anomalous, scores > found.threshold) == pytest.approx(best, abs=1e-12)
    assert found.uses_labels is True


def test_best_f1_needs_anomalous_beats():
    with pytest.raises(UserError, match="best_f1 needs labelled anomalies"):
        find(validation([1, 2, 3]), "best_f1")


def test_threshold_needs_normal_validation_beats():
    for beats in (validation([1, 2], [True, True]), validation([1, 2], split="test")):
        with pytest.raises(UserError, match=r"split\.validation has no normal beat"):
            find(beats, "percentile")


def test_beats_above_the_threshold_are_flagged():
    found = find(validation([0, 1, 2]), "percentile", percentile=50.0)
    table = flag_beats(validation([0.5, 1.0, 1.5]), found)
    assert table["threshold"].tolist() == [1.0] * 3
    assert table["flagged"].tolist() == [False, False, True]


def test_beats_that_cannot_be_read_are_not_flagged():
    found = find(validation([0, 1, 2]), "percentile", percentile=50.0)
    table = flag_beats(validation([1.5, 1.5, 1.5, 0.5]).assign(quality=[0.49, 0.5, np.nan, 0.9]), found)
    assert table["flagged"].tolist() == [False, True, True, False]
