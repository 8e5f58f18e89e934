"""Recordings that are damaged or odd: ``detect_anomalies.py`` gives an error or a result, never a traceback."""

import json

import numpy as np
import pandas as pd
import pytest

import detect_anomalies
from ecg_anomaly.records.simulate import simulate_record
from tests.conftest import Workspace

RATE_HZ = 360


@pytest.fixture(scope="module")
def lead_mv():
    return simulate_record(3, 1, seed=1).signals_mv[:, 0]


@pytest.fixture
def detect(finished: Workspace, tmp_path, capsys):
    """Analyse a lead as a user would; give exit status, what was printed, and the summary if there is one."""

    def run(values, *options):
        pd.DataFrame({"II": values}).to_csv(tmp_path / "patient.csv", index=False)
        arguments = [str(tmp_path / "patient.csv"), "--sampling-rate", str(RATE_HZ), *options]
        status = detect_anomalies.main([*arguments, "--output", str(tmp_path / "out"), *finished.settings()])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        summary = tmp_path / "out" / "patient.summary.json"
        return status, printed.out + printed.err, json.loads(summary.read_text()) if summary.exists() else None

    return run


@pytest.mark.parametrize(
    ("values", "said"),
    [([], "holds no numbers"), ([0.1], "is shorter than 1 s"), ([np.nan] * 3600, "holds no numbers")],
    ids=["no sample", "one sample", "nothing but gaps"],
)
def test_what_holds_no_ecg_is_refused(detect, values, said):
    status, printed, summary = detect(values)
    assert (status, summary) == (1, None)
    assert said in printed


@pytest.mark.parametrize("value", [0.0, 5.0], ids=["zero", "at the rail"])
def test_a_constant_has_no_beats(detect, value):
    status, printed, summary = detect(np.full(7200, value))
    assert (status, summary["beats"], summary["flagged"]) == (0, 0, 0)
    assert "holds no signal" in printed


def test_a_gap_in_the_middle_is_unreadable(detect, lead_mv):
    broken = lead_mv.copy()
    broken[9000:12600] = np.nan
    status, _, summary = detect(broken)
    assert status == 0
    (event,) = summary["events"]
    assert event["kind"] == "unreadable"
    assert (event["start_s"], event["end_s"]) == pytest.approx((25.0, 35.0), abs=1.5)


def test_clipped_peaks_are_called_out(detect, lead_mv):
    status, printed, summary = detect(np.clip(lead_mv, *np.quantile(lead_mv, [0.02, 0.95])))
    assert status == 0
    assert "saturated" in printed
    assert summary["beats"] > 40


def test_a_lead_upside_down_is_called_out_and_analysed(detect, lead_mv):
    status, printed, summary = detect(-lead_mv)
    assert status == 0
    assert "upside down" in printed
    assert summary["beats"] > 40


def test_a_gain_a_thousand_times_too_large_is_called_out(detect, lead_mv):
    status, printed, summary = detect(1000 * lead_mv)
    assert status == 0
    assert "--gain 1000" in printed
    assert summary["flagged"] == 0
    assert summary["unreadable_share"] > 0.9

    _, printed, mended = detect(1000 * lead_mv, "--gain", "1000", "--force")
    assert "--gain 1000" not in printed
    assert mended["unreadable_share"] < 0.1


def test_mains_hum_changes_nothing(detect, lead_mv):
    _, _, clean = detect(lead_mv)
    hum = 0.5 * np.sin(2 * np.pi * 50 * np.arange(len(lead_mv)) / RATE_HZ)
    status, _, summary = detect(lead_mv + hum, "--force")
    assert status == 0
    assert summary["beats"] == clean["beats"]
    assert summary["flagged"] == clean["flagged"]
    assert summary["unreadable_share"] <= 0.02
