"""Bad input and bad luck: a clear error in one line, and nothing of what was there before is lost."""

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import wfdb

import evaluate_model
import preprocess_data
import train_model
from ecg_anomaly.handover.beats import load_windows, read_table
from ecg_anomaly.manifest import fingerprint, handover, read_manifest
from ecg_anomaly.reports import panels
from tests.conftest import Workspace

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals and limits")

PATIENCE_S = 600  # for what is certain to come, on the busiest machine

THREE_RECORDS = ("split.train=[clinic/s001]", "split.validation=[clinic/s002]", "split.test=[clinic/s003]")
QUICK = ("training.epochs=1", "model.architecture=dense")  # where the model does not matter
ENDLESS = ("training.epochs=100000", "model.architecture=dense")


@dataclass(frozen=True)
class Clinic:
    """A workspace whose records lie in the database `clinic`, where a test may damage them."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        return self.workspace.records / "clinic"

    def preprocess(self, *overrides: str) -> int:
        return self.workspace.preprocess(*THREE_RECORDS, *overrides)


@pytest.fixture
def clinic(tmp_path: Path, simulated_records: Path) -> Clinic:
    shutil.copytree(simulated_records / "simdb", tmp_path / "records" / "clinic")
    return Clinic(Workspace(tmp_path, tmp_path / "records"))


@pytest.fixture
def copied(finished: Workspace, tmp_path: Path) -> Workspace:
    """A finished workspace that a test may change."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return Workspace(tmp_path / "run", finished.records)


