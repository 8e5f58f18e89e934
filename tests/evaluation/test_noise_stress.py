import itertools
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly import workers
from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.stream import Findings, analyse
from ecg_anomaly.errors import UserError
from ecg_anomaly.evaluation import noise_stress
from ecg_anomaly.handover.beats import read_csv
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.catalogue import find_record
from ecg_anomaly.records.noise import KINDS, add_noise, make_noise
from tests.conftest import Workspace

CLASSES = {"N": "N", "A": "S", "V": "V", "F": "F"}
LEVELS_DB = (24, 18, 12, 6, 0)
IN_BAND = ("muscle", "electrode_motion")  # baseline wander is what the band-pass filter takes away
RECORDS = ("simdb/s007", "simdb/s008")


@pytest.fixture(scope="module")
def pooled(detector, finished: Workspace):
    """Figures of both test records with all noises, by kind of noise and ratio."""
    sources = [find_record(name, [finished.records], "atr") for name in RECORDS]
    noises = noise_stress.noises(detector.config.noise)
    rows = [noise_stress.stress_record(detector, files, *noise) for files in sources for noise in noises]
    return noise_stress.pooled(noise_stress.with_figures(pd.DataFrame(rows))).set_index(["noise", "snr_db"])


def findings(samples, flagged, unreadable=(), events=()):
    """Beats one second apart at 100 Hz."""
    beats = pd.DataFrame({"sample": samples, "flagged": np.isin(samples, flagged)})
    beats["time_s"] = beats["sample"] / 100
    beats["readable"] = ~beats["sample"].isin(unreadable)
    return Findings(beats.assign(rr_before_s=1.0, rr_after_s=1.0), list(events))


def annotated(samples, symbols):
    return Annotations(np.array(samples), np.array(list(symbols), dtype=object))


def test_counts_what_was_found_and_what_else():
    annotations = annotated([100, 200, 300, 400, 500, 550, 600, 700], "NVVVA+FN")
    # 100: a false alarm; 205: V, flagged; 300: V, unreadable; 400: V, missed; 500: S, not flagged; 550: extra, flagged
    found = findings([100, 205, 300, 500, 550, 600, 700], flagged=[100, 205, 550, 600], unreadable=[300])
    counts = noise_stress.count_found(found, annotations, CLASSES, 8.0, 100.0)
    assert counts.pop("hours") == pytest.approx(8 / 3600)
    assert counts.pop("unreadable_hours") == pytest.approx(1 / 3600)
    assert counts == {
        "beats": 7,
        "found": 7,
        "matched": 6,
        "false_alarms": 2,
        "beats_S": 1,
        "beats_V": 3,
        "flagged_S": 0,
        "flagged_V": 1,
        "anomalous": 5,
        "flagged_anomalous": 2,
    }


def test_nothing_found_is_nothing_found():
    lost = Event(UNREADABLE, 0.0, 8.0)
    counts = noise_stress.count_found(findings([], [], events=[lost]), annotated([100, 200], "NV"), CLASSES, 8.0, 100.0)
    figures = noise_stress.with_figures(pd.DataFrame([counts])).iloc[0]
    assert figures["sensitivity_V"] == figures["qrs_sensitivity"] == figures["false_alarms_per_hour"] == 0
    assert figures["unreadable_share"] == 1
    assert np.isnan(figures["qrs_positive_predictivity"])
    assert np.isnan(figures["sensitivity_S"])


def test_flutter_counts_on_neither_side():
    annotations = annotated([100, 200, 250, 300, 350, 400], "N[V!]N")
    counts = noise_stress.count_found(findings([100, 310, 400], flagged=[310]), annotations, CLASSES, 5.0, 100.0)
    assert (counts["beats"], counts["found"], counts["matched"], counts["false_alarms"]) == (2, 2, 2, 0)


def test_figures_follow_from_counts_and_pooling_adds_counts_up():
    counts = {
        "hours": [0.5, 1.5],
        "unreadable_hours": [0.0, 0.5],
        "beats": [100, 300],
        "found": [90, 310],
        "matched": [90, 290],
        "false_alarms": [10, 40],
        "beats_S": [0, 4],
        "beats_V": [10, 10],
        "flagged_S": [0, 1],
        "flagged_V": [9, 1],
        "anomalous": [10, 15],
        "flagged_anomalous": [9, 3],
    }
    rows = pd.DataFrame({"noise": "muscle", "snr_db": 6.0, "record": ["mitdb/1", "mitdb/2"], **counts})
    table = noise_stress.with_figures(rows)
    assert table["false_alarms_per_hour"].tolist() == pytest.approx([20, 80 / 3])
    assert table["sensitivity_S"].tolist() == pytest.approx([np.nan, 0.25], nan_ok=True)
    expected = {
        "false_alarms_per_hour": 25,
        "sensitivity_S": 0.25,
        "sensitivity_V": 0.5,
        "sensitivity": 12 / 25,
        "qrs_sensitivity": 380 / 400,
        "qrs_positive_predictivity": 380 / 400,
        "unreadable_share": 0.25,
    }
    [gross] = noise_stress.pooled(table).to_dict("records")
    assert {name: gross[name] for name in expected} == pytest.approx(expected)
    assert (gross["noise"], gross["snr_db"], gross["beats"]) == ("muscle", 6.0, 400)


