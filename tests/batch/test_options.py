import argparse
from pathlib import Path

import pytest

from ecg_anomaly.batch.options import add_options, request_of
from ecg_anomaly.commandline import asked_leads
from ecg_anomaly.errors import UserError


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


def test_of_many_recordings_those_flagged_get_a_page():
    assert request_of(parsed(), Path("out"), 20).pages == "all"
    assert request_of(parsed(), Path("out"), 21).pages == "flagged"
    assert request_of(parsed("--pages", "none"), Path("out"), 1).pages == "none"


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_workers_are_counted(count, capsys):
    assert parsed("--workers", "3").workers == 3
    with pytest.raises(SystemExit):
        parsed("--workers", count)
    assert "whole number above 0" in capsys.readouterr().err


def test_leads_that_are_asked_for():
    assert asked_leads(None) == ()
    assert asked_leads(" II,V1 ") == asked_leads("II, V1,") == ("II", "V1")
    assert asked_leads("ECG lead II") == ("ECG lead II",)
    for text, words in (("", "no lead"), (" , ", "no lead"), ("II,ii", "ii twice")):
        with pytest.raises(UserError, match=f"--leads names {words}; name leads between commas"):
            asked_leads(text)
