"""An analysed recording on disk, and what the user decides about it."""

import dataclasses
from contextlib import closing
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly.beats.events import FIBRILLATION
from ecg_anomaly.detector.stream import Findings, analyse_blocks
from ecg_anomaly.evaluation.metrics import threshold_figures
from ecg_anomaly.findings.store import OWN_BEAT, RECONSTRUCTION, WINDOW, StoreWriter, analyse_to_store, read_store
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.web import decisions, downloads, evaluated, figures
from ecg_anomaly.web.jobs import ANALYSED, Job, analyse
from tests.web.web_parts import config_of, detector_of

RECORD = "simdb/s007"


@pytest.fixture(scope="module")
def detector(finished):
    return detector_of(finished)


@pytest.fixture(scope="module")
def stored(finished, detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording")
    analyse(detector, Job(folder, finished.records / RECORD, "s007"))
    return read_store(folder / ANALYSED)


@pytest.fixture(scope="module")
def threshold(stored):
    return float(stored.threshold.threshold)


def test_it_holds_what_the_analysis_finds(finished, detector, stored):
    recording = open_recording(finished.records / RECORD)
    found = list(analyse_blocks(detector, recording.sampling_rate_hz, recording.blocks(300), len(recording.leads)))
    beats = pd.concat([part.beats for part in found if len(part.beats)], ignore_index=True)
    pd.testing.assert_frame_equal(stored.beats[list(beats)], beats, check_dtype=False)
    for number, name in ((WINDOW, "windows"), (OWN_BEAT, "own_beats"), (RECONSTRUCTION, "reconstructions")):
        shapes = np.concatenate([getattr(part.shapes, name) for part in found])
        np.testing.assert_array_equal(stored.shapes[:, number], shapes.astype(np.float32))
    signals_mv = np.concatenate(list(recording.blocks(60)))
    np.testing.assert_allclose(np.stack(stored.signals_mv, axis=1), signals_mv, rtol=1e-6, equal_nan=True)
    assert stored.summary["beats"] == len(beats)


def test_shapes_and_signals_stay_on_disk(stored):
    assert isinstance(stored.shapes, np.memmap)
    assert all(isinstance(signal_mv, np.memmap) for signal_mv in stored.signals_mv)


def test_what_comes_in_portions_is_read_in_stretches(detector, tmp_path):
    signals_mv = np.random.default_rng(1).normal(size=(2500, 2)).round(5)
    signals_mv[100:200] = np.nan
    with closing(StoreWriter(tmp_path, detector, Fraction(250), ["II", "V1"], shapes=False)) as store:
        for part in np.split(signals_mv, [1000, 1001]):
            store.add(part, Findings(pd.DataFrame(), []))
        store.finish("a", [])
    read = read_store(tmp_path)
    np.testing.assert_array_equal(read.read_mv(1.0, 8.0), signals_mv[250:2000])
    np.testing.assert_array_equal(read.read_mv(-1.0, 99.0), signals_mv)
    assert len(read.shapes) == 0


def test_a_recording_without_beats_is_stored_too(detector, tmp_path):
    (tmp_path / "flat.csv").write_text("time,II\n" + "".join(f"{i / 250},0.0\n" for i in range(5000)))
    analyse(detector, Job(tmp_path, tmp_path / "flat.csv", "flat"))
    empty = read_store(tmp_path / ANALYSED)
    assert len(empty.beats) == len(empty.shapes) == 0
    beats = decisions.cut(empty, 1.0)
    assert decisions.outcome(empty, beats).flagged == 0
    assert decisions.step(decisions.listed(beats, "time", empty.components), np.empty(0), None, 1) is None
    assert figures.overview(empty, beats).layout.height


def test_an_analysis_that_is_ended_leaves_nothing(finished, detector, tmp_path):
    def end(_share):
        raise RuntimeError

    recording = open_recording(finished.records / RECORD)
    with pytest.raises(RuntimeError):
        analyse_to_store(tmp_path / ANALYSED, detector, recording, None, end)
    assert list(tmp_path.iterdir()) == []


def test_the_threshold_of_the_model_flags_what_the_analysis_flagged(stored, threshold):
    pd.testing.assert_frame_equal(decisions.cut(stored, threshold), stored.beats, check_dtype=False)
    assert decisions.summarise(stored, stored.beats) == stored.summary


def test_flags_at_another_threshold(stored, threshold):
    beats = decisions.cut(stored, threshold - 1)
    above = stored.beats["anomaly_score"] > stored.beats["threshold"] - 1
    np.testing.assert_array_equal(beats["flagged"], above & stored.beats["readable"])
    assert beats["flagged"].sum() > stored.beats["flagged"].sum()
    assert ((beats["reason"] != "") == beats["flagged"]).all()


def test_nothing_within_a_fibrillation_is_flagged(stored):
    lost = dataclasses.replace(stored, beats=stored.beats.assign(event=FIBRILLATION))
    assert not decisions.cut(lost, 0.0)["flagged"].any()


def test_figures_are_those_of_the_metrics(stored, threshold):
    beats = decisions.cut(stored, threshold)
    outcome = decisions.outcome(stored, beats)
    compared = stored.compared
    classes = np.concatenate([compared.classes, compared.missed])
    flagged = np.concatenate([beats["flagged"].to_numpy(), np.zeros(len(compared.missed), dtype=bool)])
    assert outcome.figures == threshold_figures(classes, flagged)
    alarms = (flagged & (classes == "N")).sum()
    assert outcome.per_hour(outcome.false_alarms) == pytest.approx(alarms / (stored.duration_s / 3600), rel=0.05)
    assert 0 < (compared.classes != "N").sum() < len(beats)
    assert compared.matched.mean() > 0.98


def test_annotated_flutter_does_not_count(stored):
    samples, symbols = stored.annotated["sample"].to_numpy(), stored.annotated["symbol"].tolist()
    samples = np.sort(np.append(samples, [samples[20] + 1, samples[40] - 1]))
    symbols[21:40] = ["["] + ["!"] * 19 + ["]"]
    classes = ["" if symbol in "[!]" else "N" for symbol in symbols]
    fluttering = pd.DataFrame({"sample": samples, "symbol": symbols, "aami_class": classes})
    compared = dataclasses.replace(stored, annotated=fluttering).compared
    assert 15 <= (~compared.counting).sum() <= 21


def test_the_list_is_ordered_and_filtered(stored, threshold):
    beats = decisions.cut(stored, threshold)
    by_score = decisions.listed(beats, decisions.BY_SCORE, stored.components)
    assert (np.diff(beats["anomaly_score"].to_numpy()[by_score]) <= 0).all()
    assert sorted(by_score) == decisions.listed(beats, decisions.BY_TIME, stored.components).tolist()
    assert len(by_score) == beats["flagged"].sum() > 0
    rhythm = decisions.listed(beats, decisions.BY_TIME, ["rhythm"])
    assert (beats["reason"].iloc[rhythm] == "rhythm").all()
    assert len(decisions.listed(beats, decisions.BY_TIME, [])) == 0


@pytest.mark.parametrize(
    ("current", "by", "expected"), [(None, 1, 7), (7, 1, 2), (2, -1, 7), (7, -1, 7), (5, 1, 5), (5, -1, 2), (3, 1, 2)]
)
def test_stepping_through_a_list(current, by, expected):
    rows, times_s = np.array([7, 2, 5]), np.arange(10.0)
    assert decisions.step(rows, times_s, current, by) == expected


def test_marks_are_kept_and_taken_away(tmp_path):
    assert decisions.read_marks(tmp_path) == {}
    decisions.write_mark(tmp_path, 4, decisions.RIGHT)
    decisions.write_mark(tmp_path, 2, decisions.WRONG)
    decisions.write_mark(tmp_path, 4, "")
    assert decisions.read_marks(tmp_path) == {2: decisions.WRONG}


def test_downloads_hold_the_decisions(stored, threshold, tmp_path):
    beats = decisions.cut(stored, threshold - 0.5)
    row = int(np.flatnonzero(beats["flagged"])[0])
    marks = {row: decisions.WRONG}
    (tmp_path / "s007.anomaly").write_bytes(downloads.make("annotations", stored, beats, marks))
    annotations = wfdb.rdann(str(tmp_path / "s007"), "anomaly")
    at = annotations.sample.tolist().index(int(beats["sample"].iloc[row]))
    assert annotations.symbol[at] == "Q"
    assert annotations.aux_note[at].endswith(", marked wrong")
    assert sum("marked" in note for note in annotations.aux_note) == 1
    assert annotations.symbol.count("Q") == beats["flagged"].sum()
    (tmp_path / "beats.csv").write_bytes(downloads.make("beats", stored, beats, marks))
    table = pd.read_csv(tmp_path / "beats.csv", keep_default_na=False)
    assert table["mark"].tolist() == [decisions.WRONG if number == row else "" for number in range(len(beats))]
    assert table["flagged"].sum() == beats["flagged"].sum()
    page = downloads.make("report", stored, beats, marks).decode()
    assert f"{int(beats['flagged'].sum()):,} of {len(beats):,} beats flagged" in page


def test_test_patients_are_a_guide(finished):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    alarms_per_hour, sensitivity = evaluated.read_evaluated(config_of(finished).paths.outputs).at(0.5)
    flagged = scores["anomaly_score"] > scores["threshold"] + 0.5
    normal = ~scores["anomalous"]
    assert sensitivity == pytest.approx(flagged[~normal].mean())
    assert alarms_per_hour == pytest.approx((flagged & normal).sum() / (scores["rr_before_s"].sum() / 3600))


def test_a_view_keeps_extremes_and_gaps(stored):
    signals_mv = [np.tile(signal_mv, 30) for signal_mv in stored.signals_mv]
    signals_mv[0][12_345] = 40.0
    signals_mv[0][50_000:90_000] = np.nan
    long = dataclasses.replace(stored, signals_mv=signals_mv)
    lead = figures.signal(long, stored.beats, (0.0, long.duration_s))["data"][1]
    assert np.nanmax(lead["y"]) == 40.0
    assert len(lead["x"]) <= 2 * 2400
    inside = (lead["x"] > 50_100 / long.sampling_rate_hz) & (lead["x"] < 89_900 / long.sampling_rate_hz)
    assert np.isnan(lead["y"][inside]).all()


@pytest.mark.parametrize("span", [(-5.0, 2.0), (1.0, 1.001), (60.0, 1e9)])
def test_views_beyond_the_recording(stored, span):
    leads = figures.signal(stored, stored.beats, span)["data"][1:]
    assert len(leads) == len(stored.signals_mv)
    assert all(len(lead["x"]) == len(lead["y"]) for lead in leads)
    assert all((lead["x"] <= stored.duration_s).all() for lead in leads)


def test_zooming_and_moving_stay_within_the_recording():
    assert figures.moved(40, 60, "in", 100) == (45, 55)
    assert figures.moved(40, 60, "out", 100) == (30, 70)
    assert figures.moved(0, 20, "left", 100) == (0, 20)
    assert figures.moved(80, 100, "right", 100) == (80, 100)
    assert figures.moved(80, 100, "all", 100) == (0, 100)
    assert figures.moved(50, 51, "in", 100) == (50, 51)
    assert figures.within(0.2, 60, 10) == (0, 10)
