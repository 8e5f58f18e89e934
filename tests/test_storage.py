"""Recordings in object storage: found, copied while they are analysed, and their results uploaded."""

import shutil
import sys
from pathlib import Path

import pytest

from ecg_anomaly import storage
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.storage import (
    Url,
    at_hand,
    exists,
    find_recordings,
    local_name,
    names_in,
    place,
    read_file,
    read_files,
    remove,
    upload,
)


def test_places():
    assert place("mitdb/100") == Path("mitdb/100")
    assert place("C:/mitdb/100") == Path("C:/mitdb/100")
    assert local_name("file:///data/day%201/100.edf") == "/data/day 1/100.edf"
    assert local_name("s3://bucket/100.edf") == "s3://bucket/100.edf"
    url = place("s3://bucket/mitdb/100.hea")
    assert isinstance(url, Url)
    assert [str(url), str(url.parent), url.name] == ["s3://bucket/mitdb/100.hea", "s3://bucket/mitdb", "100.hea"]


def test_recordings_are_found_as_on_a_disk(bucket, tmp_path):
    (tmp_path / "s007.summary.json").touch()
    (tmp_path / "multi.hea").write_text("multi/2 1 250 500\nmulti_1 250\nmulti_2 250\n")
    for name in ("multi_1", "multi_2"):
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 250 250\n{name}.dat 16 200/mV 16 0 0 0 0 II\n")
        (tmp_path / f"{name}.dat").write_bytes(bytes(500))
    shutil.copy(tmp_path / "multi.hea", tmp_path / ".hidden.hea")
    upload(tmp_path, [path.name for path in tmp_path.iterdir()], bucket / "found")
    upload(tmp_path, ["multi_1.dat"], bucket / "found" / "below")

    (tmp_path / "local.edf").touch()
    named = [f"{bucket}/simdb/*.hea", f"{bucket}/found", str(tmp_path / "local.edf"), f"{bucket}/not/there.edf"]
    found = find_recordings(named, [".summary.json"])
    assert list(map(str, found.paths)) == [
        str(tmp_path / "local.edf"),
        f"{bucket}/simdb/s007.hea",
        f"{bucket}/simdb/s008.hea",
        f"{bucket}/found/multi.hea",
        f"{bucket}/not/there.edf",
    ]
    assert found.notes == (f"{bucket}/found: 1 recording; passed over 2 other files (1 .dat, 1 .json)",)
    assert find_recordings([f"{bucket}/simdb/s007"]).paths == (bucket / "simdb" / "s007",)
    with pytest.raises(UserError, match=r"s3://recordings/\*\.edf: no recording is there; give the path of one"):
        find_recordings([f"{bucket}/*.edf"])
    with at_hand(bucket / "found" / "multi.hea") as path:
        assert open_recording(path).samples == 500


@pytest.mark.parametrize("name", ["s007", "s007.hea", "s007.dat"])
def test_a_recording_is_copied_while_it_is_read(bucket, simulated_records, name):
    with at_hand(bucket / "simdb" / name) as path:
        copied = open_recording(path).read()
        assert {file.name for file in path.parent.iterdir()} == {"s007.hea", "s007.dat"}
    assert not path.parent.exists()
    assert (copied == open_recording(simulated_records / "simdb" / name).read()).all()
    with at_hand(simulated_records / "simdb" / name) as path:
        assert path == simulated_records / "simdb" / name


def test_results_are_uploaded_and_replaced(bucket, tmp_path):
    (tmp_path / "day 1").mkdir()
    folder, name = bucket / "uploaded", "day 1/s007.summary.json"
    for content in ("first", "second"):
        (tmp_path / name).write_text(content)
        upload(tmp_path, [name], folder)
    assert read_file(folder / name) == b"second"
    assert read_files(folder, [name]) == {name: b"second"}
    assert names_in(folder) == [name]
    remove([name, "not there"], folder)
    assert (names_in(folder), read_file(folder / name), exists(folder / name)) == ([], None, False)


def test_what_goes_wrong_is_told_in_words(bucket, tmp_path, monkeypatch):
    with (
        pytest.raises(UserError, match=r"s3://recordings/simdb/s009: is not there, nor is a WFDB header"),
        at_hand(bucket / "simdb" / "s009") as path,
    ):
        open_recording(path)
    with pytest.raises(UserError, match=r"s3://nowhere/out: cannot be written: The specified bucket does not exist; "):
        upload(Path(__file__).parent, ["conftest.py"], Url("s3://nowhere/out"))
    with pytest.raises(UserError, match=r"ftps://host/x: no storage is known as ftps:; give a path"):
        read_file(Url("ftps://host/x"))
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UserError, match=r'gs://bucket/x: is in object storage, which needs fsspec, .*"\.\[cluster\]"'):
        read_file(Url("gs://bucket/x"))


def test_credentials_that_are_missing_are_told(bucket, tmp_path, monkeypatch):
    clear = type(storage._storage(bucket)).clear_instance_cache
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    clear()
    with pytest.raises(UserError, match=r"s3://other/x: cannot be read: .*credentials.*; check the name, the cred"):
        read_file(Url("s3://other/x"))
    clear()
