import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording

SIGNALS_MV = np.round(np.sin(np.cumsum(np.random.default_rng(3).normal(scale=0.05, size=(3, 1200)), axis=1)), 3)


def write(path, rows, mark=","):
    path.write_text("".join(mark.join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("mark", [",", "\t", " "])
@pytest.mark.parametrize("leads", [("I", "II", "V1"), ()])
def test_leads_in_rows_are_read(leads, mark, tmp_path):
    rows = [[lead, *row] for lead, row in zip(leads, SIGNALS_MV, strict=True)] if leads else SIGNALS_MV
    recording = open_recording(write(tmp_path / "r.csv", rows, mark), 250)
    assert (recording.leads, recording.samples) == (leads or ("lead 1", "lead 2", "lead 3"), 1200)
    assert "each of its 3 rows is taken for a lead" in recording.notes
    np.testing.assert_allclose(recording.read(), SIGNALS_MV.T)


def test_numbers_of_rows_and_columns_are_no_samples(tmp_path):
    rows = [["", *range(1200)], *([number, *row] for number, row in enumerate(SIGNALS_MV))]
    recording = open_recording(write(tmp_path / "r.csv", rows), 250)
    np.testing.assert_allclose(recording.read(), SIGNALS_MV.T)


@pytest.mark.parametrize("named", [True, False])
def test_a_row_of_times_tells_the_rate(named, tmp_path):
    times = np.round(np.arange(1200) / 250, 3)
    rows = [["time", *times], ["II", *SIGNALS_MV[0]]] if named else [times, SIGNALS_MV[0]]
    path = write(tmp_path / "r.csv", rows)
    recording = open_recording(path)
    assert (recording.leads, recording.sampling_rate_hz) == (("II",) if named else ("lead 1",), 250)
    with pytest.raises(UserError, match="500 Hz by --sampling-rate and 250 Hz by its times"):
        open_recording(path, 500)


def test_single_row_with_what_is_no_number(tmp_path):
    row = [*SIGNALS_MV[0]]
    row[7:9] = ["lost", ""]
    recording = open_recording(write(tmp_path / "r.csv", [["lead", *range(1200)], ["II", *row]]), 250)
    assert np.flatnonzero(np.isnan(recording.read()[:, 0])).tolist() == [7, 8]
    assert "cells that hold no number, and count as missing samples: 1" in recording.notes


BEATS = [[*np.round(np.random.default_rng(row).uniform(size=60), 2), 1] for row in range(30)]


@pytest.mark.parametrize(
    ("above", "mark"),
    [
        ([], ","),
        ([], "  "),
        ([], "\t"),
        ([range(61)], ","),
        ([[f'"V{column}"' for column in range(1, 62)]], ","),
        ([["@relation ecg"], *[[f"@attribute att{column} numeric"] for column in range(61)], ["@data"]], ","),
    ],
)
def test_cut_beats_are_told_from_a_recording(above, mark, tmp_path):
    with pytest.raises(UserError, match=r"61 columns without names: are these cut beats, one per row\?"):
        open_recording(write(tmp_path / "r.csv", [*above, *BEATS], mark), 125)


def test_many_leads_with_names_are_read(tmp_path):
    rows = [[f"E{column}" for column in range(61)], *(BEATS * 10)]
    assert len(open_recording(write(tmp_path / "r.csv", rows), 250).leads) == 60  # the last column is always 1
