"""Recordings in folders, by patterns and in lists: what is one, what is passed over, what is told."""

import io
import sys

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.search import find_recordings, read_list

RESULTS = (".beats.csv", ".anomaly", ".summary.json", ".html")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as a database and an analysis leave it; the current one lies above it."""
    segment = "{0} 1 360 10\n{0}.dat 16 200 16 0 0 0 0 II\n"
    files = {
        "a/100.hea": segment.format("100"),
        "a/100.dat": "",
        "a/100.atr": "",
        "a/RECORDS": "100",
        "a/SHA256SUMS.txt": "",
        "b/many.hea": "many/2 1 360 20\npart1 10\npart2 10\n",
        "b/part1.hea": segment.format("part1"),
        "b/part2.hea": segment.format("part2"),
        "b/part1.dat": "",
        "b/part2.dat": "",
        "b/Night 1.EDF": "0",
        "b/watch.csv.gz": "0",
        "b/watch.beats.csv": "sample",
        "b/watch.summary.json": "{}",
        "b/.hidden.csv": "1",
        "b/.tmp/x.csv": "1",
    }
    for name, content in files.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def found(*named):
    search = find_recordings(named, RESULTS)
    return [path.as_posix() for path in search.paths], list(search.notes)


def test_a_folder_is_searched_with_those_in_it(folder):
    assert found("data") == (
        ["data/a/100.hea", "data/b/Night 1.EDF", "data/b/many.hea", "data/b/watch.csv.gz"],
        ["data: 4 recordings; passed over 5 other files (1 .atr, 1 RECORDS, 1 .txt, 1 .csv, 1 .json)"],
    )


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("data/*/*.hea", ["data/a/100.hea", "data/b/many.hea"]),
        ("data/**/*.EDF", ["data/b/Night 1.EDF"]),
        ("data/?", ["data/a/100.hea", "data/b/Night 1.EDF", "data/b/many.hea", "data/b/watch.csv.gz"]),
        ("data/a/*.dat", ["data/a/100.hea"]),
    ],
)
def test_patterns_that_no_shell_expanded(folder, pattern, paths):
    assert found(pattern)[0] == paths
    assert found(str(folder.parent / pattern))[0] == [(folder.parent / path).as_posix() for path in paths]


def test_each_recording_comes_once_however_it_is_named(folder):
    assert found("data/a/100", "data/a/100.dat", "data/a/../a/100.hea", "data/a")[0] == ["data/a/100"]


def test_what_is_named_is_taken_whether_it_is_there_or_not(folder):
    (folder / "odd[1].csv").write_text("1")
    names = ["data/odd[1].csv", "data/nobody.csv", "data/a/RECORDS"]
    assert found(*names) == (names, [])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/*.edf", "data/*.edf: no recording is there; give the path of one, a folder or a pattern"),
        ("data/a/R*", r"no recording is there, but 1 other file \(1 RECORDS\); give"),
        ("data/b/watch.beats.csv", "is a result of an analysis; give the recording itself"),
    ],
)
def test_nothing_that_is_a_recording(folder, name, words):
    with pytest.raises(UserError, match=words.replace("*", r"\*")):
        found("data/a", name)


def test_a_folder_that_cannot_be_listed_is_told(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UserError, match=r"data.*: cannot be listed: Permission denied; check who may read it"):
        found("data")


def test_a_recording_that_may_not_be_looked_at_stops_no_other(folder, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    assert found("data/x.csv", "data/y") == (["data/x.csv", "data/y"], [])


def test_a_list_of_names(tmp_path, monkeypatch):
    content = '\ufeff# of May\n\n a/100 \r\n"C:/my data/x.csv"\n#b/101\n*.edf\n'.encode()
    names = ["a/100", "C:/my data/x.csv", "*.edf"]
    (tmp_path / "list.txt").write_bytes(content)
    assert read_list(str(tmp_path / "list.txt")) == names
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_list("-") == names
    (tmp_path / "list.txt").write_text(content.decode("utf-8-sig"), "utf-16")  # as PowerShell writes
    assert read_list(str(tmp_path / "list.txt")) == names


@pytest.mark.parametrize(
    ("content", "words"), [(b"# none\n", "names no recording"), (b"\xff\xfe\x00", "no text"), (b"\xc4", "no text")]
)
def test_a_list_that_names_nothing(tmp_path, content, words):
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_list(str(tmp_path / "list"))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_list(str(tmp_path / "nobody"))
