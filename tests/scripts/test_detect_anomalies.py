"""``detect_anomalies.py`` as users run it, on recordings without annotations."""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import wfdb

import detect_anomalies
from ecg_anomaly import workers
from ecg_anomaly.batch import running
from ecg_anomaly.batch.outcome import Outcome
from ecg_anomaly.records.simulate import simulate_record
from ecg_anomaly.reports.pages import PLOTLY
from tests.conftest import Workspace


@pytest.fixture
def detect(finished: Workspace, tmp_path):
    def run(*arguments):
        return detect_anomalies.main([*map(str, arguments), "--output", str(tmp_path / "out"), *finished.settings()])

    return run


def test_a_batch_writes_files_of_each_recording_and_goes_on_past_a_broken_one(
    finished: Workspace, detect, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(workers, "cores", lambda: 1)  # one other process will do, and takes seconds to start
    record = simulate_record(7, 2, seed=1)
    times_s = np.arange(len(record.signals_mv)) / 360
    table = pd.DataFrame({"time_s": times_s, "II": record.signals_mv[:, 0], "V1": record.signals_mv[:, 1]})
    table.round(6).to_csv(tmp_path / "from_csv.csv", index=False)
    (tmp_path / "broken.csv").write_text("nothing,of,use\n")

    assert detect(tmp_path / "broken.csv", finished.records / "simdb" / "s007", tmp_path / "from_csv.csv") == 1

    told = capsys.readouterr().out
    assert "2 recordings" in told
    assert "broken.csv" in told
    for name in ("s007", "from_csv"):
        beats = pd.read_csv(tmp_path / "out" / f"{name}.beats.csv")
        told = json.loads((tmp_path / "out" / f"{name}.summary.json").read_text())
        annotation = wfdb.rdann(str(tmp_path / "out" / name), "anomaly")
        assert len(beats) == told["beats"] > 100
        assert (np.array(annotation.symbol) == "Q").sum() == told["flagged"] == beats["flagged"].sum() > 0
        page = tmp_path / "out" / f"{name}.html"
        assert name in page.read_text()
        assert page.stat().st_size < 2_000_000
    assert (tmp_path / "out" / PLOTLY).is_file()
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [".lock"]
    table = pd.read_csv(tmp_path / "out" / "recordings.summary.csv", index_col="recording")
    assert list(table.index) == ["broken", "from_csv", "s007"]


def test_results_are_not_replaced_without_force(finished: Workspace, detect, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "s008.anomaly").write_bytes(b"someone's work")
    assert detect(finished.records / "simdb" / "s008") == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "out" / "s008.anomaly").read_bytes() == b"someone's work"
    assert detect(finished.records / "simdb" / "s008", "--force") == 0
    assert (tmp_path / "out" / "s008.anomaly").read_bytes() != b"someone's work"


def test_the_model_detects_as_it_was_made_and_says_what_settings_contradict(
    finished: Workspace, detect, tmp_path, capsys
):
    recording = finished.records / "simdb" / "s007"
    assert detect(recording) == 0
    expected = (tmp_path / "out" / "s007.beats.csv").read_bytes()
    assert "keeps to the settings" not in capsys.readouterr().err

    contradiction = ("--set", "beat.scaling=beat_min_max", "--set", "scoring.components=[rhythm]")
    assert detect(recording, "--force", *contradiction) == 0
    [line] = [line for line in capsys.readouterr().err.splitlines() if "keeps to the settings" in line]
    assert 'beat.scaling is "record_min_max", not "beat_min_max"' in line
    assert 'scoring.components is ["ectopy", "patient", "rhythm"], not ["rhythm"]' in line
    assert (tmp_path / "out" / "s007.beats.csv").read_bytes() == expected


def test_a_batch_that_is_stopped_says_how_far_it_was(finished: Workspace, detect, tmp_path, capsys, monkeypatch):
    def stopped(recordings, *_, **__):
        yield Outcome(recordings[0], error=f"{recordings[0].path}: is empty")
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "detect_all", stopped)
    (tmp_path / "list").write_text(f"# all of them\n{finished.records}/simdb/s00[78]*\n")
    assert detect("--from", tmp_path / "list") == 130
    said = capsys.readouterr().err
    assert "s00[78]*: 2 recordings; passed over 2 other files (2 .atr)" in said
    assert said.endswith("stopped: no recording is done, 1 could not be analysed\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_script_that_is_ended_leaves_results_that_are_whole_or_none(finished: Workspace, detect, tmp_path, capsys):
    out, options = tmp_path / "out", [str(finished.records / "simdb" / "s007"), "--output", str(tmp_path / "out")]

    def paused(place):
        return finished.start_paused("detect_anomalies.py", f"ecg_anomaly.batch.running:{place}", options=options)

    with paused("analyse_to_store") as process:
        assert (out / ".incomplete").exists()
        process.terminate()
        assert process.communicate()[1] == "detect_anomalies.py: stopped: no recording is done\n"
    assert process.returncode == 130
    assert not out.exists()

    with paused("publish") as process:
        process.kill()
    assert {path.name for path in out.iterdir()} == {".lock", ".incomplete"}
    assert detect(*options[:1], "--resume") == 0
    assert "1 result of the same recording, model and settings kept" in capsys.readouterr().out
    names = {f"s007.{ending}" for ending in ("beats.csv", "anomaly", "summary.json", "html")}
    assert {path.name for path in out.iterdir()} == {".lock", *names}


@pytest.mark.parametrize("options", [(), ("--from", "nobody"), ("s007", "--leads", "")])
def test_nothing_to_do_is_told(detect, capsys, options):
    assert detect(*options) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_a_model_of_such_settings_the_way_to_one_is_told(workspace: Workspace, capsys):
    arguments = [str(workspace.records / "simdb" / "s007"), *workspace.settings()]
    assert detect_anomalies.main(arguments) == 2
    assert "run the four scripts" in capsys.readouterr().err


def test_leads_that_are_not_there_are_told(finished: Workspace, detect, capsys):
    assert detect(finished.records / "simdb" / "s008", "--leads", "aVF") == 1
    assert "aVF" in capsys.readouterr().out


def test_names_with_dots_are_whole_names(finished: Workspace, detect, tmp_path):
    shutil.copy(finished.records / "simdb" / "s008.hea", tmp_path / "s008.b.hea")
    shutil.copy(finished.records / "simdb" / "s008.dat", tmp_path)
    assert detect(tmp_path / "s008.b") == 0
    before = (tmp_path / "out" / "s008.b.anomaly").read_bytes()
    assert detect(tmp_path / "s008.b") == 2
    assert (tmp_path / "out" / "s008.b.anomaly").read_bytes() == before
