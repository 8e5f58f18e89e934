"""Batches whose recordings and results lie in object storage: the files are those of a disk."""

import functools
import json

import pytest

from ecg_anomaly import workers
from ecg_anomaly.batch.naming import find
from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.results import OutputError
from ecg_anomaly.batch.running import detect_all
from ecg_anomaly.errors import UserError
from ecg_anomaly.storage import Url, names_in, read_file, remove, upload
from tests.conftest import Workspace
from tests.test_processes import AtOnce
from tests.test_workers import config_of

NAMES = ("s007", "s008")


@pytest.fixture
def detect(finished: Workspace, detector, monkeypatch):
    """Analyse recordings that are found by a name, in this process; give what became of each by its name."""
    monkeypatch.setattr(workers, "read_detector", lambda *_: detector)

    def run(named, folder, **options):
        calls = functools.partial(workers.with_detector, executors=AtOnce, workers=1)
        request = Request(folder, **{"pages": "none", **options})
        outcomes = detect_all(find([named], None, print), request, config_of(finished), calls=calls)
        return {outcome.recording.name: outcome for outcome in outcomes}

    return run


def test_results_are_those_of_a_disk_and_kept(bucket, detect, simulated_records, tmp_path):
    out = bucket / "out"
    found = detect(f"{bucket}/simdb", out)
    assert [found[name].recording.path for name in NAMES] == [bucket / "simdb" / f"{name}.hea" for name in NAMES]
    detect(str(simulated_records / "simdb" / "s00[78].hea"), tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".lock"}
    assert {name: read_file(out / name) for name in names_in(out)} == written

    with pytest.raises(UserError, match=r"^s3://recordings/out/s007\.beats\.csv: is there already; add --resume"):
        detect(f"{bucket}/simdb", out)
    remove(["s008.anomaly"], out)
    again = detect(f"{bucket}/simdb", out, resume=True)
    assert [(again[name].kept, again[name].again) for name in NAMES] == [(True, ""), (False, "files")]

    upload(simulated_records / "simdb", ["s001.dat"], bucket / "simdb")
    header = (simulated_records / "simdb" / "s007.hea").read_text().replace("s007.dat", "s001.dat")
    (tmp_path / "s007.hea").write_text(header)
    upload(tmp_path, ["s007.hea"], bucket / "changed")
    upload(simulated_records / "simdb", ["s001.dat"], bucket / "changed")
    assert detect(f"{bucket}/changed/s007.hea", out, resume=True)["s007"].again == "input"
    assert json.loads(read_file(out / "s007.summary.json"))["made_from"]["input"][1]["name"] == "s001.dat"
    assert read_file(out / "s008.summary.json") == written["s008.summary.json"]


def test_pages_share_what_is_uploaded_once(bucket, detect):
    found = detect(f"{bucket}/simdb/s00[78].hea", bucket / "pages", pages="all", table="parquet")
    assert [found[name].error for name in NAMES] == ["", ""]
    assert {"plotly.min.js", "s007.html", "summary/s008.parquet"} < set(names_in(bucket / "pages"))


def test_what_is_wrong_is_told_of_the_place_in_storage(bucket, detect, monkeypatch, tmp_path):
    (tmp_path / "odd.edf").write_text("no EDF")
    upload(tmp_path, ["odd.edf"], bucket / "odd")
    found = detect(f"{bucket}/odd/odd.edf", tmp_path / "out")
    assert found["odd"].error.startswith(f"{bucket}/odd/odd.edf: ")
    found = detect(f"{bucket}/odd/gone.edf", tmp_path / "out")
    assert found["gone"].error.startswith(f"{bucket}/odd/gone.edf: ")
    with pytest.raises(UserError, match=r"s3://nowhere/out: cannot be listed: The specified bucket does not exist"):
        detect(f"{bucket}/simdb", Url("s3://nowhere/out"))

    def refuse(*_):
        raise UserError("s3://recordings/denied: cannot be written: Access Denied")

    monkeypatch.setattr("ecg_anomaly.batch.in_storage.upload", refuse)
    with pytest.raises(OutputError, match=r"cannot be written: Access Denied; then run again with --resume"):
        detect(f"{bucket}/simdb/s007.hea", bucket / "denied")
