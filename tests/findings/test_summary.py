"""What became of an analysed recording, and what is written of it, read back."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.findings import files
from ecg_anomaly.findings.files import anomaly_annotations, write_annotations, write_beats_csv
from ecg_anomaly.findings.rhythms import COUPLET, Rhythm
from ecg_anomaly.findings.summary import TABLE_COLUMNS, About, conclude, doubts, summarise

RATE_HZ = 250.0


def made_up_beats(count: int = 100, flagged: tuple[int, ...] = (20, 21, 22, 60), unreadable: tuple[int, ...] = ()):
    """One beat a second from 0.5 s on; 20 to 22 flagged for their shape and called V, others for their rhythm and S."""
    number = np.arange(count)
    is_flagged = np.isin(number, flagged)
    beats = pd.DataFrame(
        {
            "sample": (RATE_HZ * (number + 0.5)).astype(int),
            "time_s": number + 0.5,
            "rr_before_s": np.where(number == 0, np.nan, 1.0),
            "rr_after_s": 1.0,
            "quality": np.where(np.isin(number, unreadable), 0.1, 0.98765),
            "readable": ~np.isin(number, unreadable),
            "reconstruction_error": 0.0123456789,
            "reconstruction_surprise": 1.0,
            "patient_surprise": 1.0,
            "rhythm_surprise": 1.0,
            "log_odds_S": 1.234567891,
            "log_odds_V": -1.0,
            "anomaly_score": np.where(is_flagged, 12.34567891, 2.0),
            "threshold": 5.0,
            "flagged": is_flagged,
            "called": np.where(is_flagged, np.where(number < 30, "V", "S"), ""),
            "reason": np.where(is_flagged, np.where(number < 30, "reconstruction", "rhythm"), ""),
            "event": "",
        }
    )
    return beats[list(TABLE_COLUMNS)]


def test_annotations_come_back_from_wfdb_as_they_were_written(tmp_path: Path) -> None:
    beats = made_up_beats(unreadable=(70,))
    events = [Event(FIBRILLATION, 30.0, 34.0), Event(ASYSTOLE, 40.5, 45.5), Event(UNREADABLE, 80.0, 84.0)]
    written = anomaly_annotations(beats, events, RATE_HZ)
    write_annotations(tmp_path / "r1.anomaly", written, RATE_HZ)
    read = wfdb.rdann(str(tmp_path / "r1"), "anomaly")
    np.testing.assert_array_equal(read.sample, written["sample"])
    assert (read.symbol, read.aux_note, read.fs) == (written["symbol"].tolist(), written["aux_note"].tolist(), RATE_HZ)
    np.testing.assert_array_equal(read.subtype, written["subtype"])
    assert [path.name for path in tmp_path.iterdir()] == ["r1.anomaly"]


def test_beats_within_a_fibrillation_are_no_beats() -> None:
    events = [Event(UNREADABLE, 10.0, 12.0), Event(FIBRILLATION, 20.0, 22.0), Event(UNREADABLE, 98.0, 103.0)]
    concluded = conclude(Findings(made_up_beats().drop(columns="event"), events), 100.0)
    beats = concluded.beats.set_index("time_s")
    assert beats.loc[[9.5, 10.5, 20.5, 21.5, 22.5, 99.5], "event"].tolist() == [
        *("", UNREADABLE, FIBRILLATION, FIBRILLATION, "", UNREADABLE)
    ]
    assert beats.index[beats["flagged"]].tolist() == [22.5, 60.5]
    assert beats.loc[20.5, ["called", "reason"]].tolist() == ["", ""]
    assert concluded.events[-1].end_s == 100.0
    symbols = anomaly_annotations(concluded.beats, concluded.events, RATE_HZ)["symbol"]
    assert (symbols == "!").sum() == 2
    found = summarise(About("r", RATE_HZ, ["II"], 25000), concluded)
    assert (found["beats"], found["flagged"]) == (98, 2)


def test_symbols_follow_the_convention() -> None:
    events = [Event(FIBRILLATION, 30.0, 34.0), Event(ASYSTOLE, 40.5, 45.5), Event(UNREADABLE, 80.0, 84.0)]
    annotations = anomaly_annotations(made_up_beats(unreadable=(70,)), events, RATE_HZ)
    said = {row.sample: (row.symbol, row.aux_note) for row in annotations.itertuples()}
    assert said[125] == ("N", "score 2.0")
    assert said[5125] == ("Q", "score 12.3, like a ventricular beat, reconstruction")
    assert said[15125] == ("Q", "score 12.3, like a premature atrial beat, rhythm")
    assert said[17625] == ("|", "unreadable, quality 0.10")
    assert said[7500] == ("[", "fibrillation") and said[8499] == ("]", "end of fibrillation")
    assert said[20000] == ("~", "unreadable") and said[20999] == ("~", "end of unreadable")
    assert annotations.loc[annotations["sample"] == 20000, "subtype"].tolist() == [-1]
    assert (annotations["symbol"] == '"').sum() == 2


def test_rhythms_are_comments_and_marks_end_what_is_said_of_a_beat() -> None:
    marked = made_up_beats().assign(mark=["wrong" if row == 20 else "right" if row == 90 else "" for row in range(100)])
    marked.loc[20, "flagged"] = False
    rhythm = Rhythm(COUPLET, 21.5, 22.5, 2, 60.0, "V")
    annotations = anomaly_annotations(marked, [rhythm], RATE_HZ)
    notes = annotations.set_index("sample")["aux_note"]
    assert (notes[5125], notes[22625]) == ("score 12.3, marked wrong", "score 2.0, marked right")
    assert sum("marked" in note for note in notes) == 2
    comments = annotations[annotations["symbol"] == '"']
    assert comments["sample"].tolist() == [5376, 5624]  # beside the beats, which keep their samples
    assert comments["aux_note"].tolist() == ["couplet (V), 60 bpm", "end of couplet"]


def test_no_two_annotations_share_a_sample() -> None:
    # An asystole starts and ends at beats; stretches that touch end where the next starts.
    events = [Event(TACHYCARDIA, 10.5, 15.5), Event(UNREADABLE, 15.5, 20.5), Event(FIBRILLATION, 15.5, 20.5)]
    annotations = anomaly_annotations(made_up_beats(), events, RATE_HZ)
    assert np.all(np.diff(annotations["sample"]) > 0)
    assert len(annotations) == 100 + 6


@pytest.mark.parametrize("name", ["two words", "a.b.c", "ärzte (1)", "x'y&<z>"])
def test_names_that_wfdb_refuses_are_written(tmp_path: Path, name: str) -> None:
    write_annotations(tmp_path / f"{name}.anomaly", anomaly_annotations(made_up_beats(), [], RATE_HZ), RATE_HZ)
    assert len(wfdb.rdann(str(tmp_path / name), "anomaly").sample) == 100


def test_a_recording_without_beats_has_an_annotation_file_that_says_so(tmp_path: Path) -> None:
    nothing = pd.DataFrame(columns=list(TABLE_COLUMNS))
    write_annotations(tmp_path / "flat.anomaly", anomaly_annotations(nothing, [], RATE_HZ), RATE_HZ)
    read = wfdb.rdann(str(tmp_path / "flat"), "anomaly")
    assert (read.symbol, read.aux_note) == (['"'], ["no beats found"])


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_annotations(tmp_path / "r1.anomaly", anomaly_annotations(made_up_beats(), [], RATE_HZ), RATE_HZ)
    before = (tmp_path / "r1.anomaly").read_bytes()
    spoilt = anomaly_annotations(made_up_beats().assign(sample=-5), [], RATE_HZ)
    with pytest.raises(ValueError, match="non-negative"):
        write_annotations(tmp_path / "r1.anomaly", spoilt, RATE_HZ)
    assert [path.name for path in tmp_path.iterdir()] == ["r1.anomaly"]
    assert (tmp_path / "r1.anomaly").read_bytes() == before


def test_summary_counts_and_is_json() -> None:
    events = [Event(ASYSTOLE, 40.5, 45.5)]
    found = summarise(About("r1", RATE_HZ, ("MLII", "V5"), 25_000), Findings(made_up_beats(), events))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["duration_s"], found["beats"], found["flagged"], found["leads"]) == (100.0, 100, 4, ["MLII", "V5"])
    assert found["flagged_per_hour"] == pytest.approx(144)
    assert found["called"] == {"V": 3, "S": 1}
    assert found["reasons"] == {"reconstruction": 3, "rhythm": 1}
    assert found["longest_run"] == {"count": 3, "start_s": 20.5, "end_s": 22.5}
    assert found["events"] == [{"kind": "asystole", "start_s": 40.5, "end_s": 45.5}]
    assert found["unreadable_share"] == 0


def test_what_cannot_be_read_is_counted_once_and_leaves_the_rate_of_flagged_beats() -> None:
    # Beats at 50.5 to 53.5 s stand for 50 to 54 s; the event covers half of that and 6 s more.
    beats = made_up_beats(unreadable=(50, 51, 52, 53))
    found = summarise(About("r1", RATE_HZ, ("I",), 25_000), Findings(beats, [Event(UNREADABLE, 52.0, 60.0)]))
    assert found["unreadable_share"] == pytest.approx(0.1)
    assert found["flagged_per_hour"] == pytest.approx(160)


def test_an_event_that_reaches_beyond_the_end_is_cut_there() -> None:
    concluded = conclude(Findings(made_up_beats(flagged=()), [Event(UNREADABLE, 0.0, 100.01)]), 100.0)
    found = summarise(About("r1", RATE_HZ, ("I",), 25_000), concluded)
    assert (found["events"][0]["end_s"], found["unreadable_share"], found["flagged_per_hour"]) == (100.0, 1.0, None)
    assert found["longest_run"] is None


def test_one_early_beat_does_not_shape_the_heart_rate() -> None:
    beats = made_up_beats()
    beats.loc[50, "rr_before_s"], beats.loc[51, "rr_before_s"] = 0.3, 1.7
    beats.loc[80:, "rr_before_s"] = 0.5
    assert summarise(About("r1", RATE_HZ, ("I",), 25_000), Findings(beats, []))["heart_rate_bpm"] == {
        "median": 60.0,
        "lowest": 60.0,
        "highest": 120.0,
    }


def test_a_recording_without_beats_has_a_summary() -> None:
    nothing = Findings(pd.DataFrame(columns=list(TABLE_COLUMNS)), [Event(UNREADABLE, 0, 10)])
    found = summarise(About("flat", RATE_HZ, ("I",), 2500), nothing)
    assert (found["beats"], found["flagged"], found["heart_rate_bpm"]["median"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("beats", "events", "words"),
    [
        (
            made_up_beats(0),
            [],
            ["no beat was found: is it an ECG, and were the electrodes on? --leads chooses other leads"],
        ),
        (
            made_up_beats(0),
            [Event(UNREADABLE, 0, 10)],
            ["no beat was found: is it an ECG? the events say what was found"],
        ),
        (
            made_up_beats(1, (), (0,)),
            [],
            ["none of what was found (1 beat) can be read, so that nothing could be judged"],
        ),
        (made_up_beats(3, (), (0, 1)), [], []),
        (made_up_beats().assign(rr_before_s=0.2), [], ["the median heart rate is 300 a minute: is the sampling rate"]),
    ],
)
def test_what_makes_doubt_how_it_was_read_is_told(beats: pd.DataFrame, events: list[Event], words: list[str]) -> None:
    told = doubts(Findings(beats, events))
    assert [note[: len(start)] for note, start in zip(told, words, strict=True)] == words


def test_beats_come_back_from_the_table(tmp_path: Path) -> None:
    beats = made_up_beats()
    write_beats_csv(tmp_path / "r1.beats.csv", beats.astype(object))
    read = pd.read_csv(tmp_path / "r1.beats.csv", keep_default_na=False, na_values={"rr_before_s": [""]})
    assert list(read.columns) == list(TABLE_COLUMNS)
    pd.testing.assert_frame_equal(read, beats, check_dtype=False, atol=1e-3)
    assert "12.34568," in (tmp_path / "r1.beats.csv").read_text()


def test_files_are_the_same_in_whatever_parts_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beats, events = made_up_beats(unreadable=(70,)), [Event(ASYSTOLE, 40.5, 45.5), Event(UNREADABLE, 80.0, 84.0)]
    for rows in (10**6, 7):
        monkeypatch.setattr(files, "_ROWS_AT_ONCE", rows)
        write_beats_csv(tmp_path / f"{rows}.csv", beats)
        write_annotations(tmp_path / f"{rows}.anomaly", anomaly_annotations(beats, events, RATE_HZ), RATE_HZ)
    for suffix in ("csv", "anomaly"):
        assert (tmp_path / f"7.{suffix}").read_bytes() == (tmp_path / f"1000000.{suffix}").read_bytes()
