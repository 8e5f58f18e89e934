"""Records of any database: which are read, what of them is left out, and what is said of it."""

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly.beats import labelled
from ecg_anomaly.beats.counts import PreprocessingSummary
from ecg_anomaly.beats.preprocessing import process_record, process_records
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.catalogue import RecordFiles
from ecg_anomaly.records.simulate import simulate_record

CONFIG = load_config()
RATE_HZ = 360
SIMULATED = simulate_record(3, 1, seed=1)
BEATS = list(zip(SIMULATED.samples.tolist(), SIMULATED.symbols, strict=True))


def write(folder, annotations=BEATS, extension="atr", name="860"):
    """Write a minute of one simulated lead with annotations: samples and symbols."""
    leads = {"p_signal": SIMULATED.signals_mv[:, :1], "fmt": ["16"], "write_dir": str(folder)}
    wfdb.wrsamp(name, RATE_HZ, ["mV"], ["ECG1"], **leads)
    if annotations:
        samples, symbols = zip(*annotations, strict=True)
        wfdb.wrann(name, extension, np.array(samples), list(symbols), write_dir=str(folder))
    return RecordFiles(f"db/{name}", folder, extension, by_pattern=True)


def named(files):
    return RecordFiles(files.name, files.folder, files.annotator)


def described(*processed):
    summary = PreprocessingSummary()
    for record in processed:
        summary.add(record)
    return summary.text()


def test_annotations_behind_the_end_are_left_out_and_counted_as_in_svdb(tmp_path):
    whole = process_record(write(tmp_path), "test", CONFIG)
    end = len(SIMULATED.signals_mv)
    processed = process_record(write(tmp_path, [*BEATS, (end, "N"), (end + 90, "V")]), "test", CONFIG)
    assert processed.error == ""
    assert processed.beats.table.equals(whole.beats.table)
    assert "db/860: 2 annotations behind the last sample of the signals left out" in described(processed)


def test_two_beats_at_one_sample_lose_the_second_alone(tmp_path):
    whole = process_record(write(tmp_path), "test", CONFIG)
    sample, symbol = BEATS[20]
    doubled = [*BEATS[:20], (sample, "+"), (sample, symbol), (sample, "V"), (sample, "~"), *BEATS[21:]]
    processed = process_record(write(tmp_path, doubled), "test", CONFIG)
    assert processed.beats.table.equals(whole.beats.table)
    assert "\n1 beat left out: another beat is annotated at the same time" in described(processed)
    assert processed.beats.uncovered == {"+": 1, "~": 1}


def no_signals(folder):
    (folder / "860.hea").write_text("860 0 250 9205760\n")


def no_header(folder):
    (folder / "860.hea").write_text("shopping list\n")
    (folder / "860.dat").unlink()
    (folder / "860.atr").unlink()


NO_BEATS = {
    "rhythm alone": (lambda f: write(f, [(10, "+"), (500, "+")]), "860.atr: has 2 annotations, but none of a beat"),
    "no signals": (no_signals, "860.hea: describes no signal"),
    "noise": (lambda f: (f / "860.atr").unlink(), "860.atr: is missing"),
    "signals gone": (lambda f: (f / "860.dat").unlink(), "860.dat: is missing"),
    "no header at all": (no_header, "860.hea: is not a WFDB header"),
}


@pytest.mark.parametrize("kind", NO_BEATS)
def test_records_of_no_beats_are_skipped_with_the_reason_unless_they_were_named(kind, tmp_path):
    files = write(tmp_path)
    change, told = NO_BEATS[kind]
    change(tmp_path)
    processed = process_record(files, "train", CONFIG)
    assert processed.no_beats
    assert processed.beats is None
    assert told in processed.error
    assert f"Skipped as no record of beats db/860: {processed.error}" in described(processed)
    assert not process_record(named(files), "train", CONFIG).no_beats
    with pytest.raises(UserError, match="or set records"):
        list(process_records([named(files)], ["train"], CONFIG, tmp_path))


def test_broken_record_is_no_record_without_beats(tmp_path):
    files = write(tmp_path)
    signals = tmp_path / "860.dat"
    signals.write_bytes(signals.read_bytes()[:1000])
    processed = process_record(files, "train", CONFIG)
    assert (processed.no_beats, processed.beats) == (False, None)
    assert "is truncated" in processed.error
    header = tmp_path / "860.hea"
    header.write_text("860 1 fast\n")
    assert not process_record(files, "train", CONFIG).no_beats


def test_wave_delineations_of_ludb_give_its_qrs_complexes(tmp_path):
    waves = [
        (sample + apart, symbol)
        for sample, _ in BEATS[1:-1]
        for apart, symbol in ((-60, "("), (-50, "p"), (-40, ")"), (-15, "("), (0, "N"), (15, ")"), (90, "t"), (99, ")"))
    ]
    config = load_config(overrides=["records.annotator={db: ii, '*': atr}", "labels.databases={db: {N: Q}}"])
    processed = process_record(write(tmp_path, waves, "ii"), "test", config)
    expected = process_record(write(tmp_path, [(sample, "N") for sample, _ in BEATS[1:-1]]), "test", CONFIG)
    assert processed.beats.table["sample"].tolist() == expected.beats.table["sample"].tolist()
    assert set(processed.beats.table["aami_class"]) == {"Q"}
    assert set(processed.beats.uncovered) == {"(", ")", "p", "t"}


def test_notes_that_several_records_share_are_said_once(tmp_path):
    files = [write(tmp_path, name=f"r{number}") for number in range(5)]
    for record in files:
        record.header.write_text(record.header.read_text().replace("21600", "21600 2014-05-08"))
    text = described(*(process_record(record, "train", CONFIG) for record in files))
    assert "db/r0, db/r1, db/r2 and 2 more: its header's date '2014-05-08' cannot be read, and is not needed" in text


def test_records_that_people_sent_are_read_as_they_should_be(real_records):
    folder = real_records / "cases" / "pipeline"
    if not folder.is_dir():
        pytest.skip("the folder of cases is not here")

    def process(name):
        return process_record(
            RecordFiles(name, folder / name.partition("/")[0], "atr", by_pattern=True), "test", CONFIG
        )

    for name, note in (("neg/r1", "before the first"), ("endat/r1", "behind the last"), ("resp/r1", "channel RESP")):
        processed = process(name)
        assert len(processed.beats.table) > 360, name
        assert note in processed.notes[0]
    assert process("mrate16/r1").beats.table["rr_before_s"].between(0.5, 1.5).all()
    assert all(process(name).no_beats for name in ("rhythm/r1", "afz/00735"))


@pytest.mark.parametrize("source", ["annotations", "detector"])
def test_a_record_that_goes_to_a_file_in_blocks_has_the_same_beats(tmp_path, monkeypatch, source):
    files, config = write(tmp_path), load_config(overrides=[f"beat.source={source}"])
    whole = process_record(files, "test", config).beats
    monkeypatch.setattr(labelled, "_BLOCK_S", 7.0)
    parts = list(process_record(files, "test", config, tmp_path / "beats").beats.parts())

    assert len(parts) > 2
    pd.testing.assert_frame_equal(pd.concat([rows for rows, _ in parts], ignore_index=True), whole.table)
    np.testing.assert_array_equal(np.concatenate([windows for _, windows in parts]), whole.windows)
