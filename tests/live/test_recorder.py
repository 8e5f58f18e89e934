"""A live recording on disk: its files appear whole at the end, or not at all."""

from datetime import datetime
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.batch.request import Request
from ecg_anomaly.beats.events import Event
from ecg_anomaly.config import load_config
from ecg_anomaly.detector.stream import COLUMNS, Findings
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.recorder import Recorder

FILES = {"a.beats.csv", "a.anomaly", "a.summary.json", "a.html"}


@pytest.fixture
def start(tmp_path):
    def recorder(force=False, name="a"):
        threshold = FittedThreshold(method="percentile", threshold=1.0, normal_beats=1, patients=1, rates_per_hour={})
        detector = SimpleNamespace(threshold=threshold, config=load_config())
        return Recorder(Request(tmp_path / "out", force=force), name, detector, Fraction(250), ["II", "V1"])

    return recorder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


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


def test_files_appear_when_it_ends(start, out):
    recorder = start()
    signals_mv = np.random.default_rng(1).normal(size=(2500, 2))
    signals_mv[100:200] = np.nan
    nothing = Findings(pd.DataFrame(), [])
    for part, found in zip(np.split(signals_mv, [1000, 1001]), (findings(0, 4), nothing, findings(4, 6)), strict=True):
        recorder.add(part, found)
        assert {path.name for path in out.iterdir()} == {".a.live"}
    summary = recorder.finish(["something"], datetime(2025, 12, 31, 23, 59))
    assert summary["start_time"] == "2025-12-31T23:59:00"

    assert {path.name for path in out.iterdir()} == FILES
    assert (summary["beats"], summary["flagged"], summary["duration_s"]) == (10, 4, 10.0)
    assert summary["called"] == {"S": 4}
    assert summary["notes"] == ["something"]
    beats = pd.read_csv(out / "a.beats.csv", keep_default_na=False)
    assert beats["called"].tolist() == ["S", "", ""] * 3 + ["S"]
    assert beats["reason"].tolist() == ["rhythm", "", ""] * 3 + ["rhythm"]
    np.testing.assert_allclose(beats["anomaly_score"].abs(), np.sqrt(np.arange(10) + 2), atol=1e-5)


def test_beats_are_on_disk_while_it_runs(start, out):
    recorder = start()
    recorder.add(np.zeros((1000, 2)), findings(0, 4))
    assert len((out / ".a.live" / "beats.csv").read_text().splitlines()) == 1 + 4
    recorder.finish([])


def test_without_a_signal_there_is_no_file(start, out):
    recorder = start()
    recorder.add(np.empty((0, 2)), Findings(pd.DataFrame(), []))
    assert recorder.finish([]) is None
    assert not list(out.iterdir())


def test_without_a_beat_the_files_say_so(start, out):
    recorder = start()
    recorder.add(np.zeros((2500, 2)), Findings(pd.DataFrame(), []))
    assert recorder.finish([])["beats"] == 0
    assert {path.name for path in out.iterdir()} == FILES


@pytest.mark.parametrize("name", ["", "b/a", "b/"])
def test_a_name_is_for_files(start, name):
    with pytest.raises(UserError, match="give a name for files"):
        start(name=name)


def test_two_runs_do_not_write_one_recording(start):
    running = start()
    with pytest.raises(UserError, match="another run is recording under this name"):
        start(force=True)
    running.finish([])
    start().finish([])


def test_what_a_killed_run_left_is_kept(start, out):
    (out / ".a.live").mkdir(parents=True)
    (out / ".a.live" / "beats.csv").write_text("beats of hours")
    with pytest.raises(UserError, match="left from a run that was cut off"):
        start()
    assert (out / ".a.live" / "beats.csv").read_text() == "beats of hours"
    recorder = start(force=True)
    recorder.add(np.zeros((500, 2)), findings(0, 1))
    recorder.finish([])
    assert {path.name for path in out.iterdir()} == FILES
