"""The command that pip installs: every script is one of its sub-commands, and messages call it by its name."""

import sys

import pytest

from ecg_anomaly import commandline, entry
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _as_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/ecg-anomaly"])


def test_every_script_is_a_sub_command():
    assert sorted(file for file, _ in commandline.SUBCOMMANDS.values()) == sorted(p.name for p in ROOT.glob("*.py"))


@pytest.mark.parametrize("name", commandline.SUBCOMMANDS)
def test_help_is_that_of_the_script_under_the_name_of_the_command(name, capsys):
    with pytest.raises(SystemExit) as end:
        entry.main([name, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ecg-anomaly {name} [-h] [--config FILE]")


def test_errors_name_the_command_and_the_one_to_run(tmp_path, capsys):
    assert entry.main(["visualize", "--set", f"paths.outputs={tmp_path / 'outputs'}"]) == 2
    message = f"{tmp_path / 'outputs'}: no finished results of evaluate_model.py are here; run ecg-anomaly evaluate"
    assert capsys.readouterr().err == f"ecg-anomaly visualize: error: {message}\n"


def test_an_unknown_command_is_told_which_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        entry.main(["analyse"])
    assert end.value.code == 2
    assert "invalid choice: 'analyse' (choose from" in capsys.readouterr().err
