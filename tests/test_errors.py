"""What is not seen in texts from files does not reach who reads them."""

import pytest

from ecg_anomaly.errors import UserError, harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("II", "II"),
        ("\x1b[31mII\x07", "[31mII"),
        ("V1\nall is well", "V1 all is well"),
        ("\u202eIIV\u200f", "IIV"),
        ("導出 II µV é", "導出 II µV é"),
        ("x" * 100, "x" * 17 + "..."),
    ],
)
def test_unseen_characters_are_taken_out_and_long_texts_shortened(text, shown):
    assert harmless(text, 20) == shown


def test_errors_are_harmless():
    assert str(UserError("\x1b]0;r\u202ea.csv: is empty")) == "]0;ra.csv: is empty"
