import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import load_config
from ecg_anomaly.evaluation import metrics
from ecg_anomaly.evaluation.figures import (
    evaluate,
    evaluated_beats,
    judge,
    main_figures,
    with_missed_beats,
)

BEATS = 400
COMPONENTS = ["reconstruction", "patient", "rhythm"]


def config(*components, leave_out=()):
    return load_config(
        overrides=[
            f"scoring.components=[{', '.join(components or COMPONENTS)}]",
            f"evaluation.leave_out=[{', '.join(leave_out)}]",
            "evaluation.resamples=5",
        ]
    )


def scored(database="mitdb", components=COMPONENTS):
    """Test beats of two records as in scores.csv, and the scores of a baseline."""
    rng = np.random.default_rng(1)
    classes = rng.choice(["N", "S", "V", "F", "Q"], size=BEATS, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    record = np.repeat([f"{database}/100", f"{database}/200"], BEATS // 2)
    table = pd.DataFrame({"record": record, "rr_before_s": 0.9, "aami_class": classes})
    table["anomalous"] = classes != "N"
    for name in COMPONENTS:
        table[f"{name}_surprise"] = rng.exponential(size=BEATS) + table["anomalous"]
    scores = sum(table[f"{name}_surprise"] for name in components)
    table = table.assign(anomaly_score=scores, threshold=3.5, flagged=scores > 3.5)
    return table, {"pca": rng.random(BEATS)}


def test_figures_of_the_score_and_at_the_threshold():
    table, baselines = scored()
    figures = evaluate(table, baselines, config())

    classes, records = table["aami_class"].to_numpy(), table["record"].to_numpy()
    ranking = metrics.ranking_figures(classes, table["anomaly_score"].to_numpy(), records)
    cut = metrics.threshold_figures(classes, table["flagged"].to_numpy())
    assert figures.items() >= {**ranking, **cut}.items()
    assert figures["prevalence"] == np.mean(classes != "N")
    assert figures["threshold"] == 3.5
    assert figures["beats"] == metrics.class_counts(classes)
    assert figures["baselines"] == {"pca": metrics.ranking_figures(classes, baselines["pca"], records)}
    hours = BEATS * 0.9 / 3600
    false_alarms = np.sum(table["flagged"] & ~table["anomalous"])
    assert figures["false_alarms_per_hour"] == pytest.approx(false_alarms / hours)


def test_every_component_is_judged_alone_and_by_what_the_sum_loses_without_it():
    table, baselines = scored()
    classes, records = table["aami_class"].to_numpy(), table["record"].to_numpy()

    def ranking(*names):
        return metrics.ranking_figures(classes, sum(table[f"{name}_surprise"] for name in names), records)

    two = evaluate(table, baselines, config("reconstruction", "rhythm"))["components"]
    assert two["rhythm"] == {**ranking("rhythm"), "without": ranking("reconstruction")}
    assert two["reconstruction"] == {**ranking("reconstruction"), "without": ranking("rhythm")}
    assert two["patient"] == {**ranking("patient"), "without": None}  # it does not count

    one = evaluate(table, baselines, config("reconstruction"))["components"]
    assert one["reconstruction"]["without"] is None  # nothing would be left


def test_figures_without_a_record_are_those_of_the_others():
    table, baselines = scored()
    figures = evaluate(table, baselines, config(leave_out=["mitdb/200", "mitdb/999"]))
    assert figures["without_record"].keys() == {"mitdb/200"}
    others = table[table["record"] == "mitdb/100"]
    expected = metrics.threshold_figures(others["aami_class"].to_numpy(), others["flagged"].to_numpy())
    assert figures["without_record"]["mitdb/200"].items() >= expected.items()


@pytest.mark.parametrize(("database", "simulated"), [("simdb", True), ("mitdb", False)])
def test_figures_say_whether_records_are_simulated(database, simulated):
    assert evaluate(*scored(database), config())["simulated"] is simulated


@pytest.mark.parametrize("classes", ["NSVFQ", "N", "Q", "NV"])
def test_figures_are_json_without_nan_even_when_undefined(classes):
    table, baselines = scored()
    chosen = table["aami_class"].isin(list(classes)).to_numpy()
    figures = evaluate(table[chosen], {"pca": baselines["pca"][chosen]}, config())
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert len(main_figures(figures)) == 5


def test_main_figures_have_one_row_per_score():
    figures = evaluate(*scored(), config())
    summary = main_figures(figures)
    assert list(summary.index) == ["anomaly score", *(f"{name} alone" for name in COMPONENTS), "baseline: pca"]
    assert summary.loc["anomaly score", "AUC"] == figures["auc"]
    assert summary.loc["rhythm alone", "AP"] == figures["components"]["rhythm"]["average_precision"]
    at_five = figures["baselines"]["pca"]["sensitivity_at_fpr"]["0.05"]
    assert summary.loc["baseline: pca", "V at 5 % FPR"] == at_five["V"]
    assert summary.loc["baseline: pca", "all at 5 % FPR"] == at_five["all"]


def detected(symbols="VNN"):
    """What a detector found that missed so many beats of the first record."""
    counts = pd.DataFrame({"record": ["mitdb/100", "mitdb/200"], "annotated": 200, "detected": 210, "matched": 195})
    missed = pd.DataFrame({"record": "mitdb/100", "sample": range(len(symbols)), "aami_class": list(symbols)})
    return Detection(counts, missed.assign(anomalous=missed["aami_class"] != "N"))


def with_errors():
    return (values.assign(reconstruction_error=1.0) if n == 0 else values for n, values in enumerate(scored()))


def test_missed_beats_lie_below_all_others_and_are_not_flagged():
    table, baselines = with_errors()
    judged, simple = with_missed_beats(table, baselines, detected())

    assert len(judged) == len(simple["pca"]) == BEATS + 3
    pd.testing.assert_frame_equal(judged[:BEATS][table.columns], table)
    for name in ("anomaly_score", "rhythm_surprise", "patient_surprise", "reconstruction_surprise"):
        assert judged[name][BEATS:].max() < judged[name][:BEATS].min()
    assert simple["pca"][BEATS:].max() < simple["pca"][:BEATS].min()
    assert judged["aami_class"][BEATS:].tolist() == ["V", "N", "N"]
    assert judged["anomalous"].dtype == judged["flagged"].dtype == bool
    assert not judged["flagged"][BEATS:].any()


@pytest.mark.parametrize("detection", [None, detected("")], ids=["annotated", "none missed"])
def test_where_no_beat_was_missed_nothing_is_added(detection):
    table, baselines = with_errors()
    judged, simple = with_missed_beats(table, baselines, detection)
    pd.testing.assert_frame_equal(judged, table)
    assert simple == baselines


def test_missed_anomalous_beats_cost_as_much_as_they_should():
    table, baselines = with_errors()
    without, judged = (judge(table, baselines, config(), detection) for detection in (None, detected("V" * 20)))
    anomalous = table["anomalous"].sum()
    # Each of the new pairs is in the wrong order.
    expected = without.figures["auc"] * anomalous / (anomalous + 20)
    assert judged.figures["auc"] == pytest.approx(expected)
    found = without.figures["sensitivity"]["all"] * anomalous
    assert judged.figures["sensitivity"]["all"] == pytest.approx(found / (anomalous + 20))
    assert judged.figures["false_positive_rate"] == without.figures["false_positive_rate"]
    assert judged.figures["false_alarms_per_hour"] == without.figures["false_alarms_per_hour"]
    assert judged.figures["components"]["rhythm"]["auc"] < without.figures["components"]["rhythm"]["auc"]
    assert judged.figures["baselines"]["pca"]["auc"] < without.figures["baselines"]["pca"]["auc"]
    assert judged.confusion.to_numpy().sum() == judged.beats == BEATS + 20


def test_what_was_detected_stands_beside_the_figures_of_each_record():
    table, baselines = with_errors()
    judged = judge(table, baselines, config(), detected())
    assert judged.figures["detection"] == metrics.detection_figures(detected().counts)
    rows = judged.per_record.set_index("record")
    assert rows.loc["mitdb/100", ["beats", "annotated", "missed", "extra"]].tolist() == [203, 200, 5, 15]
    assert rows.loc["mitdb/200", "qrs_positive_predictivity"] == 195 / 210
    assert json.loads(json.dumps(judged.figures, allow_nan=False)) == judged.figures
    assert "detection" not in judge(table, baselines, config(), None).figures


def test_beats_that_count_are_those_of_the_test_split_unless_nothing_can_be_said_of_them():
    beats = pd.DataFrame({"split": ["train", "test", "test"]})
    assert evaluated_beats(beats).tolist() == [False, True, True]
    assert evaluated_beats(beats.assign(evaluated=[True, False, True])).tolist() == [False, False, True]
