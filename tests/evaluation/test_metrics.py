import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.evaluation import metrics

# Twenty normal beats with scores 0 to 19, and five anomalous ones.
CLASSES = np.array(["N"] * 20 + ["S", "S", "V", "F", "Q"])
SCORES = np.array([*range(20), 18.5, 5.5, 30.0, 17.5, 19.5], dtype=float)
RECORDS = np.array(["db/a"] * 25)


def random_beats(seed, beats=400, with_ties=True):
    rng = np.random.default_rng(seed)
    classes = rng.choice(["N", "S", "V", "F", "Q"], size=beats, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    scores = rng.normal(size=beats) + (classes != "N")
    return classes, np.round(scores, 1) if with_ties else scores, rng.choice(["db/a", "db/b", "db/c"], size=beats)


def auc_by_pairs(anomalous, scores):
    """Share of pairs of an anomalous and a normal beat in the right order; ties count half."""
    pairs = scores[anomalous][:, np.newaxis] - scores[~anomalous]
    return np.mean((pairs > 0) + 0.5 * (pairs == 0))


def average_precision_by_steps(anomalous, scores):
    """Precision at each score from the top, weighted by the share of anomalies that it adds."""
    total, found = 0.0, 0.0
    for cut in np.unique(scores)[::-1]:
        flagged = scores >= cut
        sensitivity = np.mean(flagged[anomalous])
        total += (sensitivity - found) * np.mean(anomalous[flagged])
        found = sensitivity
    return total


def sensitivity_by_search(rate, classes, scores):
    """The largest share of the classes that any threshold with at most this false-positive rate flags."""
    cuts = [cut for cut in [*np.unique(scores), np.inf] if np.mean(scores[classes == "N"] >= cut) <= rate]
    flagged = scores >= min(cuts)
    return {name: np.mean(flagged[classes == name]) for name in "SVF"} | {"all": np.mean(flagged[classes != "N"])}


def test_ranking_by_hand():
    figures = metrics.ranking_figures(CLASSES, SCORES, RECORDS)
    # Anomalous beats are above 19, 6, 20, 18 and 20 of 20 normal ones.
    assert figures["auc"] == pytest.approx((19 + 6 + 20 + 18 + 20) / 100)
    # From the top: V, Q, n, S, n, F, ... at rank 1, 2, 4, 6; the last one below 14 normal beats more.
    assert figures["average_precision"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 6 + 5 / 19) / 5)
    # At most one of twenty normal beats: the score 19 is flagged, and above it V, Q; then S, before 18.
    assert figures["sensitivity_at_fpr"]["0.05"] == {"S": 0.5, "V": 1.0, "F": 0.0, "all": 3 / 5}
    # None of twenty.
    assert figures["sensitivity_at_fpr"]["0.01"] == {"S": 0.0, "V": 1.0, "F": 0.0, "all": 2 / 5}
    assert figures["sensitivity_at_fpr"]["0.02"] == figures["sensitivity_at_fpr"]["0.01"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_ties", [False, True])
def test_ranking_equals_the_definitions(seed, with_ties):
    classes, scores, records = random_beats(seed, with_ties=with_ties)
    anomalous = classes != "N"
    figures = metrics.ranking_figures(classes, scores, records)

    assert figures["auc"] == pytest.approx(auc_by_pairs(anomalous, scores))
    assert figures["average_precision"] == pytest.approx(average_precision_by_steps(anomalous, scores))
    for rate in (0.01, 0.02, 0.05):
        assert figures["sensitivity_at_fpr"][str(rate)] == pytest.approx(sensitivity_by_search(rate, classes, scores))
    per_record = [auc_by_pairs(anomalous[records == name], scores[records == name]) for name in np.unique(records)]
    assert figures["per_record_auc_mean"] == {"mean": pytest.approx(np.mean(per_record)), "records": 3}


def test_only_records_with_more_than_five_anomalous_beats_count_in_their_mean():
    rng = np.random.default_rng(1)
    classes, records = [], []
    for record, anomalous, normal in [("db/a", 5, 50), ("db/b", 6, 50), ("db/c", 40, 0), ("db/d", 0, 50)]:
        classes += ["V"] * anomalous + ["N"] * normal
        records += [record] * (anomalous + normal)
    classes, records, scores = np.array(classes), np.array(records), rng.normal(size=len(classes))
    figures = metrics.ranking_figures(classes, scores, records)
    own = records == "db/b"
    expected = auc_by_pairs(classes[own] != "N", scores[own])
    assert figures["per_record_auc_mean"] == {"mean": pytest.approx(expected), "records": 1}


def test_threshold_figures_by_hand():
    flagged = SCORES > 17.2
    figures = metrics.threshold_figures(CLASSES, flagged)
    assert figures["false_positive_rate"] == 2 / 20
    assert figures["sensitivity"] == {"S": 0.5, "V": 1.0, "F": 1.0, "all": 4 / 5}
    assert figures["precision"] == 4 / 6
    assert figures["f1"] == pytest.approx(2 * (4 / 6) * (4 / 5) / (4 / 6 + 4 / 5))


def test_figures_that_are_undefined_are_none():
    normal, anomalous = np.array(["N"] * 9), np.array(["V"] * 9)
    scores, records = np.arange(9.0), np.array(["db/a"] * 9)

    only_normal = metrics.ranking_figures(normal, scores, records)
    assert only_normal["auc"] is None
    assert only_normal["average_precision"] is None
    assert only_normal["sensitivity_at_fpr"]["0.05"] == {"S": None, "V": None, "F": None, "all": None}
    assert only_normal["per_record_auc_mean"] == {"mean": None, "records": 0}
    only_anomalous = metrics.ranking_figures(anomalous, scores, records)
    assert only_anomalous["auc"] is None
    assert only_anomalous["sensitivity_at_fpr"]["0.05"]["V"] is None
    assert metrics.ranking_figures(CLASSES[:22], SCORES[:22], RECORDS[:22])["sensitivity_at_fpr"]["0.05"]["V"] is None

    nothing = metrics.threshold_figures(normal, np.zeros(9, dtype=bool))
    assert (nothing["precision"], nothing["f1"], nothing["sensitivity"]["all"]) == (None, None, None)
    assert nothing["false_positive_rate"] == 0
    assert metrics.threshold_figures(anomalous, np.ones(9, dtype=bool))["false_positive_rate"] is None


def test_figures_are_json_without_nan():
    for classes in (CLASSES, np.array(["N"] * 25), np.array(["V"] * 25)):
        flagged = SCORES > 17.2
        figures = {
            **metrics.ranking_figures(classes, SCORES, RECORDS),
            **metrics.threshold_figures(classes, flagged),
            "beats": metrics.class_counts(classes),
        }
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_class_counts_name_every_class():
    assert metrics.class_counts(CLASSES) == {"N": 20, "S": 2, "V": 1, "F": 1, "Q": 1}
    assert metrics.class_counts(CLASSES[:20]) == {"N": 20, "S": 0, "V": 0, "F": 0, "Q": 0}


def test_per_record_by_hand():
    beats = pd.DataFrame(
        {
            "record": ["db/b"] * 4 + ["db/a"] * 2,
            "aami_class": ["N", "N", "V", "S", "N", "N"],
            "anomaly_score": [1.0, 3.0, 2.0, 4.0, 1.0, 2.0],
        }
    )
    beats["anomalous"] = beats["aami_class"] != "N"
    beats["flagged"] = beats["anomaly_score"] > 2.5

    table = metrics.per_record(beats).set_index("record")

    assert list(table.index) == ["db/b", "db/a"]  # as they come
    assert table.loc["db/b", ["beats", "anomalous", "flagged"]].tolist() == [4, 2, 2]
    assert table.loc["db/b", "auc"] == 3 / 4
    assert table.loc["db/b", "average_precision"] == (1 + 2 / 3) / 2
    rates = ["false_positive_rate", "sensitivity_S", "sensitivity_V", "sensitivity"]
    assert table.loc["db/b", rates].tolist() == [0.5, 1.0, 0.0, 0.5]
    assert table.loc["db/a", ["beats", "anomalous", "flagged", "false_positive_rate"]].tolist() == [2, 0, 0, 0]
    assert table.loc["db/a", ["auc", "average_precision", "sensitivity_S", "sensitivity"]].isna().all()


def test_confusion_by_hand():
    anomalous, flagged = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 0, 0, 0], dtype=bool)
    table = metrics.confusion(anomalous, flagged)
    assert table.loc["normal"].to_dict() == {"not flagged": 3, "flagged": 1}
    assert table.loc["anomalous"].to_dict() == {"not flagged": 2, "flagged": 1}


