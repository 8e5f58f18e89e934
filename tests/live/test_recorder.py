"""A live recording on disk: whole at the end, and taken up again whatever has cut it off."""

import errno
import json
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.batch.request import Request
from ecg_anomaly.beats.events import Event
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.stream import COLUMNS, Findings, analyse
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import StoreWriter
from ecg_anomaly.live import recorder as recorders
from ecg_anomaly.live.journal import JOURNAL, Journal
from ecg_anomaly.live.recorder import finish_left, open_recorder
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import Portion, Replay
from ecg_anomaly.records.simulate import simulate_record

FILES = {"a.beats.csv", "a.anomaly", "a.summary.json", "a.html"}
NOTHING = Findings(pd.DataFrame(), [])
RATE_HZ = 360
BEGUN = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture
def start(tmp_path):
    def recorder(force=False, name="a", **about):
        threshold = FittedThreshold(method="percentile", threshold=1.0, normal_beats=1, patients=1, rates_per_hour={})
        fixed = SimpleNamespace(threshold=threshold, config=load_config())
        return open_recorder(Request(tmp_path / "out", force=force), name, fixed, source(rate_hz=250, **about))

    return recorder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(scope="module")
def signals_mv():
    """Two minutes of ECG, with steps as those of a device."""
    return simulate_record(7, 2, seed=1).signals_mv.round(3)


@pytest.fixture
def record(detector, out):
    """Records what comes, ten seconds at once, as a live source would; may be told the wall time where it begins."""

    def run(signals_mv, begun=BEGUN, force=False, before=lambda second: None, **about):
        told = []
        recorder = open_recorder(Request(out, force=force), "a", detector, source(**about), told.append)
        session = Session(detector, Fraction(RATE_HZ), ["II", "V1"])
        recorder.take_up(session)
        for first in range(0, len(signals_mv), 10 * RATE_HZ):
            before(first / RATE_HZ)
            part = signals_mv[first : first + 10 * RATE_HZ]
            until = begun + timedelta(seconds=(first + len(part)) / RATE_HZ)
            portion = Portion(part, until=until)
            nothing = Portion(np.full((recorder.missing_before(portion), 2), np.nan))
            for each in (nothing, portion):
                told += recorder.add(each, session.push(each, 0.0).findings)
        return recorder, session, told

    return run


def source(origin="test", rate_hz=RATE_HZ, leads=("II", "V1")):
    return SimpleNamespace(origin=origin, sampling_rate_hz=Fraction(rate_hz), leads=leads, notes=())


def kill(recorder):
    """Leave what is on the disk, as a process that is killed does: the system takes its locks away."""
    recorder._lock.release()


def findings(first, count):
    """Make up beats, a second apart; every third is flagged."""
    numbers = np.arange(first, first + count)
    table = {name: np.sqrt(numbers + 2.0) for name in COLUMNS}  # numbers with all digits
    table |= {"sample": 250 * numbers, "time_s": numbers / 1.0, "rr_before_s": 1 + np.sqrt(numbers + 2.0) / 100}
    table |= {"readable": numbers >= 0, "flagged": numbers % 3 == 0}
    table |= {
        "rhythm_surprise": numbers + 9.0,
        "anomaly_score": np.where(numbers % 3 == 0, 1, -1) * np.sqrt(numbers + 2.0),
    }
    for name, text in (("called", "S"), ("reason", "rhythm")):
        table[name] = np.where(numbers % 3 == 0, text, "").astype(object)
    return Findings(pd.DataFrame(table), [Event("unreadable", first, first + 2.0)])


def check_beats(out, detector, expected_mv, name="a"):
    """Check that the table of beats is that of a signal which is analysed at once."""
    found = pd.read_csv(out / f"{name}.beats.csv", keep_default_na=False)
    whole = analyse(detector, Fraction(RATE_HZ), [expected_mv], 2).beats
    assert found["sample"].tolist() == whole["sample"].tolist()
    np.testing.assert_allclose(found["anomaly_score"].astype(float), whole["anomaly_score"].astype(float), atol=1e-4)


def test_files_appear_when_it_ends(start, out):
    recorder = start()
    recorder.begin(datetime(2025, 12, 31, 23, 59))
    signals_mv = np.random.default_rng(1).normal(size=(2500, 2))
    signals_mv[100:200] = np.nan
    for part, found in zip(np.split(signals_mv, [1000, 1001]), (findings(0, 4), NOTHING, findings(4, 6)), strict=True):
        assert recorder.add(Portion(part), found) == []
        assert {path.name for path in out.iterdir()} == {".a.live"}
    summary = recorder.finish(out, "a", ["something"])
    assert summary["start_time"] == "2025-12-31T23:59:00"

    assert {path.name for path in out.iterdir()} == FILES
    assert (summary["beats"], summary["flagged"], summary["duration_s"]) == (10, 4, 10.0)
    assert summary["called"] == {"S": 4}
    assert summary["notes"] == ["something"]
    beats = pd.read_csv(out / "a.beats.csv", keep_default_na=False)
    assert beats["called"].tolist() == ["S", "", ""] * 3 + ["S"]
    assert beats["reason"].tolist() == ["rhythm", "", ""] * 3 + ["rhythm"]
    np.testing.assert_allclose(beats["anomaly_score"].abs(), np.sqrt(np.arange(10) + 2), atol=1e-5)


