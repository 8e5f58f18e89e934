"""Annotations beside a record: what they say, and at which sample of the recording."""

import numpy as np
import pytest
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.annotations import _count, read_annotations
from ecg_anomaly.records.recording import open_recording

RATE_HZ, SECONDS = 250, 10


@pytest.fixture
def header(tmp_path):
    """A record with beats at one per second."""
    signals = np.random.default_rng(1).normal(size=(SECONDS * RATE_HZ, 1))
    wfdb.wrsamp("a1", RATE_HZ, ["mV"], ["MLII"], p_signal=signals, fmt=["16"], write_dir=str(tmp_path))
    annotate(tmp_path, np.arange(1, SECONDS) * RATE_HZ)
    return tmp_path / "a1.hea"


def annotate(folder, samples, **options):
    symbols = ["N"] * (len(samples) - 1) + ["V"]
    wfdb.wrann("a1", "atr", np.array(samples), symbol=symbols, write_dir=str(folder), **options)


def read(header):
    return read_annotations(open_recording(header), "atr")


def test_annotations_are_read(header):
    annotations = read(header)
    assert annotations.samples.tolist() == [250 * second for second in range(1, 10)]
    assert "".join(annotations.symbols) == "NNNNNNNNV"


def test_times_in_a_resolution_of_their_own_are_turned_into_samples(header):
    annotate(header.parent, [1000, 2001, 8999], fs=1000)
    assert read(header).samples.tolist() == [250, 500, 2250]


def write_bytes(header, *differences):
    """Write normal beats by the samples between them: code 59 skips by 32 bits, the high half first."""
    skips = [difference.to_bytes(4, "little", signed=True) for difference in differences]
    words = b"".join((59 << 10).to_bytes(2, "little") + skip[2:] + skip[:2] + b"\0\x04" for skip in skips)
    header.with_suffix(".atr").write_bytes(words + bytes(2))


def test_annotations_outside_of_the_signals_are_left_out_and_counted(header):
    write_bytes(header, -55, 50, 6, 2498, 1, 0, 7)
    annotations = read(header)
    assert annotations.samples.tolist() == [1, 2499]
    assert annotations.notes == (
        "2 annotations before the first sample of the signals left out",
        "3 annotations behind the last sample of the signals left out",
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\x01\x04" * 2000, "2,000 annotations"), (b"\0\xfc" * 6000, "1,500 annotations"), (bytes(1_100_000), "1.1 MB")],
)
def test_far_more_annotations_than_marks_of_waves_are_not_read(content, told, header):
    header.with_suffix(".atr").write_bytes(content)
    with pytest.raises(UserError, match=f"{told} for 10 s of signal are no marks of beats and waves"):
        read(header)


def test_texts_and_times_of_annotations_are_not_counted_as_such(header):
    options = {"symbol": ["N"] * 9, "write_dir": str(header.parent), "aux_note": ["a long note on a beat" * 9] * 9}
    wfdb.wrann("a1", "atr", np.arange(1, 10) * 250, **options)
    assert _count(header.with_suffix(".atr").read_bytes()) == 27 // 4 + 3


def test_annotations_that_go_back_in_time_are_sorted_with_a_note(header):
    write_bytes(header, 400, 800, -500, 900, -1000)
    annotations = read(header)
    assert annotations.samples.tolist() == [400, 600, 700, 1200, 1600]
    assert annotations.notes == ("its annotations go back in time 2 times, and were sorted",)


def test_annotations_are_told_in_frames_even_beside_a_header_that_wfdb_cannot_read(header):
    header.write_text("a1 1 62.5 625 2014-05-08\na1.dat 16x4 200/mV 16 0 0 0 0 MLII\n")
    annotate(header.parent, [10, 624])
    assert read(header).samples.tolist() == [40, 2496]


def test_resolution_of_zero_is_none(header):
    annotate(header.parent, [100, 200], fs=250)
    path = header.with_suffix(".atr")
    path.write_bytes(path.read_bytes().replace(b"resolution: 250", b"resolution: 000"))
    assert read(header).samples.tolist() == [100, 200]


def test_missing_annotations_are_an_error(header):
    header.with_suffix(".atr").unlink()
    with pytest.raises(UserError, match=r"a1\.atr: is missing; every record needs its annotations"):
        read(header)


def test_recordings_of_other_formats_have_none(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("II\n" + "0.1\n0.2\n" * RATE_HZ)
    with pytest.raises(UserError, match=r"r\.csv: is missing; every record needs its annotations"):
        read_annotations(open_recording(path, RATE_HZ), "atr")
