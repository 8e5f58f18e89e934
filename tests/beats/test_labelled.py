"""Test records cut at detected beats: the numbers of detect_anomalies.py, judged by the annotations."""

import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import cut_at_annotations, cut_at_detections
from ecg_anomaly.beats.preprocessing import read_record
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.stream import analyse
from ecg_anomaly.evaluation import summary
from ecg_anomaly.handover.beats import DETECTION, open_array, read_csv, read_detection, read_table
from ecg_anomaly.handover.model import read_detector
from ecg_anomaly.manifest import read_manifest
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.catalogue import find_record
from ecg_anomaly.records.recording import Recording
from ecg_anomaly.records.simulate import simulate_record
from ecg_anomaly.reports import panels, report
from ecg_anomaly.reports.results import read_results
from tests.conftest import Workspace

CONFIG = load_config(overrides=["beat.source=detector"])
RATE_HZ = 360


def cut_both(recording, annotations):
    """The beats as they are annotated, as they are detected, and what was detected of them."""
    annotated = cut_at_annotations(recording, annotations, CONFIG)
    return annotated, *cut_at_detections(recording, annotations, annotated, CONFIG)


def simulated(patient=3, minutes=1.0):
    record = simulate_record(patient, minutes, seed=1)
    recording = Recording("simdb/s", Fraction(RATE_HZ), record.leads, record.signals_mv)
    return recording, Annotations(np.array(record.samples), np.array(record.symbols, dtype=object))


def relabelled(annotations, changes):
    symbols = annotations.symbols.copy()
    for beat, symbol in changes.items():
        symbols[beat] = symbol
    return Annotations(annotations.samples, symbols)


def without(annotations, beat):
    return Annotations(np.delete(annotations.samples, beat), np.delete(annotations.symbols, beat))


def counts(detection):
    return detection.counts.iloc[0][["annotated", "detected", "matched"]].tolist()


@pytest.fixture(scope="module")
def record():
    """A simulated record in which every beat is found, and nothing else."""
    recording, annotations = simulated()
    _, beats, detection = cut_both(recording, annotations)
    annotated, detected, matched = counts(detection)
    assert annotated == detected == matched > 50
    return recording, annotations, beats.table


def test_found_beats_take_the_labels_of_the_annotated_ones(record):
    recording, annotations, table = record
    annotated, beats, detection = cut_both(recording, annotations)
    assert table["symbol"].tolist() == annotated.table["symbol"].tolist()
    assert table["aami_class"].tolist() == annotated.table["aami_class"].tolist()
    assert np.abs(table["sample"] - annotated.table["sample"]).max() <= 0.15 * RATE_HZ
    assert len(beats.windows) == len(table)
    assert table["evaluated"].all()
    assert (table["quality"] > 0.5).mean() > 0.9
    assert not len(detection.missed)
    assert list(annotated.table.columns) == [name for name in table.columns if name not in ("quality", "evaluated")]


def test_what_nobody_annotated_counts_as_normal(record):
    recording, annotations, table = record
    _, beats, detection = cut_both(recording, without(annotations, 20))
    extra = beats.table[beats.table["symbol"] == "|"]
    assert len(extra) == 1
    assert extra[["aami_class", "anomalous", "evaluated"]].to_numpy().tolist() == [["N", False, True]]
    assert abs(extra["sample"].iloc[0] - annotations.samples[20]) <= 0.15 * RATE_HZ
    assert counts(detection) == [len(annotations.samples) - 1, len(annotations.samples), len(annotations.samples) - 1]
    # The annotations judge the beats; they change none.
    unlabelled = ["symbol", "aami_class", "anomalous"]
    pd.testing.assert_frame_equal(beats.table.drop(columns=unlabelled), table.drop(columns=unlabelled))


