"""The scripts that make a detector, called from a program.

Each runs in a process of its own, as from a terminal: what it takes (TensorFlow among it) is given back when it ends,
and it needs no ``if __name__ == "__main__"`` around the call.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ecg_anomaly.api.settings import ConfigFile, Settings, load_settings, overrides
from ecg_anomaly.api.wording import told_in_python
from ecg_anomaly.commandline import EXIT_INTERRUPTED, EXIT_SUCCESS, EXIT_USER_ERROR
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.beats import read_table
from ecg_anomaly.handover.model import read_history
from ecg_anomaly.handover.scores import Metrics, read_metrics

Report = Callable[[str], object]  # is called with each line that the script says

_PACKAGE = Path(__file__).parent.parent
_LAST_LINES = 20  # that are told where a script fails


def preprocess(config: ConfigFile = None, settings: Settings = None, report: Report | None = None) -> pd.DataFrame:
    """Cut annotated records into beats, as ``preprocess_data.py`` does; records that are missing are downloaded.

    Parameters
    ----------
    config : str or path, optional
        A config file whose settings replace the default ones.
    settings : mapping, optional
        Single settings, as ``{"training.epochs": 5}`` or ``{"training": {"epochs": 5}}``.
    report : callable, optional
        Is given each line that the script says: ``print``. Without it nothing is said.

    Returns
    -------
    DataFrame
        The content of ``beats.csv``: one row per beat. Its files lie in ``paths.processed``.

    Raises
    ------
    UserError
        What the script says, where a setting, a record or a disk is at fault.
    KeyboardInterrupt
        When it was interrupted; what was there before is unchanged.

    Examples
    --------
    >>> beats = ecg_anomaly.preprocess("configs/demo.yaml", report=print)  # doctest: +SKIP
    """
    return read_table(_run("preprocess_data.py", config, settings, report).paths.processed)


def train(config: ConfigFile = None, settings: Settings = None, report: Report | None = None) -> pd.DataFrame:
    """Train a model on the beats that `preprocess` cut, as ``train_model.py`` does. Needs TensorFlow.

    An interrupt (Ctrl-C, the stop button of a notebook) ends the training with the weights so far, a second one at
    once. Parameters and errors as of `preprocess`.

    Returns
    -------
    DataFrame
        The content of ``history.csv``: one row per epoch. The model lies in ``paths.models``; it has no threshold
        before `evaluate` has set one.

    Examples
    --------
    >>> history = ecg_anomaly.train(settings={"training.epochs": 5}, report=print)  # doctest: +SKIP
    """
    return read_history(_run("train_model.py", config, settings, report).paths.models)


def evaluate(config: ConfigFile = None, settings: Settings = None, report: Report | None = None) -> Metrics:
    """Set the threshold of a model, and say how well it does on test patients, as ``evaluate_model.py`` does.

    Parameters and errors as of `preprocess`.

    Returns
    -------
    dict
        The content of ``metrics.json``. Scores and threshold lie in ``paths.outputs``; ``load_detector(models,
        outputs)`` reads the detector.

    Examples
    --------
    >>> ecg_anomaly.evaluate("configs/demo.yaml")["auc"]  # doctest: +SKIP
    """
    return read_metrics(_run("evaluate_model.py", config, settings, report).paths.outputs)


def _run(script: str, config: ConfigFile, settings: Settings, report: Report | None) -> Config:
    """Run a script to its end; give the settings that it ran with."""
    with told_in_python():
        checked = load_settings(config, settings)
    options = [] if config is None else ["--config", os.fspath(config)]
    options += [word for override in overrides(settings) for word in ("--set", override)]
    command = [sys.executable, "-u", str(_script(script)), *options]
    said, error_sign = deque[str](maxlen=_LAST_LINES), f"{script}: error: "
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}

    def take(line: str) -> None:
        said.append(line)
        if report and not line.startswith(error_sign):
            report(line)

    # In a session of its own: an interrupt comes once, through this process, and not from the terminal as well.
    with subprocess.Popen(
        command, **streams, text=True, encoding="utf-8", errors="replace", env=environment, start_new_session=True
    ) as process:
        try:
            _follow(process, take)
        except BaseException:
            process.terminate()
            raise
    if process.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if process.returncode == EXIT_USER_ERROR and said and said[-1].startswith(error_sign):
        with told_in_python():
            raise UserError(said[-1].removeprefix(error_sign))
    if process.returncode < 0:
        raise UserError(f"{script} was ended from outside, perhaps for want of memory; close other programs, run again")
    if process.returncode != EXIT_SUCCESS:
        raise RuntimeError("\n".join([f"{script} failed:", *said]))
    return checked


def _follow(process: subprocess.Popen[str], take: Callable[[str], None]) -> None:
    """Take what a process says, line by line, until it ends; an interrupt is passed on, and it says how it ends."""
    assert process.stdout is not None
    while True:
        try:
            for line in process.stdout:
                take(line.rstrip("\n"))
            return
        except KeyboardInterrupt:
            if os.name == "posix":  # elsewhere it comes to both
                process.send_signal(signal.SIGINT)


def _script(name: str) -> Path:
    """Find a script: an installed package has it, else it lies beside the package."""
    installed = _PACKAGE / "scripts" / name
    return installed if installed.is_file() else _PACKAGE.parent / name
