"""A whole evaluation, with an average of beats in place of the network."""

import json

import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.evaluation.evaluate import evaluated_beats
from ecg_anomaly.evaluation.summary import summary
from ecg_anomaly.handover.beats import read_table
from tests.handover_files import evaluation_of, write_run

BEATS = 3 * 250


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def whole(run):
    return evaluation_of(run)


def detected(symbols="VNN"):
    """What a detector found that missed so many beats of the first record."""
    counts = pd.DataFrame({"record": ["mitdb/100", "mitdb/103"], "annotated": 200, "detected": 210, "matched": 195})
    missed = pd.DataFrame({"record": "mitdb/100", "sample": range(len(symbols)), "aami_class": list(symbols)})
    return Detection(counts, missed.assign(anomalous=missed["aami_class"] != "N"))


def test_test_beats_are_scored_and_cut_by_what_was_learned_from_patients_left_out(run, whole):
    assert len(whole.scores) == len(whole.reconstructions) == len(whole.baselines["pca"]) == BEATS
    assert set(whole.scores["split"]) == {"test"}
    assert (whole.scores["flagged"] == (whole.scores["anomaly_score"] > whole.scores["threshold"])).all()
    training = read_table(run.folder / "processed").query("split == 'train'")
    assert (whole.threshold.normal_beats, whole.threshold.patients) == ((~training["anomalous"]).sum(), 1)
    assert sum(whole.metrics["left_out"]["beats"].values()) == len(training)
    rates = whole.threshold.rates_per_hour
    assert whole.metrics["left_out"]["false_alarms_per_hour"] == pytest.approx(rates["50"])
    assert whole.metrics["split"] == {
        "train": ["mitdb/101"],
        "validation": ["mitdb/114"],
        "test": ["mitdb/100", "mitdb/103", "mitdb/105"],
    }
    assert whole.confusion.to_numpy().sum() == sum(whole.metrics["beats"].values()) == BEATS
    assert whole.metrics["auc"] > 0.9


def test_flagged_beats_alone_are_called_something(whole):
    scores = whole.scores
    assert scores.columns[-3:].tolist() == ["threshold", "flagged", "called"]
    assert (scores["called"] == "").equals(~scores["flagged"])
    ventricular = scores[scores["called"] == "V"]
    assert (ventricular["log_odds_V"] > ventricular["log_odds_S"].clip(lower=0)).all()
    assert whole.metrics["named"]["V"]["sensitivity"] > 0.8


def test_missed_anomalous_beats_cost_as_much_as_they_should(run, whole):
    judged, before = evaluation_of(run, detected("V" * 20)), whole.metrics
    after, anomalous = judged.metrics, whole.scores["anomalous"].sum()
    # Each of the new pairs is in the wrong order.
    assert after["auc"] == pytest.approx(before["auc"] * anomalous / (anomalous + 20))
    found = before["sensitivity"]["all"] * anomalous
    assert after["sensitivity"]["all"] == pytest.approx(found / (anomalous + 20))
    assert after["false_positive_rate"] == before["false_positive_rate"]
    assert after["false_alarms_per_hour"] == pytest.approx(before["false_alarms_per_hour"], rel=1e-12)
    assert after["components"]["rhythm"]["auc"] < before["components"]["rhythm"]["auc"]
    assert after["baselines"]["pca"]["auc"] < before["baselines"]["pca"]["auc"]
    assert judged.confusion.to_numpy().sum() == sum(after["beats"].values()) == BEATS + 20
    assert len(judged.scores) == len(judged.baselines["pca"]) == BEATS  # what was missed got no score


def test_what_was_detected_stands_beside_the_figures_of_each_record(run, whole):
    judged = evaluation_of(run, detected())
    found = judged.metrics["detection"]
    assert [found[name] for name in ("annotated", "detected", "missed", "extra")] == [400, 420, 10, 30]
    assert (found["sensitivity"], found["positive_predictivity"]) == (390 / 400, 390 / 420)
    rows = judged.per_record.set_index("record")
    assert rows.loc["mitdb/100", ["beats", "annotated", "missed", "extra"]].tolist() == [253, 200, 5, 15]
    assert rows.loc["mitdb/103", "qrs_positive_predictivity"] == 195 / 210
    assert json.loads(json.dumps(judged.metrics, allow_nan=False)) == judged.metrics
    assert "detection" not in whole.metrics
    assert "Beats found from the signal alone" in summary(judged)


def test_figures_of_a_lead_alone_are_those_of_recordings_that_have_no_other(tmp_path_factory):
    both, one = (write_run(tmp_path_factory.mktemp("leads"), ["mitdb/100"], missing_leads=lost) for lost in (0, 1))
    alone = evaluation_of(both, noise=0).metrics["single_lead"]
    assert alone.keys() == {"1", "2"}
    expected = evaluation_of(one, noise=0).metrics
    assert alone["1"]["auc"] == pytest.approx(expected["auc"], abs=1e-9)
    assert alone["1"]["average_precision"] == pytest.approx(expected["average_precision"], abs=1e-9)
    assert alone["1"] != alone["2"]


def test_beats_that_count_are_those_of_the_test_split_unless_nothing_can_be_said_of_them():
    beats = pd.DataFrame({"split": ["train", "test", "test"]})
    assert evaluated_beats(beats).tolist() == [False, True, True]
    assert evaluated_beats(beats.assign(evaluated=[True, False, True])).tolist() == [False, False, True]
