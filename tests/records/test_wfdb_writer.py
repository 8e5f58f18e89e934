"""Writing WFDB records."""

from datetime import datetime, time

import numpy as np

from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.wfdb_writer import write_record


def test_what_is_written_is_read_again(tmp_path):
    signals_mv = np.random.default_rng(1).normal(size=(500, 2))
    signals_mv[100:110, 0] = np.nan
    start = datetime(2024, 5, 2, 14, 3, 22)
    files = write_record(tmp_path, "r1", signals_mv, 250.0, ["II", "V1"], start)

    assert [file.name for file in files] == ["r1.dat", "r1.hea"]
    recording = open_recording(files[1])
    assert (recording.leads, recording.sampling_rate_hz, recording.start_time) == (("II", "V1"), 250, start)
    np.testing.assert_allclose(recording.read(), signals_mv, atol=2e-4)


def test_day_that_nobody_knows_is_not_made_up(tmp_path):
    write_record(tmp_path, "r1", np.zeros((500, 1)) + np.eye(500)[:, :1], 250.0, ["II"], time(14, 3))
    assert open_recording(tmp_path / "r1").start_time == time(14, 3)