def test_missed_beats_are_handed_on(record):
    recording, annotations, _ = record
    pause = (annotations.samples[30] + annotations.samples[31]) // 2
    more = Annotations(
        np.insert(annotations.samples, 31, pause), np.insert(annotations.symbols, 31, "V").astype(object)
    )
    _, _, detection = cut_both(recording, more)
    assert detection.missed.to_dict("records") == [
        {
            **{"record": "simdb/s", "sample": pause, "time_s": round(pause / RATE_HZ, 6)},
            **{"symbol": "V", "aami_class": "V", "anomalous": True},
        }
    ]
    assert counts(detection) == [len(more.samples), len(annotations.samples), len(annotations.samples)]


def test_a_found_beat_without_a_score_is_missed_where_annotations_would_give_it_one(record):
    """A beat annotated before the first one gives that an RR interval, which the first detected beat lacks."""
    recording, annotations, _ = record
    first = annotations.samples[0]
    more = Annotations(np.insert(annotations.samples, 0, first - 70), np.insert(annotations.symbols, 0, "N"))
    _, beats, detection = cut_both(recording, more)
    assert detection.missed["sample"].tolist() == [first]
    assert counts(detection)[2] == len(annotations.samples)
    assert beats.table["evaluated"].all()


def test_both_ways_are_judged_by_the_same_annotated_beats(record):
    """The first annotated beat is left out where beats are annotated; found with beats before it, it has a score."""
    recording, annotations, table = record
    later = Annotations(annotations.samples[5:], annotations.symbols[5:])
    annotated, beats, detection = cut_both(recording, later)
    judged = beats.table[beats.table["evaluated"] & (beats.table["symbol"] != "|")]
    assert len(judged) + len(detection.missed) == len(annotated.table)
    assert judged["symbol"].tolist() == annotated.table["symbol"].tolist()
    left_out = beats.table[~beats.table["evaluated"]]
    assert len(left_out) == 1
    assert abs(left_out["sample"].iloc[0] - later.samples[0]) <= 0.15 * RATE_HZ
    assert len(beats.table) == len(table)


def test_flutter_counts_in_no_figure_but_its_beats_stay(record):
    recording, annotations, table = record
    flutter = relabelled(annotations, {10: "[", **dict.fromkeys(range(11, 20), "!"), 20: "]"})
    _, beats, detection = cut_both(recording, flutter)
    assert len(beats.table) == len(table)
    assert (~beats.table["evaluated"]).sum() == 11
    assert not beats.table.loc[~beats.table["evaluated"], "anomalous"].any()
    assert counts(detection) == [len(annotations.samples) - 11] * 3
    assert not len(detection.missed)


def test_a_record_in_which_nothing_is_found_has_only_missed_beats():
    recording, annotations = simulated()
    flat = Recording(recording.name, recording.sampling_rate_hz, recording.leads, np.zeros_like(recording.signals_mv))
    annotated = cut_at_annotations(recording, annotations, CONFIG)
    beats, detection = cut_at_detections(flat, annotations, annotated, CONFIG)
    assert not len(beats.table)
    assert detection.missed["sample"].tolist() == annotated.table["sample"].tolist()
    assert counts(detection) == [len(annotations.samples), 0, 0]


@pytest.fixture(scope="module")
def from_signal(tmp_path_factory, simulated_records):
    """A small pipeline with detected test beats."""
    run = Workspace(tmp_path_factory.mktemp("from_signal"), simulated_records)
    options = ("beat.source=detector", "training.epochs=2")
    assert (run.preprocess(*options), run.train(*options), run.evaluate(*options)) == (0, 0, 0)
    return run, load_config(overrides=run.settings(*options)[1::2])


def test_scores_are_those_of_a_recording_without_annotations(from_signal):
    run, config = from_signal
    scores = read_csv(run.outputs / "scores.csv")
    detector = read_detector(config)
    for name in ("simdb/s007", "simdb/s008"):
        chosen, *_ = read_record(find_record(name, [run.records], "atr"), config)
        found = analyse(detector, chosen.sampling_rate_hz, [chosen.signals_mv], 2).beats.set_index("sample")
        own = scores[scores["record"] == name].set_index("sample")
        assert len(own) > 100
        same = found.loc[own.index]
        columns = ["rr_before_s", "rr_after_s", "quality", "rhythm_surprise", "anomaly_score", "threshold"]
        np.testing.assert_allclose(own[columns], same[columns].to_numpy(dtype=float), atol=1e-4)
        assert (own["flagged"] == same["flagged"].astype(bool)).all()


