"""An analysed recording on disk."""

import dataclasses
from contextlib import closing
from datetime import time
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.detector.stream import Findings, analyse_blocks
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.annotated import read_annotated
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import OWN_BEAT, RECONSTRUCTION, WINDOW, StoreWriter, analyse_to_store, read_store
from ecg_anomaly.records.recording import open_recording

RECORD = "simdb/s007"


@pytest.fixture(scope="module")
def stored(finished, detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recording") / "analysed"
    recording = open_recording(finished.records / RECORD)
    annotated, _ = read_annotated(recording, detector.config)
    analyse_to_store(folder, detector, recording, range(len(recording.leads)), annotated, lambda _: None)
    return read_store(folder)


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


def test_shapes_and_signals_stay_on_disk(stored):
    assert isinstance(stored.shapes, np.memmap)
    assert all(isinstance(signal_mv, np.memmap) for signal_mv in stored.signals_mv)


def test_what_comes_in_portions_is_read_in_stretches(detector, tmp_path):
    signals_mv = np.random.default_rng(1).normal(size=(2500, 2)).round(5)
    signals_mv[100:200] = np.nan
    with closing(StoreWriter(tmp_path, detector, Fraction(250), ["II", "V1"], [0, 1], shapes=False)) as store:
        for part in np.split(signals_mv, [1000, 1001]):
            store.add(part, Findings(pd.DataFrame(), []))
        store.finish("a", [])
    read = read_store(tmp_path)
    np.testing.assert_array_equal(read.read_mv(1.0, 8.0), signals_mv[250:2000])
    np.testing.assert_array_equal(read.read_mv(-1.0, 99.0), signals_mv)
    assert len(read.shapes) == 0


def test_all_leads_are_kept_and_the_judged_ones_named(detector, tmp_path):
    signals_mv = np.random.default_rng(1).normal(size=(2500, 3)).round(5)
    leads = ["I", "II", "V1"]
    with closing(StoreWriter(tmp_path, detector, Fraction(250), leads, [1, 0], shapes=False)) as store:
        store.add(signals_mv, Findings(pd.DataFrame(), []))
        store.finish("a", [], start_time=time(14, 3))
    read = read_store(tmp_path)
    assert (read.leads, read.judged, read.start_time) == (leads, [1, 0], time(14, 3))
    about = [review(read).summary[name] for name in ("leads", "leads_not_judged", "start_time")]
    assert about == [["II", "I"], ["V1"], "14:03:00"]
    np.testing.assert_array_equal(read.read_mv(0, 1, range(3)), signals_mv[:250])
    np.testing.assert_array_equal(read.read_mv(0, 1), signals_mv[:250, [1, 0]])


def test_what_does_not_fit_on_the_disk_is_told_before_it_is_read(finished, detector, tmp_path):
    long = dataclasses.replace(open_recording(finished.records / RECORD), samples=10**13)
    with pytest.raises(UserError, match=r"2 leads of [\d,.]+ h need [\d,.]+ GB of disk while they are analysed"):
        analyse_to_store(tmp_path / "analysed", detector, long, [0, 1])
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_beats_is_stored_too(detector, tmp_path):
    (tmp_path / "flat.csv").write_text("time,II\n" + "".join(f"{i / 250},0.0\n" for i in range(5000)))
    recording = open_recording(tmp_path / "flat.csv")
    analyse_to_store(tmp_path / "analysed", detector, recording, range(len(recording.leads)), None, lambda _: None)
    empty = read_store(tmp_path / "analysed")
    assert len(empty.beats) == len(empty.shapes) == 0
    assert review(empty).summary["beats"] == 0


def test_an_analysis_that_is_ended_leaves_nothing(finished, detector, tmp_path):
    def end(_share):
        raise RuntimeError

    recording = open_recording(finished.records / RECORD)
    with pytest.raises(RuntimeError):
        analyse_to_store(tmp_path / "analysed", detector, recording, range(len(recording.leads)), None, end)
    assert list(tmp_path.iterdir()) == []


def test_annotated_flutter_does_not_count(stored):
    samples, symbols = stored.annotated["sample"].to_numpy(), stored.annotated["symbol"].tolist()
    samples = np.sort(np.append(samples, [samples[20] + 1, samples[40] - 1]))
    symbols[21:40] = ["["] + ["!"] * 19 + ["]"]
    classes = ["" if symbol in "[!]" else "N" for symbol in symbols]
    fluttering = pd.DataFrame({"sample": samples, "symbol": symbols, "aami_class": classes})
    compared = dataclasses.replace(stored, annotated=fluttering).compared
    assert 15 <= (~compared.counting).sum() <= 21
