import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.evaluation import metrics

# Twenty normal beats with scores 0 to 19, and five anomalous ones.
CLASSES = np.array(["N"] * 20 + ["S", "S", "V", "F", "Q"])
SCORES = np.array([*range(20), 18.5, 5.5, 30.0, 17.5, 19.5], dtype=float)


def tabled(classes, records="db/a", rr_s=1.0):
    return pd.DataFrame({"record": records, "aami_class": classes, "rr_before_s": rr_s})


def random_beats(seed, beats=400, with_ties=True):
    rng = np.random.default_rng(seed)
    classes = rng.choice(["N", "S", "V", "F", "Q"], size=beats, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    scores = rng.normal(size=beats) + (classes != "N")
    records = rng.choice(["db/a", "db/b", "db/c"], size=beats)
    return tabled(classes, records), np.round(scores, 1) if with_ties else scores


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
    figures = metrics.ranking_figures(tabled(CLASSES), SCORES)
    # Anomalous beats are above 19, 6, 20, 18 and 20 of 20 normal ones.
    assert figures["auc"] == pytest.approx((19 + 6 + 20 + 18 + 20) / 100)
    # From the top: V, Q, n, S, n, F, ... at rank 1, 2, 4, 6; the last one below 14 normal beats more.
    assert figures["average_precision"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 6 + 5 / 19) / 5)
    # At most one of twenty normal beats: the score 19 is flagged, and above it V, Q; then S, before 18.
    assert figures["sensitivity_at_fpr"]["0.05"] == {"S": 0.5, "V": 1.0, "F": 0.0, "all": 3 / 5}
    # None of twenty.
    assert figures["sensitivity_at_fpr"]["0.01"] == {"S": 0.0, "V": 1.0, "F": 0.0, "all": 2 / 5}
    assert figures["sensitivity_at_fpr"]["0.02"] == figures["sensitivity_at_fpr"]["0.01"]


def test_sensitivity_and_false_alarms_per_hour_by_hand():
    # Six minutes: of the normal scores 19, 18, 17, ... 10 an hour allow one, 20 two, 60 six.
    figures = metrics.ranking_figures(tabled(CLASSES, rr_s=14.4001), SCORES)
    at_alarms = figures["sensitivity_at_false_alarms_per_hour"]
    assert at_alarms["10"] == {"S": 0.5, "V": 1.0, "F": 0.0, "all": 3 / 5}  # above 18
    assert at_alarms["20"] == {"S": 0.5, "V": 1.0, "F": 1.0, "all": 4 / 5}  # above 17
    assert at_alarms["60"] == at_alarms["20"]  # above 13
    assert figures["false_alarms_per_hour_at_sensitivity_V"] == {"0.95": 0.0}

    # All but 5 % of these reach 2 + 0.05 * 10; above it lie the normal scores 3 to 19.
    more = metrics.ranking_figures(tabled(["N"] * 20 + ["V"] * 2, rr_s=360 / 22), np.array([*range(20), 2.0, 12.0]))
    assert more["false_alarms_per_hour_at_sensitivity_V"]["0.95"] == pytest.approx(17 * 10)


def test_as_many_false_alarms_as_there_are_normal_beats_leave_the_lowest():
    figures = metrics.ranking_figures(tabled(["N", "N", "V", "V"], rr_s=900.0), np.array([1.0, 2.0, 1.5, 1.0]))
    assert figures["sensitivity_at_false_alarms_per_hour"]["60"]["V"] == 0.5


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("with_ties", [False, True])
def test_ranking_equals_the_definitions(seed, with_ties):
    beats, scores = random_beats(seed, with_ties=with_ties)
    classes, records = beats["aami_class"].to_numpy(), beats["record"].to_numpy()
    anomalous = classes != "N"
    figures = metrics.ranking_figures(beats, scores)

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
    figures = metrics.ranking_figures(tabled(classes, records), scores)
    own = records == "db/b"
    expected = auc_by_pairs(classes[own] != "N", scores[own])
    assert figures["per_record_auc_mean"] == {"mean": pytest.approx(expected), "records": 1}


def test_threshold_figures_by_hand():
    flagged = SCORES > 17.2
    figures = metrics.threshold_figures(CLASSES, flagged, hours=0.25)
    assert figures["false_alarms_per_hour"] == 8
    assert figures["false_positive_rate"] == 2 / 20
    assert figures["sensitivity"] == {"S": 0.5, "V": 1.0, "F": 1.0, "all": 4 / 5}
    assert figures["precision"] == 4 / 6
    assert figures["f1"] == pytest.approx(2 * (4 / 6) * (4 / 5) / (4 / 6 + 4 / 5))


