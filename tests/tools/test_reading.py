"""The recordings whose reading is measured hold what they should."""

import struct

import numpy as np
import pytest

from ecg_anomaly.records.recording import open_recording
from tools import reading

STEPS = np.array([[1, 2, 3], [-4, 5, -600]]).repeat(reading.RATE_HZ, axis=0)


@pytest.mark.parametrize("kind", ["edf", "hea", "csv"])
def test_a_recording_repeats_itself(tmp_path, kind):
    path = tmp_path / f"day.{kind}"
    reading._WRITERS[kind](path, STEPS.astype("<i2"), 3)
    assert reading._read(path) > 0
    recording = open_recording(path, reading.RATE_HZ)
    assert recording.leads == reading.LEADS
    np.testing.assert_allclose(recording.read() * reading.STEPS_PER_MV, np.tile(STEPS, (3, 1)), atol=0.1)


def test_a_holter_file_is_as_its_format_says(tmp_path):
    reading._write_ishne(tmp_path / "day.ecg", STEPS.astype("<i2"), 3)
    content = (tmp_path / "day.ecg").read_bytes()
    assert content[:8] == b"ISHNE1.0"
    assert struct.unpack_from("<iii", content, 14) == (3 * len(STEPS), 522, 522)
    assert struct.unpack_from("<h3h", content, 156) == (3, 5, 6, 11)
    assert struct.unpack_from("<3h", content, 206) == (5000, 5000, 5000)
    assert struct.unpack_from("<h", content, 272) == (reading.RATE_HZ,)
    np.testing.assert_array_equal(np.frombuffer(content[522:], "<i2").reshape(-1, 3), np.tile(STEPS, (3, 1)))


def test_a_format_is_measured_in_a_process_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_WRITERS", {"hea": reading._write_wfdb})
    (row,) = reading.measure(tmp_path, 0.5, 4)
    assert row["what"] == "reading 0.0333 h of .hea"
    assert row["seconds"] > 0
    assert row["peak_mb"] > 10
    assert list(tmp_path.iterdir()) == []
