"""Samples as lines of text: separators, headers, missing values, and lines that cannot be read."""

import threading

import numpy as np
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.lines import SampleLines


def reader(text, size=65_536):
    """Read a text in pieces, as a pipe would give it."""
    content = text.encode() if isinstance(text, str) else text
    pieces = iter([content[start : start + size] for start in range(0, len(content), size)])
    return lambda most: next(pieces, b"")


def opened(text, names=(), gain=None, size=65_536):
    return SampleLines(reader(text, size), 250, names, gain, load_config().records)


def samples(source):
    return np.concatenate([portion.signals_mv for portion in source.portions()])


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("mark", [",", ", ", ";", "\t", " ", "   "])
def test_numbers_between_any_separator(mark, size):
    source = opened(f"0.1{mark}-0.2\n1e-1{mark}.3\r\n-4{mark}5\n", ("II", "V1"), size=size)
    assert source.leads == ("II", "V1")
    np.testing.assert_array_equal(samples(source), [[0.1, -0.2], [0.1, 0.3], [-4, 5]])


def test_a_header_names_leads_and_units():
    text = "time (s),V1 (uV),ECG II (mV),resp\n0,100,0.5,7\n0.004,200,0.6,7\n"
    source = opened(text)
    assert source.leads == ("II", "V1")  # by preference
    np.testing.assert_allclose(samples(source), [[0.5, 0.1], [0.6, 0.2]])
    np.testing.assert_allclose(samples(opened(text, ["v1"])), [[0.1], [0.2]])
    assert opened('"time","II"\n0,1\n1,2\n').leads == ("II",)


def test_names_for_columns_without_a_header():
    text = "1,2,3\n4,5,6\n"
    assert opened(text, ["V6", "V5", "V1"]).leads == ("V1", "V5")  # by preference
    np.testing.assert_allclose(samples(opened(text, ["V6", "V5", "V1"], gain=10)), [[0.3, 0.2], [0.6, 0.5]])
    unnamed = opened(text)
    assert unnamed.leads == ("lead 1", "lead 2")
    assert "analysed: lead 1, lead 2; not lead 3: the model takes no more" in unnamed.notes[-1]
    with pytest.raises(UserError, match="--leads names 2 leads, and a line holds 3 values"):
        opened(text, ["II", "V1"])


def test_missing_samples():
    source = opened("II,V1\n0.1,0.2\n,0.3\nnan,NA\n1e30,inf\n0.5,\n", [])
    nan = np.nan
    np.testing.assert_array_equal(samples(source), [[0.1, 0.2], [nan, 0.3], [nan, nan], [nan, nan], [0.5, nan]])
    np.testing.assert_array_equal(samples(opened("1\n2\n\n4\n")), [[1], [2], [nan], [4]])


def test_a_line_that_cannot_be_read_is_told_and_counts_as_missing():
    source = opened("II,V1\n0.1,0.2\n0.1,0.2\n# a comment\n0.3\nwhat,now\n\n0.5,0.6\n")
    portions = list(source.portions())
    got = np.concatenate([portion.signals_mv for portion in portions])
    nan = np.nan
    np.testing.assert_array_equal(got, [[0.1, 0.2], [0.1, 0.2], [nan, nan], [nan, nan], [0.5, 0.6]])
    assert [note for portion in portions for note in portion.notes] == [
        "line 5 cannot be read ('0.3'), and counts as missing"
    ]
    assert source.notes[1:] == ("lines that could not be read, and count as missing: 2",)


def test_what_a_device_says_first_is_passed_over():
    source = opened("ets Jul 29 2019 12:21:46\n\nrst:0x1\n.034\n0.1,0.2\n0.3,0.4\n")
    np.testing.assert_array_equal(samples(source), [[0.1, 0.2], [0.3, 0.4]])
    assert [note for note in source.notes if "could not be read" in note] == []


def test_one_sample():
    np.testing.assert_array_equal(samples(opened("0.1,0.2")), [[0.1, 0.2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ended without a line"),
        ("\n\n", "ended without a line"),
        ("alpha\nbeta\n", "no line of numbers"),
        ("0,1;0,2\n0,3;0,4\n", "no line of numbers"),
        (b"\x00\xff\xfe" * 1000 + b"\n" + bytes(range(256)) * 20, "no line of numbers"),
        ("a" * 2_000_000, "does not end within a million bytes"),
        ("time (s),resp\n0,1\n1,2\n", "holds no ECG lead"),
        ("II (mV)\n1\n2\n", "which --gain 2 contradicts"),
    ],
)
def test_errors_in_words(text, message):
    with pytest.raises(UserError, match=message) as caught:
        opened(text, gain=2.0)
    assert "\n" not in str(caught.value)


def test_leads_that_are_not_there():
    with pytest.raises(UserError, match="standard input: has no lead aVF; it has II, V1"):
        opened("II,V1\n1,2\n3,4\n", ["aVF"])
    with pytest.raises(UserError, match="names 3 leads, the model takes 2"):
        opened("I,II,V1\n1,2,3\n4,5,6\n", ["I", "II", "V1"])
    with pytest.raises(UserError, match="works with 100 to 1000 Hz"):
        SampleLines(reader("1\n2\n"), 50, (), None, load_config().records)


def test_nothing_that_comes_is_told_and_lines_may_come_in_pieces():
    given, more = iter([b"0.1,0.2\n0.3,0.4\n0.", b"5,0.6\n"]), threading.Event()

    def read(most):
        piece = next(given, b"")
        if piece.startswith(b"5"):
            assert more.wait(600)
        return piece

    portions = SampleLines(read, 250, (), None, load_config().records).portions()
    assert len(next(portions).signals_mv) == 2
    assert len(next(portions).signals_mv) == 0
    more.set()
    np.testing.assert_array_equal(np.concatenate([portion.signals_mv for portion in portions]), [[0.5, 0.6]])