def refused(status: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Check that a script stopped with one line on standard error; give what it says."""
    errors = capsys.readouterr().err
    assert status == 2, errors
    assert errors.count("\n") == 1, errors
    return errors.partition(": error: ")[2].strip()


def visualize(workspace: Workspace, *overrides: str) -> int:
    import visualize_results

    return visualize_results.main(workspace.settings(*overrides))


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder but for locks."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def change_header(folder: Path, old: str, new: str, name: str = "s001") -> None:
    header = folder / f"{name}.hea"
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new, 1))


def cut_off(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def change_signals(folder: Path, change: Callable[[np.ndarray], np.ndarray], name: str = "s001") -> None:
    """Write the signals of a record anew; the samples that `change` sets to NaN are marked as missing."""
    signals_mv = change(wfdb.rdrecord(str(folder / name)).p_signal)
    steps = np.where(np.isnan(signals_mv), -(2**15), np.nan_to_num(signals_mv) * 200).round().astype(int)
    leads = steps.shape[1]
    (folder / f"{name}.dat").unlink()
    wfdb.wrsamp(
        name,
        fs=360,
        units=["mV"] * leads,
        sig_name=["MLII", "V1"][:leads],
        d_signal=steps,
        fmt=["16"] * leads,
        adc_gain=[200] * leads,
        baseline=[0] * leads,
        write_dir=str(folder),
    )


def filled(
    value: float, samples: slice = slice(None), leads: slice = slice(None)
) -> Callable[[np.ndarray], np.ndarray]:
    """A change of signals: some of them get a value."""

    def change(signals_mv: np.ndarray) -> np.ndarray:
        signals_mv[samples, leads] = value
        return signals_mv

    return change


def annotate(folder: Path, samples: list[int], symbols: list[str], name: str = "s001") -> None:
    wfdb.wrann(name, "atr", np.array(samples), symbols, fs=360, write_dir=str(folder))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "signals cut off": (lambda folder: cut_off(folder / "s001.dat", 1000), "s001.dat: is truncated"),
    "signals empty": (lambda folder: cut_off(folder / "s001.dat", 0), "s001.dat: is truncated"),
    "signals missing": (lambda folder: (folder / "s001.dat").unlink(), "s001.dat: is missing"),
    "header promises more": (lambda folder: change_header(folder, " 43200", " 99999"), "s001.dat: is truncated"),
    "header describes fewer": (
        lambda folder: change_header(folder, "s001 2 ", "s001 3 "),
        "s001.hea: promises 3 signals and describes 2",
    ),
    "no sampling rate": (lambda folder: change_header(folder, " 360 ", " 0 "), "s001.hea: the sampling rate is 0 Hz"),
    "segment missing": (
        lambda folder: (folder / "s001.hea").write_text("s001/1 2 360 43200\ns009 43200\n"),
        "s009.hea: is missing, and the record needs it",
    ),
    "header of words": (
        lambda folder: (folder / "s001.hea").write_text("notes on this patient\n"),
        "s001.hea: is not a WFDB header",
    ),
    "header empty": (lambda folder: cut_off(folder / "s001.hea", 0), "s001.hea: is empty"),
    "header of bytes": (
        lambda folder: (folder / "s001.hea").write_bytes(bytes(range(256))),
        "s001.hea: is not a WFDB header",
    ),
    "no volts": (
        lambda folder: (change_header(folder, "/mV", "/mmHg"), change_header(folder, "/mV", "/bpm")),
        "s001.hea: holds no ECG lead (left out channel MLII: its unit is mmHg, not a voltage; "
        "left out channel V1: its unit is bpm, not a voltage); if one of them is an ECG, name it with --leads",
    ),
    "too short": (lambda folder: change_signals(folder, lambda signals: signals[:3]), "s001.hea: is shorter than 1 s"),
    "annotations missing": (lambda folder: (folder / "s001.atr").unlink(), "s001.atr: is missing"),
    "annotations cut off": (
        lambda folder: cut_off(folder / "s001.atr", 101),
        "s001.atr: its annotations cannot be read",
    ),
    "annotations empty": (
        lambda folder: cut_off(folder / "s001.atr", 0),
        "s001.atr: not one beat of clinic/s001 can be cut: it has no annotations",
    ),
    "no beats": (
        lambda folder: annotate(folder, [100, 900], ["+", "~"]),
        "s001.atr: not one beat of clinic/s001 can be cut: 2 left out (symbols that labels.aami lacks)",
    ),
    "one beat": (lambda folder: annotate(folder, [900], ["N"]), "s001.atr: not one beat of clinic/s001 can be cut"),
    "all leads flat": (
        lambda folder: change_signals(folder, filled(0.3)),
        "s001.hea: no lead holds a signal, all samples are equal or missing",
    ),
    "all samples missing": (
        lambda folder: change_signals(folder, filled(np.nan)),
        "s001.hea: holds no signal, all samples are missing",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_broken_record_stops_the_run_and_is_named(damage: str, clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    break_record, told = DAMAGES[damage]
    break_record(clinic.folder)

    message = refused(clinic.preprocess(), capsys)
    assert told in message
    assert message.endswith("(or set records.skip_broken: true to leave such records out)")
    assert contents(clinic.workspace.processed) == {}


def test_broken_records_are_skipped_and_listed_on_demand(clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    three = ("split.train=[clinic/s001, clinic/s002]", "split.validation=[clinic/s003]", "split.test=[clinic/s004]")
    assert clinic.workspace.preprocess(*three) == 0
    whole = contents(clinic.workspace.processed)
    cut_off(clinic.folder / "s006.dat", 1000)
    (clinic.folder / "s007.atr").unlink()
    (clinic.folder / "notes.hea").write_text("no header at all\n")
    capsys.readouterr()

    more = ("split.train=[clinic/s001, clinic/s002, 'clinic/s00[67]', clinic/n*]", *three[1:])
    assert clinic.workspace.preprocess(*more, "records.skip_broken=true") == 0
    summary = capsys.readouterr().out
    skipped = read_manifest(clinic.workspace.processed, "preprocess_data.py")["skipped"]
    assert set(skipped) == {"clinic/s006", "clinic/s007", "clinic/notes"}
    assert f"Skipped the broken record clinic/s006: {skipped['clinic/s006']}" in summary
    for name in ("clinic/s007", "clinic/notes"):
        assert f"Skipped as no record of beats {name}: {skipped[name]}" in summary
    after = contents(clinic.workspace.processed)
    for name in whole.keys() - {"manifest.json"}:
        assert after[name] == whole[name], name


def test_split_that_loses_its_records_is_told_with_them(clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    cut_off(clinic.folder / "s003.dat", 1000)

    message = refused(clinic.preprocess("records.skip_broken=true"), capsys)
    assert message.startswith("split.test: its records have no normal beat")
    assert "left out: clinic/s003" in message


def test_list_of_records_that_is_no_text_harms_nothing(clinic: Clinic):
    (clinic.folder / "RECORDS").write_bytes(b"\xff\xfe\x00\n")

    assert clinic.preprocess("split.train=[clinic/s001*]") == 0


def make_odd(folder: Path) -> None:
    """Make records odd: one lead, a flat lead, a missing lead, a gap in a lead, 30 seconds, two beats at one time."""
    change_signals(folder, lambda signals: signals[:, :1], "s001")
    change_signals(folder, filled(0.3, leads=slice(0, 1)), "s002")
    change_signals(folder, filled(np.nan, leads=slice(0, 1)), "s003")
    change_signals(folder, filled(np.nan, slice(20 * 360, 40 * 360), slice(0, 1)), "s004")

    change_signals(folder, lambda signals: signals[: 30 * 360], "s005")
    beats = wfdb.rdann(str(folder / "s005"), "atr", sampto=30 * 360)
    annotate(folder, beats.sample.tolist(), beats.symbol, "s005")

    beats = wfdb.rdann(str(folder / "s006"), "atr")
    beats.sample[50] = beats.sample[49]
    annotate(folder, beats.sample.tolist(), beats.symbol, "s006")


def test_odd_records_are_served(clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    workspace = clinic.workspace
    options = ("split.train=['clinic/s00[1-6]']", "split.validation=[clinic/s007]", "split.test=[clinic/s008]")
    assert workspace.preprocess(*options) == 0
    beats_before = read_table(workspace.processed)["record"].value_counts()
    make_odd(clinic.folder)
    capsys.readouterr()
    assert workspace.preprocess(*options) == 0

    summary = capsys.readouterr().out
    table = read_table(workspace.processed)
    windows = load_windows(workspace.processed, table)
    assert np.isfinite(windows).all()

    def lead_is_there(name: str) -> np.ndarray:
        return windows[table["record"] == name].any(axis=1)

    for name, kept in (("clinic/s001", "MLII"), ("clinic/s002", "V1"), ("clinic/s003", "V1")):
        assert lead_is_there(name).all(axis=0).tolist() == [True, False]
        assert table.loc[table["record"] == name, "range_mv_2"].isna().all()
        assert next(line for line in summary.splitlines() if name in line).split()[-1] == kept
    assert "clinic/s002, clinic/s003: lead MLII holds no signal and is not used" in summary

    times_s = table.loc[table["record"] == "clinic/s004", "time_s"]
    in_gap, near_gap = (times_s.between(20 - margin, 40 + margin).to_numpy() for margin in (0, 2))
    assert lead_is_there("clinic/s004")[:, 1].all()
    assert not lead_is_there("clinic/s004")[in_gap, 0].any()
    assert lead_is_there("clinic/s004")[~near_gap, 0].all()

    beats = table["record"].value_counts()
    assert 20 < beats["clinic/s005"] < beats_before["clinic/s005"] / 3
    assert beats["clinic/s006"] == beats_before["clinic/s006"] - 1
    assert "\n1 beat left out: another beat is annotated at the same time" in summary


def test_odd_records_are_scored_even_where_no_beat_is_anomalous(clinic: Clinic):
    make_odd(clinic.folder)
    odd_ones = "split.test=['clinic/s00[12346]']"
    options = ("split.train=['clinic/s00[78]']", "split.validation=[clinic/s005]", odd_ones, *QUICK)
    options = (*options, "labels.aami={A: N, V: N, F: N}")
    workspace = clinic.workspace

    assert (workspace.preprocess(*options), workspace.train(*options), workspace.evaluate(*options)) == (0, 0, 0)
    scores = pd.read_csv(workspace.outputs / "scores.csv")
    assert set(scores["record"]) == {f"clinic/s00{number}" for number in (1, 2, 3, 4, 6)}
    assert np.isfinite(scores[["reconstruction_error", "anomaly_score", "threshold"]]).all(axis=None)
    figures = json.loads((workspace.outputs / "metrics.json").read_text())
    assert figures["auc"] is None
    assert figures["sensitivity"]["all"] is None
    assert 0 <= figures["false_positive_rate"] < 1


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("split.test=[]", "test is empty, and protocol patients needs it: name at least one record"),
        (
            "split.test=[clinic/x*]",
            "split.test: clinic/x* matches no record; look at the names in the folder of clinic",
        ),
        ("split.test=[nowhere/*]", "split.test: nowhere/* matches no record"),
        ("split.test=[clinic/s00*]", "record clinic/s001 is in split.train and in split.test"),
        ("split.test=[clinic/s999]", "record clinic/s999 is not there: looked for clinic/s999.hea in"),
    ],
)
def test_split_that_cannot_be_is_explained(
    override: str, told: str, clinic: Clinic, capsys: pytest.CaptureFixture[str]
):
    assert told in refused(clinic.preprocess(override), capsys)


def test_split_without_a_normal_beat_is_named(clinic: Clinic, capsys: pytest.CaptureFixture[str]):
    annotate(clinic.folder, [1000, 1400, 1800, 2200], ["V"] * 4, "s002")

    message = refused(clinic.preprocess(), capsys)
    assert message == "split.validation: its records have no normal beat; give it more records"


@pytest.mark.parametrize("pattern", ["mitdb/100", "mitdb/*"])
def test_without_network_and_records_the_message_shows_ways_out(
    pattern: str, workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time, "sleep", lambda _: None)  # between the tries
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    message = refused(workspace.preprocess(f"split.test=[{pattern}]", "physionet.url=http://127.0.0.1:9"), capsys)
    assert f"missing ({pattern}; looked in {workspace.records})" in message
    assert "no connection" in message
    assert "set paths.records to the folder that holds the folder mitdb" in message
    assert "make demo" in message


@pytest.mark.parametrize("main", [preprocess_data.main, train_model.main, evaluate_model.main])
def test_typo_in_a_setting_stops_every_script(
    main: Callable[[list[str]], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "mine.yaml").write_text("training:\n  epoch: 3\n")

    message = refused(main(["--config", str(tmp_path / "mine.yaml")]), capsys)
    assert message == f"{tmp_path / 'mine.yaml'}: training.epoch: unknown key; did you mean training.epochs?"


def test_typo_in_an_option_stops_a_script(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        train_model.main(["--sett", "training.epochs=3", "--cnofig", "mine.yaml"])
    assert "--cnofig" in capsys.readouterr().err


@contextlib.contextmanager
def disk_with_room_for(size: int) -> Iterator[None]:
    """No file can grow beyond a size; what writes more gets an error, as on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix_only
@pytest.mark.parametrize("script", ["preprocess", "train", "evaluate"])
def test_full_disk_leaves_earlier_results(script: str, copied: Workspace, capsys: pytest.CaptureFixture[str]):
    before = contents(copied.folder)
    written = {"preprocess": copied.processed, "train": copied.models, "evaluate": copied.outputs}[script]

    with disk_with_room_for(20_000):
        status = getattr(copied, script)(*(QUICK if script == "train" else []))
    message = refused(status, capsys)
    assert message.endswith(f"{written}; mend that and run again, what was there before is unchanged")
    assert contents(copied.folder) == before
    read_manifest(written, script)


@posix_only
def test_full_disk_while_simulating_leaves_no_half_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = Workspace(tmp_path, tmp_path / "records")
    small = "simulation={patients: 8, minutes: 0.5, seed: 1}"

    with disk_with_room_for(20_000):
        refused(run.preprocess(small), capsys)
    assert {path.name for path in (tmp_path / "records" / "simdb").iterdir()} <= {"simulation.json"}
    assert run.preprocess(small) == 0
    assert "delete the folder" in refused(run.preprocess("simulation.minutes=1"), capsys)


def test_half_written_settings_of_simulated_records_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = Workspace(tmp_path, tmp_path / "records")
    (tmp_path / "records" / "simdb").mkdir(parents=True)
    (tmp_path / "records" / "simdb" / "simulation.json").write_text('{"patients": ')

    assert f"delete the folder {tmp_path / 'records' / 'simdb'}" in refused(run.preprocess(), capsys)


# Where a script is about to write its first beats, or to move its files into place.
WRITES_BEATS, PUBLISHES = "ecg_anomaly.handover.beats:BeatWriter.append", "ecg_anomaly.manifest:Handover.publish"


@posix_only
def test_killed_preprocessing_leaves_no_process_and_nothing_in_the_way(copied: Workspace):
    run, before = copied, contents(copied.processed)

    process = run.start_paused("preprocess_data.py", WRITES_BEATS)
    assert (run.processed / ".incomplete").is_dir()
    workers = psutil.Process(process.pid).children()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE_S)
    for worker in alive:
        worker.kill()
    assert workers
    assert not alive
    process.communicate()
    assert {name: content for name, content in contents(run.processed).items() if name in before} == before
    read_manifest(run.processed, "preprocess_data.py")

    assert run.preprocess() == 0
    assert contents(run.processed).keys() == before.keys()