def test_without_a_signal_there_is_no_file(start, out):
    recorder = start()
    recorder.add(Portion(np.empty((0, 2))), NOTHING)
    assert recorder.finish(out, "a") is None
    assert not list(out.iterdir())


def test_without_a_beat_the_files_say_so(start, out):
    recorder = start()
    recorder.add(Portion(np.zeros((2500, 2))), NOTHING)
    assert recorder.finish(out, "a")["beats"] == 0
    assert {path.name for path in out.iterdir()} == FILES


@pytest.mark.parametrize("name", ["", "b/a", "b/"])
def test_a_name_is_for_files(start, name):
    with pytest.raises(UserError, match="give a name for files"):
        start(name=name)


def test_two_runs_do_not_write_one_recording(start, out):
    running = start()
    with pytest.raises(UserError, match="another run is recording under this name"):
        start(force=True)
    running.finish(out, "a")
    start().finish(out, "a")


def test_what_an_earlier_version_left_is_kept(start, out):
    (out / ".a.live").mkdir(parents=True)
    (out / ".a.live" / "beats.csv").write_text("beats of hours")
    for force in (False, True):
        with pytest.raises(UserError, match="nobody knows of which signal this is left"):
            start(force=force)
    assert (out / ".a.live" / "beats.csv").read_text() == "beats of hours"


def test_files_are_made_of_what_was_left(record, detector, out, signals_mv):
    recorder, _, _ = record(signals_mv[: 70 * RATE_HZ])
    kill(recorder)
    left = out / ".a.live"
    with (left / "lead_1.npy").open("r+b") as file:  # a portion was not in all leads yet, or in part
        file.truncate((left / "lead_1.npy").stat().st_size - 4 * RATE_HZ - 1)
    with (left / JOURNAL).open("ab") as file:
        file.write(b'{"samples": 123')
    (left / "beats.csv").write_text((left / "beats.csv").read_text()[:-20])

    told = []
    assert finish_left(str(out), [], detector, told.append) == 0
    assert told == ["a: 0:01:08 of signal"]
    assert {path.name for path in out.iterdir()} == FILES
    check_beats(out, detector, signals_mv[: 69 * RATE_HZ - 1])
    with pytest.raises(UserError, match="nothing was cut off there"):
        finish_left(str(out), [], detector, told.append)
    with pytest.raises(UserError, match="b was not cut off there"):
        finish_left(str(out), ["b"], detector, told.append)


def test_it_is_taken_up_with_the_time_while_nobody_recorded_missing(record, detector, out, signals_mv):
    cut, gap_s = 50 * RATE_HZ, 42.5
    recorder, _, _ = record(signals_mv[:cut])
    kill(recorder)
    recorder, session, _ = record(signals_mv[cut:], BEGUN + timedelta(seconds=50 + gap_s))
    last = session.finish().findings
    recorder.add(Portion(signals_mv[:0]), last)
    summary = recorder.finish(out, "a", session.notes)

    missing = np.full((round(gap_s * RATE_HZ), 2), np.nan)
    check_beats(out, detector, np.concatenate([signals_mv[:cut], missing, signals_mv[cut:]]))
    assert summary["duration_s"] == 120 + gap_s
    assert datetime.fromisoformat(summary["start_time"]) == BEGUN
    assert summary["notes"][0] == "was cut off at 0:00:50, and nobody recorded the next 0:00:42, which are missing"


def test_a_clock_that_was_set_back_makes_no_gap(record, out, signals_mv):
    kill(record(signals_mv[: 20 * RATE_HZ])[0])
    recorder, _, _ = record(signals_mv[: 10 * RATE_HZ], BEGUN - timedelta(hours=1))
    assert recorder.samples == 30 * RATE_HZ
    assert "the clock of this machine was set back" in recorder.finish(out, "a")["notes"][0]


@pytest.mark.parametrize("again", [{"force": True}, {"begun": datetime.now(timezone.utc)}])
def test_it_begins_anew_only_when_what_was_left_is_finished(record, detector, out, signals_mv, again):
    cut_s = 30
    kill(record(signals_mv[: cut_s * RATE_HZ], BEGUN - timedelta(days=0 if "force" in again else 2))[0])
    recorder, _, told = record(signals_mv[: 20 * RATE_HZ], **again)
    assert told == [f"what was cut off of a is finished as a.1 in {out}; a begins anew"]
    check_beats(out, detector, signals_mv[: cut_s * RATE_HZ], "a.1")
    assert recorder.samples == 20 * RATE_HZ
    recorder.finish(out, "a")
    assert (out / "a.1.html").is_file()
    assert (out / "a.html").is_file()


