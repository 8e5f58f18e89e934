import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly import metrics
from ecg_anomaly.config import load_config
from ecg_anomaly.evaluation import evaluate, main_figures

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
