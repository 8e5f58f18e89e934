"""``detect_live.py`` as users run it: replay, standard input, a stream, Ctrl-C, files."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
import wfdb

import detect_anomalies
import detect_live
from ecg_anomaly.records.simulate import simulate_record
from tests.conftest import ROOT, Workspace
from tests.live.lsl_outlets import Sender, pylsl  # noqa: F401 - a fixture


@pytest.fixture
def live(finished: Workspace):
    def run(*arguments):
        return detect_live.main([*map(str, arguments), *finished.settings()])

    return run


@pytest.fixture
def pipe(monkeypatch):
    """A pipe that is standard input; what is given back writes to it."""
    read, write = os.pipe()
    with os.fdopen(read) as standard_input, os.fdopen(write, "wb", buffering=0) as other_end:
        monkeypatch.setattr("sys.stdin", standard_input)
        yield other_end


@pytest.fixture
def lines():
    """A minute of ECG as lines of text in microvolts."""
    signals_mv = simulate_record(7, 1, seed=1).signals_mv
    return "\n".join(f"{first:.1f},{second:.1f}" for first, second in 1000 * signals_mv).encode() + b"\n"


def write_all(pipe, content):
    view = memoryview(content)
    while view:
        view = view[pipe.write(view) :]


def test_a_replay_writes_what_the_batch_writes(finished: Workspace, live, tmp_path, capsys):
    record = finished.records / "simdb" / "s007"
    batch = ["--output", str(tmp_path / "batch"), *finished.settings()]
    assert detect_anomalies.main([str(record), *batch]) == 0
    assert live("--replay", "simdb/s007", "--speed", "max", "--output", tmp_path / "live") == 0

    told = capsys.readouterr().out
    beats, expected = (pd.read_csv(tmp_path / where / "s007.beats.csv") for where in ("live", "batch"))
    pd.testing.assert_frame_equal(beats, expected, rtol=0, atol=1e-4)
    summary, expected_summary = (
        json.loads((tmp_path / where / "s007.summary.json").read_text()) for where in ("live", "batch")
    )
    del expected_summary["made_from"]  # by which a batch knows what is done
    assert summary == expected_summary
    found, expected_found = (wfdb.rdann(str(tmp_path / where / "s007"), "anomaly") for where in ("live", "batch"))
    assert found.symbol == expected_found.symbol
    np.testing.assert_array_equal(found.sample, expected_found.sample)
    live_files, batch_files = ({path.name for path in (tmp_path / where).iterdir()} for where in ("live", "batch"))
    assert live_files == batch_files - {".lock"}

    assert told.count("beat flagged, score ") == summary["flagged"] > 0
    assert f"0:02:00 of signal: {summary['beats']} beats, {summary['flagged']} flagged" in told
    for time_s in expected.loc[expected["flagged"], "time_s"]:
        assert f"0:{int(time_s) // 60:02d}:{int(time_s) % 60:02d}.{int(time_s * 10) % 10}  beat flagged" in told


def test_a_killed_run_is_taken_up_by_the_same_command(finished: Workspace, live, tmp_path, capsys):
    arguments = ["--replay", "simdb/s007", "--duration", "90", "--output", str(tmp_path / "live")]
    command = [sys.executable, str(ROOT / "detect_live.py"), *arguments, "--speed", "20", *finished.settings()]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_for_beats(tmp_path / "live" / ".s007.live" / "beats.csv", 40)
        process.kill()
    assert live(*arguments, "--speed", "max") == 0
    told = capsys.readouterr().out
    assert "goes on with what was kept until 0:0" in told
    beats = pd.read_csv(tmp_path / "live" / "s007.beats.csv")

    assert live(*arguments[:4], "--speed", "max", "--output", tmp_path / "at once") == 0
    pd.testing.assert_frame_equal(beats, pd.read_csv(tmp_path / "at once" / "s007.beats.csv"), rtol=0, atol=1e-4)
    summaries = [(tmp_path / where / "s007.summary.json").read_text() for where in ("live", "at once")]
    assert summaries[0] == summaries[1]


def test_several_recordings_at_once(live, tmp_path, capsys):
    named = [word for name in ("s007", "s008", "s999") for word in ("--replay", f"simdb/{name}")]
    options = ("--speed", "max", "--duration", "30", "--output", tmp_path)
    assert live(*named, *options) == 1  # one is not there
    captured = capsys.readouterr()
    assert "simdb/s999: is not there" in captured.err
    for name in ("s007", "s008"):
        assert (tmp_path / f"{name}.html").is_file()
        assert f"{name}  0:00:30 of signal: " in captured.out
    for mistake, message in (
        (["--name", "one"], "--name is there 1 times, for 3 signals"),
        (["--name", "a", "--name", "b", "--name", "A"], "two signals are called A"),
        (["--view", "terminal"], "--view terminal draws one signal"),
        ([], "is there already; add --force"),
    ):
        assert live(*named, *options, *mistake) == 2
        assert message in capsys.readouterr().err


def test_files_of_what_was_cut_off(live, tmp_path, capsys):
    assert live("--finish") == 2
    assert "name it with --output" in capsys.readouterr().err
    assert live("--finish", "--output", tmp_path) == 2
    assert "nothing was cut off there" in capsys.readouterr().err


def test_a_replay_takes_its_time(live, capsys):
    started_s = time.monotonic()
    assert live("--replay", "simdb/s007", "--speed", "20", "--duration", "30") == 0
    assert time.monotonic() - started_s >= 1.5
    assert "0:00:30 of signal" in capsys.readouterr().out


def test_results_are_not_replaced_without_force(live, tmp_path, capsys):
    (tmp_path / "s008.anomaly").write_bytes(b"someone's work")
    arguments = ("--replay", "simdb/s008", "--speed", "max", "--duration", "20", "--output", tmp_path)
    assert live(*arguments) == 2
    assert "--force" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["s008.anomaly"]
    assert live(*arguments, "--name", "s008 again") == 0
    assert (tmp_path / "s008 again.html").is_file()
    assert live(*arguments, "--force") == 0
    assert (tmp_path / "s008.anomaly").read_bytes() != b"someone's work"


def test_lines_on_standard_input(live, pipe, lines, tmp_path, capsys):
    with ThreadPoolExecutor(1) as others:
        others.submit(lambda: [write_all(pipe, b"boot\nII,V1\n" + lines), pipe.close()])
        options = ("--sampling-rate", "360", "--gain", "1000", "--output", tmp_path, "--name", "patient")
        assert live("--stdin", *options) == 0
    told = json.loads((tmp_path / "patient.summary.json").read_text())
    assert (told["leads"], told["duration_s"]) == (["II", "V1"], 60.0)
    begun = datetime.fromisoformat(told["start_time"])
    assert begun.utcoffset() is not None
    assert timedelta(seconds=60) <= datetime.now(timezone.utc) - begun < timedelta(hours=1)
    assert told["beats"] > 50
    assert "0:01:00 of signal" in capsys.readouterr().out


def test_ctrl_c_ends_with_complete_files(live, pipe, lines, tmp_path, capsys):
    def send_and_interrupt():
        try:
            write_all(pipe, lines)
            wait_for_beats(tmp_path / ".stdin.live" / "beats.csv", 40)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as others:
        sending = others.submit(send_and_interrupt)
        assert live("--stdin", "--sampling-rate", "360", "--gain", "1000", "--output", tmp_path) == 0
        sending.result()
    assert "0:01:00 of signal: " in capsys.readouterr().out
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".anomaly", ".json", ".html"}
    told = json.loads((tmp_path / "stdin.summary.json").read_text())
    assert len(pd.read_csv(tmp_path / "stdin.beats.csv")) == told["beats"] > 40


def wait_for_beats(path, count):
    for _ in range(6000):
        if path.exists() and len(path.read_text().splitlines()) > count:
            return
        time.sleep(0.1)
    raise TimeoutError(path)


def test_what_was_recorded_is_kept_when_the_source_fails(live, pipe, lines, tmp_path, capsys):
    with ThreadPoolExecutor(1) as others:
        others.submit(lambda: [write_all(pipe, lines + b"a" * 2_000_000), pipe.close()])
        assert live("--stdin", "--sampling-rate", "360", "--gain", "1000", "--output", tmp_path) == 2
    captured = capsys.readouterr()
    assert "does not end within a million bytes" in captured.err
    assert "Wrote the results" in captured.out
    assert json.loads((tmp_path / "stdin.summary.json").read_text())["duration_s"] == 60.0


def test_a_stream(live, pylsl, tmp_path, capsys):  # noqa: F811
    sender = Sender(pylsl, "live script", source_id="of test_detect_live")
    sent = 1000 * simulate_record(7, 1, seed=1).signals_mv
    kept = np.ones(len(sent), dtype=bool)
    kept[7200:7920] = False
    with ThreadPoolExecutor(1) as others:
        sending = others.submit(sender.send, sent, 0, kept)
        assert live("--lsl", "live script", "--duration", "58", "--output", tmp_path) == 0
        sending.result()
    told = json.loads((tmp_path / "live_script.summary.json").read_text())
    assert told["leads"] == ["II", "V1"]
    assert told["beats"] > 50
    assert told["notes"] == ["720 samples (2.00 s) did not arrive, in 1 gap"]
    ago_s = (datetime.now(timezone.utc) - datetime.fromisoformat(told["start_time"])).total_seconds()
    assert ago_s == pytest.approx(pylsl.local_clock() - sender.start_s, abs=0.5)
    beats = pd.read_csv(tmp_path / "live_script.beats.csv")
    assert not beats["time_s"].between(20.1, 21.9).any()
    assert "did not arrive" in capsys.readouterr().out


def test_a_view_needs_a_terminal(live, capsys):
    assert live("--replay", "simdb/s007", "--view", "terminal") == 2
    assert "standard output is none" in capsys.readouterr().err


def test_a_view_draws(live, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert live("--replay", "simdb/s007", "--speed", "max", "--duration", "60", "--view", "terminal") == 0
    assert "s007, last 10 s" in terminal.getvalue()
    assert "beat flagged" in terminal.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--replay", "mitdb/999"], "mitdb/999: is not there; looked in the current folder"),
        (["--replay", "simdb/s007", "--leads", "aVF"], "has no lead aVF"),
        (["--replay", "simdb/s007", "--speed", "-1"], "--speed is -1"),
        (["--stdin"], "give its lines per second with --sampling-rate"),
        (["--stdin", "--sampling-rate", "360", "--speed", "2"], "--speed is for --replay"),
        (["--stdin", "--sampling-rate", "360", "--gain", "0"], "--gain is 0"),
        (["--lsl", "any", "--sampling-rate", "360"], "a stream says its own"),
    ],
)
def test_mistakes_in_words(live, arguments, message, capsys):
    assert live(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_without_a_model_the_script_to_run_is_named(workspace: Workspace, capsys):
    assert detect_live.main(["--replay", "simdb/s007", *workspace.settings()]) == 2
    assert "train a model with yours: run the four scripts" in capsys.readouterr().err
