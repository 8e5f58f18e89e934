"""The scripts, called from a program."""

import os
import signal
import sys

import pytest

import ecg_anomaly
from ecg_anomaly.api import pipeline
from ecg_anomaly.errors import UserError
from tests.conftest import ROOT


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Put other lines in the place of train_model.py."""

    def write(lines):
        (tmp_path / "package" / "scripts").mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / "scripts" / "train_model.py").write_text(lines, encoding="utf-8")
        monkeypatch.setattr(pipeline, "_PACKAGE", tmp_path / "package")

    return write


def test_scripts_are_found():
    assert all(
        pipeline._script(f"{name}.py").is_file() for name in ("preprocess_data", "train_model", "evaluate_model")
    )


def test_error_is_the_script_s_in_the_words_of_python(script, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    script(
        "from ecg_anomaly import commandline, errors\n"
        "def work(config):\n    raise errors.UserError('nothing is here; run python preprocess_data.py')\n"
        "raise SystemExit(commandline.run_script(work, ''))\n"
    )
    with pytest.raises(UserError, match=r"^nothing is here; run ecg_anomaly\.preprocess\(\)$"):
        ecg_anomaly.train()
    with pytest.raises(UserError, match=r"settings: training\.epochs=0: training\.epochs: input should be"):
        ecg_anomaly.evaluate(settings={"training.epochs": 0})


def test_what_a_script_says_is_reported_and_its_files_are_read(script, finished, capfd):
    script("import sys; print('arguments', *sys.argv[1:]); print('noise', file=sys.stderr)")
    said = []
    settings = {"paths": {"models": str(finished.models)}}
    history = pipeline.train(settings=settings, report=said.append)

    assert said == [f'arguments --set paths={{"models": "{finished.models}"}}', "noise"]
    assert list(history["epoch"]) == list(range(1, 9))
    pipeline.train(settings=settings)
    assert capfd.readouterr() == ("", "")  # nothing is said unless somebody asks


def test_results_are_those_of_the_scripts(script, finished, monkeypatch):
    monkeypatch.setattr(pipeline, "_script", lambda name: os.devnull)
    settings = {"paths": {"processed": str(finished.processed), "outputs": str(finished.outputs)}}

    assert {"record", "sample", "anomalous"} <= set(pipeline.preprocess(settings=settings))
    assert 0 <= pipeline.evaluate(settings=settings)["auc"] <= 1


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (
            "import sys; sys.exit('train_model.py: error: x: --gain is wrong') or 2",
            RuntimeError,
            "train_model.py failed",
        ),
        ("import os; os.kill(os.getpid(), 9)", UserError, "ended from outside"),
        ("1 / 0", RuntimeError, "ZeroDivisionError"),
        ("import sys; sys.exit(130)", KeyboardInterrupt, None),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="processes are ended otherwise there")
def test_how_a_script_ends(script, lines, error, message):
    script(lines)
    with pytest.raises(error, match=message):
        pipeline.train()


def test_report_that_fails_ends_the_script(script):
    script("import time; print('started', flush=True); time.sleep(600)")

    def fail(line):
        raise ValueError(line)

    with pytest.raises(ValueError, match="started"):
        pipeline.train(report=fail)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_interrupt_is_passed_on_once_and_the_script_ends_by_itself(script, finished):
    script(
        "import time\n"
        "try:\n    print('started', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('ending with the weights so far')\n"
    )
    said = []

    def interrupt_once(line):
        said.append(line)
        if line == "started":
            signal.raise_signal(signal.SIGINT)

    pipeline.train(settings={"paths.models": str(finished.models)}, report=interrupt_once)
    assert said == ["started", "ending with the weights so far"]
