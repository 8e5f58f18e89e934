"""Annotations beside a record: what they say, and at which sample of the recording."""

import numpy as np
import pytest
import wfdb

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.annotations import read_annotations
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


def test_annotation_behind_the_end_is_an_error_that_names_both_files(header):
    header.write_text(header.read_text().replace("a1 1 250 2500", "a1 1 250 2000"))
    with pytest.raises(UserError, match=r"a1\.atr: the last annotation stands at sample 2250, .*a1\.hea says .* 2000"):
        read(header)


def test_missing_annotations_are_an_error(header):
    header.with_suffix(".atr").unlink()
    with pytest.raises(UserError, match=r"a1\.atr: is missing; every record needs its annotations"):
        read(header)


def test_recordings_of_other_formats_have_none(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("II\n" + "0.1\n0.2\n" * RATE_HZ)
    with pytest.raises(UserError, match=r"r\.csv: is missing; every record needs its annotations"):
        read_annotations(open_recording(path, RATE_HZ), "atr")