def test_conditions_start_with_the_record_as_it_is(pooled: pd.DataFrame):
    clean, *noisy = pooled.index
    assert clean[0] == noise_stress.CLEAN
    assert np.isnan(clean[1])
    assert noisy == list(itertools.product(KINDS, LEVELS_DB))
    assert pooled.loc["clean", "qrs_sensitivity"].item() > 0.98
    assert pooled.loc["clean", "sensitivity_V"].item() > 0.7


@pytest.mark.parametrize("kind", IN_BAND)
def test_the_stronger_the_noise_the_less_is_found(pooled: pd.DataFrame, kind):
    noisy, clean = pooled.loc[kind].loc[list(LEVELS_DB)], pooled.loc["clean"].iloc[0]
    shares = (("unreadable_share", 1, "beats"), ("sensitivity", -1, "anomalous"), ("qrs_sensitivity", -1, "beats"))
    for name, sign, whole in shares:
        one_beat = 1 / clean[whole]
        assert np.all(sign * np.diff(noisy[name]) >= -one_beat - 1e-9), name
        assert noisy.loc[24, name] == pytest.approx(clean[name], abs=2 * one_beat)
    assert noisy.loc[12, "unreadable_share"] < 0.1
    assert noisy.loc[0, "unreadable_share"] > 0.5
    # What much noise makes of beats is unreadable, not an alarm: at most one more a minute.
    assert noisy.loc[0, "false_alarms"] <= clean["false_alarms"] + 60 * clean["hours"]


def test_baseline_wander_changes_nothing(pooled: pd.DataFrame):
    noisy, clean = pooled.loc["baseline_wander"], pooled.loc["clean"].iloc[0]
    for name in ("sensitivity", "qrs_sensitivity", "qrs_positive_predictivity", "unreadable_share"):
        np.testing.assert_allclose(noisy[name], clean[name], atol=0.005)
    np.testing.assert_allclose(noisy["false_alarms"], clean["false_alarms"], atol=2)


def test_scores_rise_with_noise_in_the_band_of_beats_alone(detector, finished: Workspace):
    files = find_record("simdb/s007", [finished.records], "atr")
    recording, annotations, _ = read_record(files, load_config())
    beats = annotations.samples

    def scores(kind, snr_db):
        noise = make_noise(kind, *recording.signals_mv.shape, 360.0, seed=1)
        noisy_mv = add_noise(recording.signals_mv, noise, snr_db, beats, 360.0)
        return analyse(detector, recording.sampling_rate_hz, [noisy_mv], 2).beats["anomaly_score"].to_numpy()

    clean = np.median(analyse(detector, recording.sampling_rate_hz, [recording.signals_mv], 2).beats["anomaly_score"])
    medians = {kind: [np.median(scores(kind, snr_db)) for snr_db in LEVELS_DB] for kind in KINDS}
    np.testing.assert_allclose(medians["baseline_wander"], clean, atol=0.4)
    for kind in IN_BAND:
        assert medians[kind] == sorted(medians[kind])
        assert medians[kind][0] < clean + 1
        assert medians[kind][-1] > clean + 1


def test_evaluation_adds_noise_where_the_settings_name_records(finished: Workspace, detector, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: 1)  # one other process will do, and takes seconds to start
    noise = "noise={records: [simdb/s008], snr_db: [12, 0], seed: 1}"
    assert finished.evaluate(f"paths.outputs='{tmp_path}'", noise) == 0

    table = read_csv(tmp_path / "noise.csv")
    assert list(zip(table["noise"], table["snr_db"].fillna(-1), strict=True)) == [
        ("clean", -1),
        *itertools.product(KINDS, [12, 0]),
    ]
    assert set(table["record"]) == {"simdb/s008"}
    files = find_record("simdb/s008", [finished.records], "atr")
    row = noise_stress.stress_record(detector, files, "muscle", 12)  # equal seeds, equal noise, in any process
    expected = noise_stress.with_figures(pd.DataFrame([row])).iloc[0]
    again = table[(table["noise"] == "muscle") & (table["snr_db"] == 12)].iloc[0]
    assert again.to_dict() == pytest.approx(expected.to_dict(), nan_ok=True)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert "noise.csv" in manifest["files"]
    assert "simdb/s008.dat" in manifest["inputs"]
    assert not (finished.outputs / "noise.csv").exists()


@pytest.mark.parametrize("records", ["simdb/s099", "simdb/x*"])
def test_record_for_noise_that_is_not_there_is_named_before_any_work(finished: Workspace, tmp_path, capsys, records):
    outputs = tmp_path / "outputs"
    assert finished.evaluate(f"paths.outputs='{outputs}'", f"noise.records=[{records}]") == 2
    error = capsys.readouterr().err
    assert records in error
    assert "noise.records" in error
    assert error.count("\n") == 1
    assert not outputs.exists()


def test_record_without_beats_gives_no_measure_for_noise(finished: Workspace, detector, tmp_path):
    shutil.copytree(finished.records / "simdb", tmp_path / "simdb")
    files = find_record("simdb/s007", [tmp_path], "atr")
    wfdb.wrann("s007", "atr", np.array([100]), np.array(["+"]), write_dir=str(files.folder))
    with pytest.raises(UserError, match=r"s007\.atr: has no beat.*noise\.records"):
        noise_stress.stress_record(detector, files, "muscle", 12)


def test_noise_needs_a_model_that_serves_new_recordings():
    config = load_config(overrides=["patient.learn_from=known_normal_beats", "noise.records=[simdb/s007]"])
    with pytest.raises(UserError, match=r"patient\.learn_from"):
        noise_stress.find_sources(config)
