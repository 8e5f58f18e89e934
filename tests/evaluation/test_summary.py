import dataclasses

import pytest

from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.evaluation import summary
from ecg_anomaly.handover.scores import read_evaluation
from ecg_anomaly.words import number, percent, score_text
from tests.handover_files import noise_table, write_run


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    quiet = {"N": 0.995, "V": 0.005}
    records = {"mitdb/100": {"N": 0.9, "S": 0.05, "V": 0.05}, "mitdb/103": quiet, "mitdb/105": {"N": 0.9, "V": 0.1}}
    return read_evaluation(write_run(tmp_path_factory.mktemp("run"), records).outputs, files=[])


def test_false_alarms_and_precision_lead(found):
    first = summary.summary(found).splitlines()[0]
    figures = found.metrics
    alarms, precision = score_text(figures["false_alarms_per_hour"]), percent(figures["precision"])
    assert first.startswith(f"750 test beats: {alarms} false alarms per hour, precision {precision}; AUC ")


def test_order_of_the_summary(found):
    text = summary.summary(dataclasses.replace(found, noise=noise_table()))
    parts = ["V at 10/h", "Beats called V and S", "At the threshold", "components", "per record\n", "with noise added"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_ranking_is_that_of_test_records_of_patients_left_out_and_without_a_record(found):
    table, figures = summary.ranking_table(found.metrics), found.metrics
    assert list(table.index) == ["test records", "left out of training", "test records without mitdb/103"]
    at_alarms = figures["sensitivity_at_false_alarms_per_hour"]
    assert table.loc["test records", "V at 20/h"] == percent(at_alarms["20"]["V"])
    assert table.loc["test records", "S at 60/h"] == percent(at_alarms["60"]["S"])
    at_v = figures["left_out"]["false_alarms_per_hour_at_sensitivity_V"]["0.95"]
    assert table.loc["left out of training", "per hour at V 95 %"] == score_text(at_v)
    without = figures["without_record"]["mitdb/103"]
    assert table.loc["test records without mitdb/103", "AUC"] == number(without["auc"])


def test_threshold_is_judged_on_quiet_records_and_patients_left_out_too(found):
    table, figures = summary.threshold_table(found.metrics), found.metrics
    low, high = figures["confidence_intervals"]["false_alarms_per_hour"]
    assert table.loc["95 % interval", "false alarms per hour"] == f"{score_text(low)} to {score_text(high)}"
    quiet = table.loc["1 record with at most 6 anomalous beats"]
    assert quiet["false alarms per hour"] == score_text(figures["quiet_records"]["false_alarms_per_hour"])
    assert quiet["F1"] == ""
    assert table.loc["left out of training", "precision"] == percent(figures["left_out"]["precision"])


def test_names_stand_gross_and_on_average(found):
    named, table = found.metrics["named"], summary.named_table(found.metrics)
    assert table.loc["gross", "V sensitivity"] == percent(named["V"]["sensitivity"])
    average = named["average_over_records"]["S"]["positive_predictivity"]
    assert table.loc["average", "S positive predictivity"] == percent(average)


def test_every_component_and_baseline_has_its_row(found):
    table = summary.detector_table(found.metrics)
    alone = ["ectopy alone", *(f"unusual {name} alone" for name in ("shape", "for the patient", "rhythm"))]
    assert {"anomaly score", *alone, "baseline: PCA reconstruction error"} <= set(table.index)
    assert "anomaly score without unusual rhythm" in table.index
    assert table.loc["ectopy alone", "AP"] == number(found.metrics["components"]["ectopy"]["average_precision"])


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (
            {"method": "percentile", "percentile": 97.5, "normal_beats": 1280},
            "percentile: 12.3, the 97.5th percentile of 1,280 normal beats of 5 patients",
        ),
        (
            {"method": "false_alarms_per_hour", "false_alarms_per_hour": 60.0, "normal_beats": 1300},
            "false alarms per hour: 12.3, above which 1,300 normal beats of 5 patients raise 60 false alarms per hour",
        ),
    ],
)
def test_how_the_threshold_was_set_and_how_steady_it_is_is_said_in_words(threshold, words):
    others = {"threshold": 12.34, "patients": 5, "rates_per_hour": {"5": 0.5, "50": 20.0, "95": 210.04}}
    steady = "; over these patients the rate has the 5th, 50th and 95th percentiles 0.5, 20 and 210 per hour"
    assert summary.threshold_words(FittedThreshold(**(others | threshold))) == words + steady