def test_confusion_and_report_with_one_kind_of_beat():
    normal, nothing = np.zeros(5, dtype=bool), np.zeros(5, dtype=bool)
    assert metrics.confusion(normal, nothing).to_numpy().tolist() == [[5, 0], [0, 0]]
    report = metrics.report(normal, nothing)
    assert report.loc["normal", "recall"] == 1
    assert report.loc["anomalous", "support"] == 0
    assert report.notna().all(axis=None)


def test_report_by_hand():
    anomalous, flagged = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool), np.array([1, 0, 0, 1, 0, 0, 0], dtype=bool)
    report = metrics.report(anomalous, flagged)
    columns = ["precision", "recall", "f1-score", "support"]
    np.testing.assert_allclose(report.loc["normal", columns].astype(float), [3 / 5, 3 / 4, 2 / 3, 4])
    np.testing.assert_allclose(report.loc["anomalous", columns].astype(float), [1 / 2, 1 / 3, 2 / 5, 3])
    assert report.loc["accuracy", "f1-score"] == pytest.approx(4 / 7)


def test_detection_by_hand():
    counts = pd.DataFrame(
        {
            "record": ["db/a", "db/b", "db/c"],
            "annotated": [100, 300, 0],
            "detected": [101, 250, 0],
            "matched": [99, 240, 0],
        }
    )
    table = metrics.detection_per_record(counts).set_index("record")
    assert table.loc["db/b"].to_dict() == {
        **{"annotated": 300, "detected": 250, "missed": 60, "extra": 10},
        **{"qrs_sensitivity": 0.8, "qrs_positive_predictivity": 0.96},
    }
    assert table.loc["db/c", ["qrs_sensitivity", "qrs_positive_predictivity"]].isna().all()

    figures = metrics.detection_figures(counts)
    assert [figures[name] for name in ("annotated", "detected", "missed", "extra")] == [400, 351, 61, 12]
    assert figures["sensitivity"] == 339 / 400
    assert figures["positive_predictivity"] == 339 / 351
    assert figures["average_over_records"] == {
        "sensitivity": pytest.approx((99 / 100 + 0.8) / 2),
        "positive_predictivity": pytest.approx((99 / 101 + 0.96) / 2),
    }
    nothing = metrics.detection_figures(counts[2:])
    assert (nothing["sensitivity"], nothing["average_over_records"]["positive_predictivity"]) == (None, None)
