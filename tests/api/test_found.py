"""What was found in a recording."""

import tempfile

import matplotlib as mpl
import numpy as np
import pytest
import wfdb
from matplotlib.figure import Figure

from ecg_anomaly.api.found import Kept
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.reports.recording_plots import ShownFigure


def test_tables_belong_together(found):
    beats, summary = found.beats, found.summary
    assert summary["recording"] == found.name == "simulated"
    assert len(beats) == summary["beats"]
    assert beats["flagged"].sum() == summary["flagged"] > 0
    assert ((beats["anomaly_score"] > found.threshold) | ~beats["flagged"]).all()
    assert set(beats["group"]) - {0} == set(found.groups["group"])
    assert found.groups.loc[found.groups["flagged"], "beats"].sum() <= summary["flagged"]
    assert found.events["start_s"].is_monotonic_increasing
    assert found.notes is summary["notes"]
    assert repr(found).startswith("simulated: MLII, V1 at 360 Hz, 0:01:00\n")
    beats["mine"] = 1
    assert "mine" not in found.review().beats


def test_another_threshold_and_marks(found):
    all_flagged = found.review(threshold=-100)
    assert (all_flagged.beats["flagged"] == found.beats["readable"]).all()
    row = int(np.flatnonzero(found.beats["flagged"])[0])
    marked = found.review(marks={row: "wrong"}).beats
    assert (marked["mark"][row], marked["flagged"][row]) == ("wrong", False)
    assert found.beats["flagged"][row]


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("review", {"threshold": "high"}, "threshold is 'high'"),
        ("review", {"marks": [17]}, "marks= is no mapping"),
        ("review", {"marks": {1: "good"}}, "beat 1 is marked 'good'"),
        ("review", {"marks": {99_999: "wrong"}}, "no beat 99999; simulated has .* beats, from 0 on"),
        ("plot", {"beat": -1}, "no beat -1"),
        ("plot", {"time_s": 91}, "lasts from 0 to 60 s"),
        ("plot", {"time_s": 1, "leads": "V9"}, "has no lead V9"),
        ("to_html", {"path": "."}, "is a folder; name the page, as simulated.html"),
        ("to_wfdb", {"folder": ".", "name": "a b"}, "letters, digits"),
    ],
)
def test_what_is_not_there_is_told(found, method, arguments, message):
    with pytest.raises(UserError, match=message):
        getattr(found, method)(**arguments)


def test_plots(found):
    assert len(found.plot().axes) == 2 + (len(found.events) > 0)
    given = Figure()
    assert found.plot(beat=np.int64(3), leads=["V1"], figure=given) is given
    shown = found.plot(time_s=5)
    assert isinstance(shown, ShownFigure)
    assert shown.axes[0].get_facecolor() == mpl.colors.to_rgba("#fffaf7")


def test_page_is_that_of_the_scripts(found, tmp_path):
    path = found.to_html(tmp_path / "pages" / "page.html")
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "simulated" in page
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_annotations_and_signal_are_read_by_wfdb(found, recorded, tmp_path):
    path = found.to_wfdb(tmp_path / "out", name="r-1")

    beats = found.beats
    annotations = wfdb.rdann(str(path), "anomaly")
    symbols = np.array(annotations.symbol)[np.isin(annotations.sample, beats["sample"])]
    assert (symbols == "Q").sum() == beats["flagged"].sum()
    record = wfdb.rdrecord(str(path))
    assert (record.sig_name, record.fs) == (["MLII", "V1"], 360)
    np.testing.assert_allclose(record.p_signal, recorded.signals_mv, atol=1e-3)
    with pytest.raises(UserError, match=r"r-1\.anomaly: is there already; give force=True"):
        found.to_wfdb(tmp_path / "out", name="r-1")
    found.to_wfdb(tmp_path / "out", name="r-1", signal=False, force=True)
    assert sorted(file.name for file in path.parent.iterdir()) == ["r-1.anomaly", "r-1.dat", "r-1.hea"]


def test_annotations_alone_lie_beside_a_record_that_is_there(packaged, tmp_path):
    (name,) = write_database(tmp_path, patients=1, minutes=0.5, seed=1)
    before = (tmp_path / f"{name}.dat").read_bytes()
    packaged.analyse(tmp_path / f"{name}.hea", name="mine").to_wfdb(tmp_path)

    assert len(wfdb.rdann(str(tmp_path / name), "anomaly").sample) > 5
    assert (tmp_path / f"{name}.dat").read_bytes() == before


def test_signals_lie_on_disk_as_long_as_they_are_needed(packaged, recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = packaged.analyse(recorded.signals_mv[:3600], 360)
    other = found.review(threshold=3)
    del found
    assert len(list(tmp_path.iterdir())) == 1
    assert len(other.plot(time_s=1).axes[0].lines) > 2
    del other
    assert list(tmp_path.iterdir()) == []


def test_analysis_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail(folder):
        (folder.parent / "half").touch()
        raise UserError("the disk is full")

    with pytest.raises(UserError):
        Kept(fail, None)
    assert list(tmp_path.iterdir()) == []
