"""Options of the scripts as fields of the page."""

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import fields
from ecg_anomaly.web.fields import NOTHING, Entered, by_label


def test_what_was_entered():
    assert fields.read("", None, "") == fields.read(None, "", None) == NOTHING
    assert fields.read(" II, V1", "250", 200) == Entered(("II", "V1"), 250.0, 200.0)


@pytest.mark.parametrize(
    ("entered", "words"),
    [(("II,II", "", ""), "names II twice"), (("", "fast", ""), "“samples per second” is no number")],
)
def test_what_cannot_be_meant(entered, words):
    with pytest.raises(UserError, match=words):
        fields.read(*entered)


def test_messages_name_fields():
    assert by_label("are these volts? --gain 0.001 does it; --leads II; --leads.") == (
        "are these volts? “units per millivolt” = 0.001 does it; “leads” II; “leads”."
    )
    assert by_label("--gain 2 contradicts; leave the option out") == (
        "“units per millivolt” = 2 contradicts; leave the field empty"
    )


@pytest.mark.parametrize(
    ("text", "time_s"), [("", None), (None, None), (" 1:02:03 ", 3723), ("62:03.5", 3723.5), ("7", 7)]
)
def test_times(text, time_s):
    assert fields.read_time(text) == time_s


@pytest.mark.parametrize("text", ["soon", "-5", "1:", ":1", "1:2:3:4", "nan", "1e400", "1" * 400, 1.5j, ["x"]])
def test_what_is_no_time(text):
    with pytest.raises(UserError, match="is no time"):
        fields.read_time(text)