def test_figures_that_are_undefined_are_none():
    normal, anomalous = np.array(["N"] * 9), np.array(["V"] * 9)
    scores, nothing = np.arange(9.0), dict.fromkeys(("S", "V", "F", "all"))

    only_normal = metrics.ranking_figures(tabled(normal), scores)
    assert only_normal["auc"] is None
    assert only_normal["average_precision"] is None
    assert only_normal["sensitivity_at_fpr"]["0.05"] == nothing
    assert only_normal["sensitivity_at_false_alarms_per_hour"]["20"] == nothing
    assert only_normal["false_alarms_per_hour_at_sensitivity_V"] == {"0.95": None}
    assert only_normal["per_record_auc_mean"] == {"mean": None, "records": 0}
    only_anomalous = metrics.ranking_figures(tabled(anomalous), scores)
    assert only_anomalous["auc"] is None
    assert only_anomalous["sensitivity_at_fpr"]["0.05"]["V"] is None
    assert only_anomalous["sensitivity_at_false_alarms_per_hour"]["20"] == nothing
    assert only_anomalous["false_alarms_per_hour_at_sensitivity_V"] == {"0.95": None}
    assert metrics.ranking_figures(tabled(CLASSES[:22]), SCORES[:22])["sensitivity_at_fpr"]["0.05"]["V"] is None
    no_time = metrics.ranking_figures(tabled(CLASSES, rr_s=0.0), SCORES)
    assert no_time["sensitivity_at_false_alarms_per_hour"]["20"] == nothing
    assert no_time["false_alarms_per_hour_at_sensitivity_V"] == {"0.95": None}

    none_flagged = metrics.threshold_figures(normal, np.zeros(9, dtype=bool), hours=0.0)
    assert {none_flagged[name] for name in ("precision", "f1", "false_alarms_per_hour")} == {None}
    assert none_flagged["sensitivity"] == nothing
    assert none_flagged["false_positive_rate"] == 0
    assert metrics.threshold_figures(anomalous, np.ones(9, dtype=bool), 1.0)["false_positive_rate"] is None


def test_figures_are_json_without_nan():
    for classes in (CLASSES, np.array(["N"] * 25), np.array(["V"] * 25)):
        beats = tabled(classes).assign(anomalous=classes != "N", anomaly_score=SCORES, flagged=SCORES > 17.2, called="")
        figures = {
            **metrics.score_figures(beats),
            "named": metrics.named_figures(beats),
            "quiet_records": metrics.quiet_figures(beats),
            "beats": metrics.class_counts(classes),
        }
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_names_are_counted_as_ec57_counts_them():
    # Called V: two V, an S and an N; a fusion beat and one of class Q count on neither side. Called S: an S, an F, a V.
    classes, called = [*"VVSNFQ", *"SFVQVNN"], [*"VVVVVV", *"SSSS", "other", "other", ""]
    records = ["db/a"] * 6 + ["db/b"] * 7
    named = metrics.named_figures(tabled(classes, records).assign(called=called))
    assert named["V"] == {"sensitivity": 2 / 4, "positive_predictivity": 2 / 4}
    assert named["S"] == {"sensitivity": 1 / 2, "positive_predictivity": 1 / 3}
    average = named["average_over_records"]
    assert average["V"] == {"sensitivity": 1 / 2, "positive_predictivity": 2 / 4}  # of the one that has beats called V
    assert average["S"] == {"sensitivity": 1 / 2, "positive_predictivity": 1 / 3}


def test_without_beats_of_a_class_its_name_has_no_figures():
    named = metrics.named_figures(tabled(["N", "F"]).assign(called=["", "V"]))
    assert named["V"] == named["S"] == {"sensitivity": None, "positive_predictivity": None}


def test_quiet_records_are_those_with_at_most_six_anomalous_beats():
    classes = np.array([*"NNNV", *"VVVVVV", "N", *"VVVVVVV", "N"])
    records = ["db/a"] * 4 + ["db/b"] * 7 + ["db/c"] * 8
    beats = tabled(classes, records, rr_s=3600 / 11).assign(anomalous=classes != "N", flagged=True)
    quiet = metrics.quiet_figures(beats)
    assert quiet["records"] == 2
    assert quiet["false_alarms_per_hour"] == pytest.approx(4)  # in an hour
    assert quiet["precision"] == 7 / 11
    assert quiet["sensitivity"] == {"S": None, "V": 1.0, "F": None, "all": 1.0}
    none = metrics.quiet_figures(beats[11:])
    assert (none["records"], none["false_alarms_per_hour"], none["precision"]) == (0, None, None)


def test_class_counts_name_every_class():
    assert metrics.class_counts(CLASSES) == {"N": 20, "S": 2, "V": 1, "F": 1, "Q": 1}
    assert metrics.class_counts(CLASSES[:20]) == {"N": 20, "S": 0, "V": 0, "F": 0, "Q": 0}


def test_per_record_by_hand():
    beats = pd.DataFrame(
        {
            "record": ["db/b"] * 4 + ["db/a"] * 2,
            "aami_class": ["N", "N", "V", "S", "N", "N"],
            "rr_before_s": 900.0,
            "anomaly_score": [1.0, 3.0, 2.0, 4.0, 1.0, 2.0],
        }
    )
    beats["anomalous"] = beats["aami_class"] != "N"
    beats["flagged"] = beats["anomaly_score"] > 2.5

    table = metrics.per_record(beats).set_index("record")

    assert list(table.index) == ["db/b", "db/a"]  # as they come
    assert table.loc["db/b", ["beats", "anomalous", "flagged"]].tolist() == [4, 2, 2]
    assert table.loc["db/b", ["false_alarms_per_hour", "precision"]].tolist() == [1, 1 / 2]
    assert table.loc["db/b", "auc"] == 3 / 4
    assert table.loc["db/b", "average_precision"] == (1 + 2 / 3) / 2
    rates = ["false_positive_rate", "sensitivity_S", "sensitivity_V", "sensitivity"]
    assert table.loc["db/b", rates].tolist() == [0.5, 1.0, 0.0, 0.5]
    assert table.loc["db/a", ["beats", "anomalous", "flagged", "false_positive_rate"]].tolist() == [2, 0, 0, 0]
    assert table.loc["db/a", ["precision", "auc", "average_precision", "sensitivity_S", "sensitivity"]].isna().all()


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
