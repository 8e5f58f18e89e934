"""Many recordings at once, in Python."""

import shutil
import sys

import pytest

from ecg_anomaly.errors import UserError


def test_files_and_figures_of_all_recordings(packaged, simulated_records, tmp_path):
    for name in ("s001", "s002"):
        for extension in ("hea", "dat"):
            shutil.copy(simulated_records / "simdb" / f"{name}.{extension}", tmp_path)
    (tmp_path / "broken.edf").write_text("0       nothing", encoding="utf-8")
    said = []
    recordings = [tmp_path / "s001", str(tmp_path / "s002.hea"), tmp_path / "broken.edf"]
    with pytest.warns(UserWarning, match="^1 of 3 recordings could not be analysed") as told:
        table = packaged.analyse_files(recordings, tmp_path / "out", pages="none", report=said.append)

    assert __file__ in {one.filename for one in told}
    assert list(table.index) == ["s001", "s002", "broken"]
    assert (table["error"] != "").tolist() == [False, False, True]
    assert (table["beats"] > 0).tolist() == [True, True, False]
    assert table["error"]["broken"] in said
    alone = packaged.analyse(tmp_path / "s001")
    assert alone.summary["flagged"] == table["flagged"]["s001"]
    with pytest.raises(UserError, match=r"is there already; .*force=True"):
        packaged.analyse_files(recordings, tmp_path / "out")
    again = packaged.analyse_files(recordings[:1], tmp_path / "out", pages="none", resume=True)
    assert again["beats"]["s001"] == table["beats"]["s001"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recordings": []}, "no recording is named"),
        ({"pages": "some"}, "pages is 'some'; give one of none, flagged, all"),
        ({"table": "xlsx"}, "table is 'xlsx'; give one of csv, parquet"),
        ({"workers": 0}, "workers is 0; give a whole number above 0"),
        ({"gain": 0}, "gain is 0"),
    ],
)
def test_what_cannot_be_asked_is_told(packaged, tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        packaged.analyse_files(**{"recordings": "nowhere", "output": tmp_path, **arguments})


def test_program_that_workers_would_run_again_is_told(packaged, tmp_path, monkeypatch):
    (tmp_path / "main.py").write_text("detector.analyse_files(...)", encoding="utf-8")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "main.py"), raising=False)
    with pytest.raises(UserError, match=r"main\.py: .* put the call under if __name__"):
        packaged.analyse_files("s001", tmp_path, workers=2)
