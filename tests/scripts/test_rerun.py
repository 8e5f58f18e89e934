"""Running again with an edited config: each script says which one to run again and why; equal runs give equal files."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_anomaly.detector.network import run_with
from ecg_anomaly.handover import model
from tests.conftest import ROOT, Workspace

SCRIPTS = ("preprocess_data", "train_model", "evaluate_model", "visualize_results")


@pytest.fixture
def copied(finished: Workspace, tmp_path: Path) -> Workspace:
    """A finished workspace that a test may change."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return Workspace(tmp_path / "run", finished.records)


@pytest.fixture(scope="module")
def second_run(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, object]:
    """The finished pipeline once more, and the weights of its model as they were before they were saved."""
    from ecg_anomaly.detector import autoencoder

    run, kept, train = Workspace(tmp_path_factory.mktemp("second"), finished.records), [], autoencoder.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autoencoder, "train", lambda *args, **kwargs: kept.append(train(*args, **kwargs)) or kept[0])
        assert (run.preprocess(), run.train(), run.evaluate()) == (0, 0, 0)
    return run, autoencoder.weights_of(kept[0].model)


def visualize(workspace: Workspace, *overrides: str) -> int:
    import visualize_results

    return visualize_results.main(workspace.settings(*overrides))


def refused(status: int, capsys: pytest.CaptureFixture[str]) -> str:
    """Check that a script stopped with one line on standard error; give what it says."""
    errors = capsys.readouterr().err
    assert status == 2, errors
    assert errors.count("\n") == 1, errors
    return errors.partition(": error: ")[2].strip()


def test_scripts_name_the_one_to_run_first(workspace: Workspace, capsys: pytest.CaptureFixture[str]):
    message = (
        f"{workspace.processed}: no finished results of preprocess_data.py are here; run python preprocess_data.py"
    )
    assert refused(workspace.train(), capsys) == message
    assert refused(workspace.evaluate(), capsys) == message
    assert refused(visualize(workspace), capsys) == (
        f"{workspace.outputs}: no finished results of evaluate_model.py are here; run python evaluate_model.py"
    )


def test_evaluation_asks_for_a_model(finished: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(finished.processed, tmp_path / "processed")
    without_model = Workspace(tmp_path, finished.records)

    assert refused(without_model.evaluate(), capsys) == (
        f"{tmp_path / 'models'}: no finished results of train_model.py are here; run python train_model.py"
    )


def test_other_window_asks_for_preprocessing(finished: Workspace, capsys: pytest.CaptureFixture[str]):
    message = (
        f"{finished.processed}: made with other settings: beat.window_before_s was 0.4 and is now 0.25; "
        "run python preprocess_data.py again"
    )
    assert refused(finished.train("beat.window_before_s=0.25"), capsys) == message
    assert refused(finished.evaluate("beat.window_before_s=0.25"), capsys) == message


def test_other_labels_ask_for_preprocessing(finished: Workspace, capsys: pytest.CaptureFixture[str]):
    message = refused(finished.train("labels.aami={R: V, z: N}"), capsys)

    assert 'labels.aami.R was "N" and is now "V"; labels.aami.z was null and is now "N"' in message
    assert message.endswith("run python preprocess_data.py again")


def test_other_training_asks_for_training(finished: Workspace, capsys: pytest.CaptureFixture[str]):
    assert refused(finished.evaluate("training.epochs=4"), capsys) == (
        f"{finished.models}: made with other settings: training.epochs was 8 and is now 4; "
        "run python train_model.py again"
    )


def test_other_threshold_asks_for_evaluation(finished: Workspace, capsys: pytest.CaptureFixture[str]):
    assert refused(visualize(finished, "threshold.percentile=90"), capsys) == (
        f"{finished.outputs}: made with other settings: threshold.percentile was 95.0 and is now 90.0; "
        "run python evaluate_model.py again"
    )


def test_other_threshold_needs_evaluation_alone(copied: Workspace):
    before = json.loads((copied.outputs / "metrics.json").read_text())
    elsewhere = ("paths.records=elsewhere", "physionet.url=http://127.0.0.1:9")  # where records lie shapes nothing
    assert copied.evaluate("threshold={method: percentile, percentile: 60}", *elsewhere) == 0
    after = json.loads((copied.outputs / "metrics.json").read_text())

    assert after["auc"] == before["auc"]
    assert after["sensitivity"]["all"] > before["sensitivity"]["all"]


def test_model_trained_on_other_beats_is_noticed(
    finished: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(finished.folder, tmp_path / "run")
    shutil.copytree(finished.records, tmp_path / "records")
    run, database = Workspace(tmp_path / "run", tmp_path / "records"), tmp_path / "records" / "simdb"
    for extension in ("hea", "dat", "atr"):  # the settings stay the same, the files of a record do not
        shutil.copyfile(database / f"s003.{extension}", database / f"s002.{extension}")

    assert run.preprocess() == 0
    capsys.readouterr()
    assert refused(run.evaluate(), capsys) == (
        f"{run.models}: was made from other files than {run.processed} has now; run python train_model.py again"
    )
    assert refused(visualize(run), capsys).endswith("run python evaluate_model.py again")


def test_model_names_the_beats_it_was_trained_on_though_others_are_cut_meanwhile(
    copied: Workspace, monkeypatch: pytest.MonkeyPatch
):
    from ecg_anomaly.detector import autoencoder

    train = autoencoder.train
    beats = json.loads((copied.models / "manifest.json").read_text())["inputs"]

    def train_slowly(*arguments: object, **options: object) -> object:
        assert copied.preprocess("split.train=[simdb/s001, simdb/s002, simdb/s003]") == 0
        return train(*arguments, **options)

    monkeypatch.setattr(autoencoder, "train", train_slowly)
    assert copied.train("training.epochs=1", "model.architecture=dense") == 0
    assert json.loads((copied.models / "manifest.json").read_text())["inputs"] == beats


def test_equal_seeds_give_equal_results(finished: Workspace, second_run: tuple[Workspace, object]):
    run, _ = second_run
    names = ("scores.csv", "metrics.json", "threshold.json", "per_record.csv", "reconstructions.npy")

    for name in names:
        assert (run.outputs / name).read_bytes() == (finished.outputs / name).read_bytes(), name
    assert (run.processed / "beats.csv").read_bytes() == (finished.processed / "beats.csv").read_bytes()


def test_saved_and_loaded_model_gives_equal_scores(
    second_run: tuple[Workspace, object], monkeypatch: pytest.MonkeyPatch
):
    run, weights = second_run
    of_saved_model = (run.outputs / "scores.csv").read_bytes()
    monkeypatch.setattr(model, "run_with", lambda _, *others: run_with(weights, *others))

    assert run.evaluate() == 0
    assert (run.outputs / "scores.csv").read_bytes() == of_saved_model


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_comes_at_once(script: str):
    program = f"""
import sys, time
started = time.process_time()
import {script}
try:
    {script}.main(["--help"])
except SystemExit as end:
    assert end.code == 0
seconds = time.process_time() - started
slow = [name for name in ("tensorflow", "keras", "pandas", "scipy", "matplotlib", "plotly", "wfdb", "pydantic")
        if name in sys.modules]
assert not slow, slow
assert seconds < 3, seconds
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "--set KEY=VALUE" in done.stdout