def test_another_signal_does_not_go_on_with_it(record, signals_mv):
    kill(record(signals_mv[: 10 * RATE_HZ])[0])
    for about in ({"origin": "stream"}, {"leads": ("V1", "II")}, {"rate_hz": 250}):
        with pytest.raises(UserError, match=r"holds what was cut off of test, II, V1 at 360 Hz; .* --finish"):
            record(signals_mv, **about)
    kill(record(signals_mv[:0])[0])  # nobody holds it meanwhile


def test_what_was_cut_off_before_its_first_sample_is_nothing(record, detector, out, signals_mv):
    kill(record(signals_mv[:0], leads=("V1", "II"))[0])
    kill(record(signals_mv[: 10 * RATE_HZ])[0])
    assert finish_left(str(out), [], detector, print) == 0
    assert json.loads((out / "a.summary.json").read_text())["leads"] == ["II", "V1"]
    kill(record(signals_mv[:0])[0])
    told = []
    assert finish_left(str(out), ["a"], detector, told.append) == 0
    assert told == ["a: nothing was recorded"]
    assert {path.name for path in out.iterdir()} == FILES


def test_a_recording_that_was_replaced_does_not_go_on_with_it(detector, out, signals_mv):
    def replay(signals_mv):
        about = {"name": "a", "notes": (), "leads": ("II", "V1"), "sampling_rate_hz": Fraction(RATE_HZ)}
        return Replay(SimpleNamespace(**about, samples=len(signals_mv), blocks=lambda _: iter([signals_mv])))

    recorder = open_recorder(Request(out), "a", detector, replay(signals_mv))
    recorder.add(Portion(signals_mv[: 20 * RATE_HZ]), NOTHING)
    kill(recorder)
    with pytest.raises(UserError, match="holds what was cut off of another recording than replay of a is now"):
        open_recorder(Request(out), "a", detector, replay(signals_mv + 0.01))
    source = replay(signals_mv)
    kill(open_recorder(Request(out), "a", detector, source))
    assert source.from_s == 20.0


@pytest.mark.parametrize("place", ["add_signals", "add_findings", "write"])
def test_a_full_disk_stops_writing_alone(record, detector, out, signals_mv, monkeypatch, place):
    owner, is_full = Journal if place == "write" else StoreWriter, [False]
    writes = getattr(owner, place)

    def write(self, *arguments, **entry):
        if is_full[0]:
            if place == "add_signals":  # a part is written, in one lead
                self._signals[0].append(arguments[0][:5, 0])
            raise OSError(errno.ENOSPC, "No space left on device")
        writes(self, *arguments, **entry)

    def fill(second):
        is_full[0] = 30 <= second < 70

    monkeypatch.setattr(owner, place, write)
    monkeypatch.setattr(recorders, "_TRY_AGAIN_S", 0.0)
    monkeypatch.setattr(recorders.shutil, "disk_usage", lambda _: SimpleNamespace(free=0 if is_full[0] else 10**9))
    recorder, session, told = record(signals_mv, before=fill)
    lost = "0:00:40 from 0:00:30 on are missing, as nothing could be written"
    assert told == [
        f"nothing is written any more ({out}: No space left on device); monitoring goes on, and writing when there is "
        "room again",
        f"writing again; {lost}",
    ]
    assert session.tally.duration_s == 120
    assert lost in recorder.finish(out, "a", session.notes)["notes"]
    signals_mv = signals_mv.copy()
    signals_mv[30 * RATE_HZ : 70 * RATE_HZ] = np.nan
    check_beats(out, detector, signals_mv)


@pytest.mark.parametrize("again", ["finish", "the same command"])
def test_files_that_were_made_come_to_their_place(record, detector, out, signals_mv, monkeypatch, again):
    recorder, _, _ = record(signals_mv[: 20 * RATE_HZ])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("ecg_anomaly.batch.results.publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        recorder.finish(out, "a")
    assert not (out / "a.html").exists()
    if again == "finish":
        assert finish_left(str(out), ["a"], detector, print) == 0
    else:
        with pytest.raises(UserError, match="a is complete there; add --force"):
            record(signals_mv)
    assert {path.name for path in out.iterdir()} == FILES


def test_files_that_cannot_be_made_leave_what_was_recorded(record, detector, out, signals_mv, monkeypatch):
    recorder, _, _ = record(signals_mv[: 20 * RATE_HZ])
    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "finish", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space")))
        with pytest.raises(UserError, match="holds what was recorded, but its files could not be made"):
            recorder.finish(out, "a")
    assert finish_left(str(out), ["a"], detector, print) == 0
    check_beats(out, detector, signals_mv[: 20 * RATE_HZ])