def test_training_beats_stay_the_annotated_ones(from_signal, finished: Workspace):
    run, _ = from_signal
    ours, theirs = (read_table(folder.processed) for folder in (run, finished))
    known = [table[table["split"] != "test"].reset_index(drop=True) for table in (ours, theirs)]
    pd.testing.assert_frame_equal(known[0].drop(columns=["quality", "evaluated"]), known[1])
    for split in ("train", "validation"):
        windows = [open_array(folder.processed, split, anomalous=False) for folder in (run, finished)]
        np.testing.assert_array_equal(*windows)


def test_figures_count_scored_and_missed_beats(from_signal, finished: Workspace):
    run, config = from_signal
    figures = json.loads((run.outputs / "metrics.json").read_text())
    scores = read_csv(run.outputs / "scores.csv")
    found = read_detection(run.processed, config)
    assert len(np.load(run.outputs / "reconstructions.npy")) == len(scores)
    classes = Counter(scores["aami_class"]) + Counter(found.missed["aami_class"])
    assert {name: count for name, count in figures["beats"].items() if count} == classes
    annotated = read_csv(finished.outputs / "scores.csv")
    assert sum(classes.values()) - (scores["symbol"] == "|").sum() == len(annotated)

    assert figures["detection"]["sensitivity"] > 0.97
    assert figures["detection"]["positive_predictivity"] > 0.97
    assert figures["detection"]["missed"] == (found.counts["annotated"] - found.counts["matched"]).sum()
    assert figures["auc"] > 0.65


def test_report_tells_what_was_found(from_signal, finished: Workspace, monkeypatch):
    run, config = from_signal
    drawn = panels.Panel.to_svg  # of one figure, for it takes long
    monkeypatch.setattr(panels.Panel, "to_svg", lambda panel: drawn(panel) if "roc" in panel.name else panel.title)
    results = read_results(config, read_manifest(run.outputs, made_by="evaluate_model.py"))
    page = report.render(results, panels.all_panels(results))
    assert '<section id="detection">' in page
    figures = json.loads((run.outputs / "metrics.json").read_text())
    assert f"{figures['detection']['sensitivity']:.2%}" in page
    # The missed beats are in the curve that is drawn, too.
    assert f"anomaly score, AUC {figures['auc']:.3f}" in page
    assert not len(summary.detection_table(json.loads((finished.outputs / "metrics.json").read_text())))


def test_an_annotated_run_in_the_same_folder_forgets_what_was_detected(from_signal, finished: Workspace):
    run, _ = from_signal
    annotated = load_config(overrides=finished.settings()[1::2])
    assert (run.processed / DETECTION).is_file()
    assert read_detection(run.processed, annotated) is None


@pytest.mark.parametrize(
    ("name", "most_missed", "most_extra"), [("mitdb/119", 1, 2), ("mitdb/207", 6, 8), ("mitdb/208", 10, 15)]
)
def test_beats_of_real_records_are_found(real_records, name, most_missed, most_extra):
    files = find_record(name, [real_records], "atr")
    chosen, annotations, _ = read_record(files, CONFIG)
    annotated, beats, detection = cut_both(chosen, annotations)

    total, detected, matched = counts(detection)
    assert total == np.isin(annotations.symbols, list(CONFIG.labels.aami)).sum()
    assert total - matched <= most_missed
    assert detected - matched <= most_extra
    judged = beats.table[beats.table["evaluated"] & (beats.table["symbol"] != "|")]
    both = Counter(judged["symbol"]) + Counter(detection.missed["symbol"])
    assert both == Counter(annotated.table["symbol"])
    in_flutter = (annotations.symbols == "[").any()
    assert (~beats.table["evaluated"]).sum() > 100 if in_flutter else (~beats.table["evaluated"]).sum() <= 1
