"""A whole evaluation, with an average of beats in place of the network."""

import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.detector.scorer import with_anomaly_score
from ecg_anomaly.detector.surprise import reconstruction_error
from ecg_anomaly.evaluation import evaluate
from ecg_anomaly.evaluation.summary import summary
from ecg_anomaly.handover import beats as beat_files
from ecg_anomaly.handover.beats import load_windows, read_table
from ecg_anomaly.handover.model import read_left_out
from ecg_anomaly.handover.scores import (
    ScoredRecords,
    open_reconstructions,
    read_baselines,
    read_evaluation,
    read_metrics,
    read_scores,
)
from ecg_anomaly.manifest import handover, write_json
from tests.handover_files import evaluation_of, write_run

BEATS = 3 * 250


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def whole(run):
    return read_evaluation(run.outputs, files=[])


@pytest.fixture(scope="module")
def scores(run):
    return read_scores(run.outputs)


def judged_with(run, whole, detection):
    """Judge the scores of the run, with what a detector found."""
    scored = ScoredRecords(read_scores(run.outputs), read_baselines(run.outputs), pd.DataFrame())
    left_out = with_anomaly_score(read_left_out(run.folder / "models"), run.config.scoring.components)
    return evaluate.judge(scored, left_out, whole.threshold, detection, {}, run.config)


def detected(symbols="VNN"):
    """What a detector found that missed so many beats of the first record."""
    counts = pd.DataFrame({"record": ["mitdb/100", "mitdb/103"], "annotated": 200, "detected": 210, "matched": 195})
    missed = pd.DataFrame({"record": "mitdb/100", "sample": range(len(symbols)), "aami_class": list(symbols)})
    return Detection(counts, missed.assign(anomalous=missed["aami_class"] != "N"))


def test_test_beats_are_scored_and_cut_by_what_was_learned_from_patients_left_out(run, whole, scores):
    assert len(scores) == len(open_reconstructions(run.outputs)) == len(read_baselines(run.outputs)) == BEATS
    assert set(scores["split"]) == {"test"}
    assert (scores["flagged"] == (scores["anomaly_score"] > scores["threshold"])).all()
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


def test_reconstructions_are_those_of_the_beats_in_their_rows(run, scores):
    windows, reconstructions = load_windows(run.folder / "processed", scores), open_reconstructions(run.outputs)
    errors = reconstruction_error(windows, reconstructions)
    np.testing.assert_allclose(scores["reconstruction_error"], errors, rtol=1e-9)


def test_scores_do_not_depend_on_how_many_beats_are_read_or_scored_at_once(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", noise=0)  # the made-up network then gives each beat what it gave it before
    monkeypatch.setattr(beat_files, "BEATS_AT_ONCE", 70)
    monkeypatch.setattr(beat_files, "_ROWS_AT_ONCE", 100)
    monkeypatch.setattr(evaluate, "_BEATS_AT_ONCE", 300)
    with handover(tmp_path / "again") as output:
        found = evaluation_of(run, output, noise=0)
        write_json(output.path("manifest.json"), {})
    before, again = read_scores(run.outputs), read_scores(tmp_path / "again")
    pd.testing.assert_frame_equal(before, again, rtol=1e-5)
    assert found.metrics["auc"] == pytest.approx(read_evaluation(run.outputs, files=[]).metrics["auc"], abs=1e-9)
    pd.testing.assert_frame_equal(read_baselines(run.outputs), read_baselines(tmp_path / "again"), rtol=1e-9)
    reconstructions = open_reconstructions(tmp_path / "again")
    np.testing.assert_allclose(open_reconstructions(run.outputs), reconstructions, atol=1e-6)


def test_flagged_beats_alone_are_called_something(whole, scores):
    assert scores.columns[-3:].tolist() == ["threshold", "flagged", "called"]
    assert (scores["called"] == "").equals(~scores["flagged"])
    ventricular = scores[scores["called"] == "V"]
    assert (ventricular["log_odds_V"] > ventricular["log_odds_S"].clip(lower=0)).all()
    assert whole.metrics["named"]["V"]["sensitivity"] > 0.8


def test_missed_anomalous_beats_cost_as_much_as_they_should(run, whole, scores):
    judged, before = judged_with(run, whole, detected("V" * 20)), whole.metrics
    after, anomalous = judged.metrics, scores["anomalous"].sum()
    # Each of the new pairs is in the wrong order.
    assert after["auc"] == pytest.approx(before["auc"] * anomalous / (anomalous + 20))
    found = before["sensitivity"]["all"] * anomalous
    assert after["sensitivity"]["all"] == pytest.approx(found / (anomalous + 20))
    assert after["false_positive_rate"] == before["false_positive_rate"]
    assert after["false_alarms_per_hour"] == pytest.approx(before["false_alarms_per_hour"], rel=1e-12)
    assert after["components"]["rhythm"]["auc"] < before["components"]["rhythm"]["auc"]
    assert after["baselines"]["pca"]["auc"] < before["baselines"]["pca"]["auc"]
    assert judged.confusion.to_numpy().sum() == sum(after["beats"].values()) == BEATS + 20


def test_what_was_detected_stands_beside_the_figures_of_each_record(run, whole):
    judged = judged_with(run, whole, detected())
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
    runs = (write_run(tmp_path_factory.mktemp("leads"), ["mitdb/100"], missing_leads=lost, noise=0) for lost in (0, 1))
    both, expected = (read_metrics(run.outputs) for run in runs)
    alone = both["single_lead"]
    assert alone.keys() == {"1", "2"}
    assert alone["1"]["auc"] == pytest.approx(expected["auc"], abs=1e-9)
    assert alone["1"]["average_precision"] == pytest.approx(expected["average_precision"], abs=1e-9)
    assert alone["1"] != alone["2"]


def test_beats_that_count_are_those_of_the_test_split_unless_nothing_can_be_said_of_them():
    beats = pd.DataFrame({"split": ["train", "test", "test"]})
    assert evaluate.evaluated_beats(beats).tolist() == [False, True, True]
    assert evaluate.evaluated_beats(beats.assign(evaluated=[True, False, True])).tolist() == [False, False, True]