@posix_only
def test_interrupted_preprocessing_says_so_in_one_line(workspace: Workspace):
    run, process = workspace, workspace.start_paused("preprocess_data.py", WRITES_BEATS)
    workers = psutil.Process(process.pid).children()
    assert workers
    for one in [*workers, process]:  # a terminal sends Ctrl-C to all of them, whether they work or wait
        one.send_signal(signal.SIGINT)

    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors == "preprocess_data.py: interrupted; what was there before is unchanged\n"
    assert contents(run.processed) == {}


@posix_only
def test_worker_that_dies_is_told(clinic: Clinic, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ecg_anomaly.beats.preprocessing.process_record", die)

    assert "was ended from outside 3 times, perhaps for want of memory" in refused(clinic.preprocess(), capsys)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@posix_only
def test_second_run_in_the_same_folder_is_refused_and_harms_nothing(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    run, first = workspace, workspace.start_paused("preprocess_data.py", WRITES_BEATS)
    message = refused(run.preprocess(), capsys)

    _, errors = first.communicate("go on\n", timeout=PATIENCE_S)
    assert message.startswith(f"{run.processed}: another run is writing here; wait until it ends")
    assert (first.returncode, errors) == (0, "")
    read_manifest(run.processed, "preprocess_data.py")


@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_script_is_refused_while_another_writes_its_folder(
    script: str, copied: Workspace, capsys: pytest.CaptureFixture[str]
):
    written = {"train": copied.models, "evaluate": copied.outputs}[script]

    with contextlib.suppress(KeyboardInterrupt), handover(written):
        message = refused(getattr(copied, script)(), capsys)
        raise KeyboardInterrupt
    assert message.startswith(f"{written}: another run is writing here")


@posix_only
def test_killed_training_leaves_the_earlier_model(copied: Workspace):
    before = contents(copied.models)
    process = copied.start_paused("train_model.py", "ecg_anomaly.training:_train")
    assert (copied.models / ".incomplete").is_dir()
    process.kill()
    process.communicate()

    assert process.returncode == -signal.SIGKILL
    assert contents(copied.models) == before
    assert copied.train(*QUICK) == 0
    assert contents(copied.models).keys() == before.keys()


def test_interrupted_training_keeps_the_best_model_so_far(
    copied: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def print_and_press_ctrl_c(line: str) -> None:
        print(line)
        if line.startswith("epoch"):
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(train_model, "_print_line", print_and_press_ctrl_c)

    assert copied.train(*ENDLESS) == 0
    said = capsys.readouterr()
    assert "interrupted: ending with the weights so far" in said.out
    assert "Interrupted in epoch 1," in said.out
    assert said.err == ""
    assert signal.getsignal(signal.SIGINT) is handler
    assert read_manifest(copied.models, "train_model.py")["interrupted"] is True
    assert len(pd.read_csv(copied.models / "history.csv")) == 1
    assert copied.evaluate(*ENDLESS) == 0


@posix_only
def test_killed_evaluation_leaves_the_earlier_scores(copied: Workspace):
    before = contents(copied.outputs)
    process = copied.start_paused("evaluate_model.py", PUBLISHES, "threshold.percentile=90")
    assert (copied.outputs / ".incomplete" / "scores.csv").is_file()
    process.kill()
    process.communicate()

    assert process.returncode == -signal.SIGKILL
    after = contents(copied.outputs)
    assert {name: after[name] for name in before} == before
    assert copied.evaluate() == 0
    assert contents(copied.outputs).keys() == before.keys()


@posix_only
def test_killed_visualisation_leaves_nothing_in_the_way(copied: Workspace, monkeypatch: pytest.MonkeyPatch):
    process = copied.start_paused("visualize_results.py", "ecg_anomaly.reports.panels:all_panels")
    assert (copied.outputs / "plots" / ".incomplete").is_dir()
    process.kill()
    process.communicate()

    assert process.returncode == -signal.SIGKILL
    monkeypatch.setattr(panels.Panel, "to_svg", lambda panel: panel.title)  # takes long, and is tested elsewhere
    assert visualize(copied) == 0
    assert list((copied.outputs / "plots").glob("*.png"))
    assert (copied.outputs / "report.html").is_file()


def sign_anew(folder: Path, name: str) -> None:
    """Make the manifest agree with a file that a test has put in place, so that the file itself is read."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = fingerprint(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_damaged_model_is_named(copied: Workspace, capsys: pytest.CaptureFixture[str]):
    path = copied.models / "autoencoder.npz"
    cut_off(path, 5000)
    assert refused(copied.evaluate(), capsys) == (
        f"{path}: was changed after train_model.py wrote it; run python train_model.py again"
    )

    sign_anew(copied.models, path.name)
    message = refused(copied.evaluate(), capsys)
    assert message.startswith(f"{path}: cannot be run (File is not a zip file)")
    assert message.endswith("run python train_model.py again")


def test_model_of_another_architecture_is_named(copied: Workspace, capsys: pytest.CaptureFixture[str]):
    path = copied.models / "autoencoder.npz"
    np.savez(path, **{"code/kernel": np.zeros((2, 2))})
    sign_anew(copied.models, path.name)

    message = refused(copied.evaluate(), capsys)
    assert message.startswith(f"{path}: cannot be run (the network needs ")
    assert message.endswith("run python train_model.py again")


def test_settings_for_another_architecture_are_refused(copied: Workspace, capsys: pytest.CaptureFixture[str]):
    message = refused(copied.evaluate("model.architecture=lstm"), capsys)

    assert 'model.architecture was "' in message
    assert 'and is now "lstm"' in message


def test_beats_edited_by_hand_are_noticed(copied: Workspace, capsys: pytest.CaptureFixture[str]):
    path = copied.processed / "beats.csv"
    path.write_text(path.read_text().replace(",N,", ",V,", 1))

    message = f"{path}: was changed after preprocess_data.py wrote it; run python preprocess_data.py again"
    assert refused(copied.train(), capsys) == message
    assert refused(copied.evaluate(), capsys) == message


def test_scores_edited_by_hand_are_noticed(copied: Workspace, capsys: pytest.CaptureFixture[str]):
    path = copied.outputs / "scores.csv"
    path.write_text(path.read_text().replace("False", "True", 1))

    assert refused(visualize(copied), capsys) == (
        f"{path}: was changed after evaluate_model.py wrote it; run python evaluate_model.py again"
    )
