"""Which records are there, which files belong to them, and how missing ones come."""

import shutil

import numpy as np
import pytest
import wfdb

from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint
from ecg_anomaly.records import fetching
from ecg_anomaly.records.catalogue import RecordFiles, find_record, names_on_disk, record_fingerprints
from ecg_anomaly.records.simulate import is_simulated

SECONDS, RATE_HZ = 10, 250


def write_signals(folder, name, seconds=SECONDS):
    signals = np.random.default_rng(1).normal(size=(seconds * RATE_HZ, 2))
    folder.mkdir(exist_ok=True, parents=True)
    wfdb.wrsamp(name, RATE_HZ, ["mV"] * 2, ["MLII", "V5"], p_signal=signals, fmt=["16"] * 2, write_dir=str(folder))


def annotate(folder, name):
    beats = np.arange(1, SECONDS) * RATE_HZ
    wfdb.wrann(name, "atr", beats, symbol=["N"] * (len(beats) - 1) + ["V"], write_dir=str(folder))
    return RecordFiles(f"db/{name}", folder, "atr")


def write_record(folder, name="a1"):
    """Write a record with beats at one per second; return where it lies."""
    write_signals(folder / "db", name)
    return annotate(folder / "db", name)


def write_segments(folder, name="m"):
    """Write a record of two segments of five seconds."""
    for part in (1, 2):
        write_signals(folder / "db", f"{name}_{part}", SECONDS // 2)
    length = SECONDS * RATE_HZ
    lines = (f"{name}/2 2 {RATE_HZ} {length}", f"{name}_1 {length // 2}", f"{name}_2 {length // 2}")
    (folder / "db" / f"{name}.hea").write_text("\n".join(lines) + "\n")
    return annotate(folder / "db", name)


def test_names_come_from_headers_and_from_the_list_of_records(tmp_path):
    write_record(tmp_path / "one", "b2")
    write_record(tmp_path / "two", "a1")
    (tmp_path / "one" / "db" / "RECORDS").write_text("c3\nb2\n\n")
    names = names_on_disk("db", [tmp_path / "one", tmp_path / "two", tmp_path / "absent"])
    assert names == ["db/a1", "db/b2", "db/c3"]


def test_segments_are_no_records_of_their_own(tmp_path):
    write_segments(tmp_path)
    write_record(tmp_path, "a1")
    assert names_on_disk("db", [tmp_path]) == ["db/a1", "db/m"]


def test_record_is_found_in_the_first_folder_that_has_all_of_it(tmp_path):
    incomplete, complete = (write_record(tmp_path / name) for name in ("one", "two"))
    folders = [tmp_path / "one", tmp_path / "two"]
    assert find_record("db/a1", folders, "atr") == incomplete

    incomplete.annotations.unlink()
    assert incomplete.missing() == [incomplete.annotations]
    assert find_record("db/a1", folders, "atr") == complete
    assert find_record("db/a1", folders[:1], "atr") is None
    assert find_record("db/a1", folders, "qrs") is None


def test_files_of_a_record_are_those_that_its_header_names(tmp_path):
    files = write_record(tmp_path)
    assert [path.name for path in files.all()] == ["a1.hea", "a1.dat", "a1.atr"]
    assert not files.missing()
    (files.folder / "a1.dat").unlink()
    assert [path.name for path in files.missing()] == ["a1.dat"]


def test_files_of_segments_belong_to_the_record(tmp_path):
    files = write_segments(tmp_path)
    names = ["m.hea", "m_1.hea", "m_2.hea", "m_1.dat", "m_2.dat", "m.atr"]
    assert [path.name for path in files.all()] == names
    assert not files.missing()
    assert record_fingerprints([files]) == {f"db/{name}": fingerprint(files.folder / name) for name in names}

    (files.folder / "m_1.dat").unlink()
    (files.folder / "m_2.hea").unlink()
    assert [path.name for path in files.missing()] == ["m_2.hea", "m_1.dat"]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A PhysioNet that has the database `db`, in the folder `there`; gives the names of files that were asked for."""
    asked = []

    class Mirror:
        def __init__(self, *_):
            pass

        def list_records(self):
            return names_on_disk("db", [tmp_path / "there"])

        def has(self, file):
            return (tmp_path / "there" / "db" / file).is_file()

        def download(self, files, folder, progress):
            asked.extend(files)
            folder.mkdir(parents=True, exist_ok=True)
            for file in files:
                shutil.copy(tmp_path / "there" / "db" / file, folder / file)

    monkeypatch.setattr(fetching, "PhysioNetDatabase", Mirror)
    return asked


def locate(folder, *patterns):
    patterns = [f"split.{split}=[{pattern}]" for split, pattern in zip(("train", "test"), patterns, strict=True)]
    fixed = [f"paths.records='{folder}'", "split.validation=[db/a1]", "physionet.databases={db: 1.0.0}"]
    return list(fetching.locate_records(load_config(overrides=[*fixed, *patterns]), lambda _: None))


def test_all_files_of_segments_are_downloaded(tmp_path, mirror):
    for name in ("a1", "b2"):
        write_record(tmp_path / "here", name)
    wanted = write_segments(tmp_path / "there").all()

    found = locate(tmp_path / "here", "db/b2", "db/m")
    assert {files.name for files in found} == {"db/a1", "db/b2", "db/m"}
    assert all(not files.missing() for files in found)
    assert sorted(mirror) == sorted(path.name for path in wanted)


def test_file_that_is_no_header_is_not_completed_by_a_download(tmp_path, mirror):
    for name in ("a1", "b2"):
        write_record(tmp_path, name)
    (tmp_path / "db" / "notes.hea").write_text("shopping list\n")

    assert [files.name for files in locate(tmp_path, "db/b2", "db/n*")] == ["db/b2", "db/a1", "db/notes"]
    assert mirror == []


def test_header_of_a_record_that_is_not_there_starts_no_download_unless_it_is_named(tmp_path, mirror):
    for name in ("a1", "b2", "x"):
        write_record(tmp_path / "here", name)
    write_record(tmp_path / "there", "x")
    (tmp_path / "here" / "db" / "x.dat").unlink()

    found = {files.name: files for files in locate(tmp_path / "here", "db/b*", "db/x*")}
    assert mirror == []
    assert [found[name].by_pattern for name in ("db/b2", "db/a1", "db/x")] == [True, False, True]
    assert found["db/b2"].why_no_beats() == ""
    assert found["db/x"].why_no_beats().startswith(f"{tmp_path / 'here' / 'db' / 'x.dat'}: is missing")
    locate(tmp_path / "here", "db/b*", "db/x")
    assert mirror == ["x.dat"]


def test_download_of_a_database_goes_on_with_all_its_records_and_leaves_annotations_that_it_lacks(tmp_path, mirror):
    for name in ("a1", "b2", "noise"):
        write_record(tmp_path / "there", name)
    (tmp_path / "there" / "db" / "noise.atr").unlink()
    here = tmp_path / "here" / "db"
    here.mkdir(parents=True)
    named = ("split.train=[db/*]", "split.test=[other/*]", "physionet.databases={db: 1.0.0, other: 1.0.0}")
    write_record(tmp_path / "here", "a1")
    (tmp_path / "here" / "db").rename(tmp_path / "here" / "other")

    def locate_all():
        config = load_config(overrides=[f"paths.records='{tmp_path / 'here'}'", *named])
        return list(fetching.locate_records(config, lambda _: None))

    locate_all()
    wanted = {f"{name}.{kind}" for name in ("a1", "b2", "noise") for kind in ("hea", "dat", "atr")} - {"noise.atr"}
    assert (set(mirror), len(mirror)) == (wanted, len(wanted))
    for killed_before in ("noise.dat", "b2.hea", "b2.atr", "b2.dat"):
        (here / killed_before).unlink()
    mirror.clear()
    found = {files.name: files for files in locate_all()}
    assert sorted(mirror) == ["b2.atr", "b2.dat", "b2.hea", "noise.dat"]
    assert found["db/noise"].why_no_beats() == f"{here / 'noise.atr'}: is missing, it has no annotations"
    mirror.clear()
    assert len(locate_all()) == 4
    assert mirror == []


def test_database_without_any_annotations_is_an_error(tmp_path):
    for name in ("b2", "c3"):
        write_record(tmp_path, name)
    config = load_config(overrides=[f"paths.records='{tmp_path}'", "split.train=[db/b*]", "split.test=[db/c*]"])
    (tmp_path / "db" / "b2.atr").rename(tmp_path / "db" / "b2.qrs")
    assert len(fetching.locate_records(config, lambda _: None)) == 2
    (tmp_path / "db" / "RECORDS").write_text("b2 c3 c4")
    *_, absent = fetching.locate_records(config, lambda _: None)
    assert absent.why_no_beats().startswith(f"{tmp_path / 'db' / 'c4.hea'}: is missing")
    (tmp_path / "db" / "c3.atr").unlink()
    with pytest.raises(UserError, match=r"db: none of its records has annotations: .*b2\.atr is missing.*b2\.qrs"):
        fetching.locate_records(config, lambda _: None)


def test_annotator_may_differ_by_database(tmp_path):
    write_record(tmp_path, "a1")
    (tmp_path / "db").rename(tmp_path / "ludb")
    (tmp_path / "ludb" / "a1.atr").rename(tmp_path / "ludb" / "a1.ii")
    write_record(tmp_path, "a1")
    options = ("split.train=[db/a1]", "split.test=[ludb/*]", "records.annotator={ludb: ii, '*': atr}")
    config = load_config(overrides=[f"paths.records='{tmp_path}'", *options])
    found = fetching.locate_records(config, lambda _: None)
    assert [files.annotations.name for files in found] == ["a1.atr", "a1.ii"]


def test_records_in_folders_of_a_database_are_found(tmp_path):
    write_record(tmp_path, "a1")
    (tmp_path / "db").rename(tmp_path / "data")
    (tmp_path / "db").mkdir()
    (tmp_path / "data").rename(tmp_path / "db" / "data")
    (tmp_path / "db" / "data" / "._a1.hea").write_bytes(b"\0\5\26\7")
    (tmp_path / "db" / "folder.hea").mkdir()
    assert names_on_disk("db", [tmp_path]) == ["db/data/a1"]
    assert find_record("db/data/a1", [tmp_path], "atr").missing() == []
    write_record(tmp_path, "b2")
    assert names_on_disk("db", [tmp_path]) == ["db/b2"]


def test_simulated_records_are_known_by_their_database():
    assert is_simulated("simdb/s001")
    assert not is_simulated("mitdb/simdb")
