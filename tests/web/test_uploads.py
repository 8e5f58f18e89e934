"""Files from a browser: what belongs together, what is refused, and that no name is taken for a path."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.kinds import NO_WFDB_SUFFIXES
from ecg_anomaly.web.uploads import check_room, receive, shown

HEADER = b"r1 2 360 10\nr1.dat 212 200 12 0 0 0 0 MLII\nr1.dat 212 200 12 0 0 0 0 V1\n"


def send(**files):
    """Files as Flask gives them; two underscores stand for a dot."""
    return [FileStorage(io.BytesIO(content), filename=name.replace("__", ".")) for name, content in files.items()]


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_wfdb_record_keeps_the_names_that_its_header_needs(tmp_path):
    received = receive(send(r1__hea=HEADER, r1__dat=b"12", r1__atr=b"3"), tmp_path, "atr")
    assert received == (tmp_path / "r1.hea", "r1")
    assert written(tmp_path) == ["r1.atr", "r1.dat", "r1.hea"]
    assert (tmp_path / "r1.hea").read_bytes() == HEADER


def test_files_that_the_record_does_not_need_are_not_kept(tmp_path):
    receive(send(r1__hea=HEADER, r1__dat=b"12", other__xyz=b"3"), tmp_path, "atr")
    assert written(tmp_path) == ["r1.dat", "r1.hea"]


def test_a_header_is_read_as_it_is_in_a_folder(tmp_path):
    header = (HEADER.decode() + "a comment without its mark\n").encode("utf-16")
    receive(send(r1__hea=header, r1__dat=b"12"), tmp_path, "atr")
    assert written(tmp_path) == ["r1.dat", "r1.hea"]


def test_a_record_of_several_segments(tmp_path):
    whole = b"# comment\nr1/2 2 360 20\ns1 10\n~ 5\n"
    segment = HEADER.replace(b"r1", b"s1")
    path, _ = receive(send(r1__hea=whole, s1__hea=segment, s1__dat=b"12"), tmp_path, "atr")
    assert path == tmp_path / "r1.hea"
    assert written(tmp_path) == ["r1.hea", "s1.dat", "s1.hea"]


@pytest.mark.parametrize("name", ["../../etc/passwd.csv", "C:\\temp\\Patient 7 (1).csv", "/abs/ü.csv", ".csv.csv"])
def test_the_name_of_a_table_never_reaches_the_disk(tmp_path, name):
    _, given = receive([FileStorage(io.BytesIO(b"1"), filename=name)], tmp_path, "atr")
    assert written(tmp_path) == ["recording.csv"]
    assert re.fullmatch(r"[\w.-]+", given)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no file has arrived"),
        ({"r1__dat": b"1"}, "the header (.hea) of the WFDB record is missing"),
        ({"r1__hea": HEADER}, "needs r1.dat"),
        ({"r1__hea": HEADER.replace(b"r1.dat", b"../../../etc/passwd"), "r1__dat": b"1"}, "no file beside it"),
        ({"r1__hea": HEADER, "r1__dat": b"1", "r2__hea": HEADER}, "2 WFDB records"),
        ({"r1__hea": b"# nothing\n"}, "is not a WFDB header"),
        ({"r1__hea": b"x" * 1_000_001}, "too large"),
        ({"a__csv": b"1", "b__csv": b"1"}, "not one recording"),
    ],
)
def test_what_is_refused_says_what_to_do(tmp_path, files, words):
    with pytest.raises(UserError, match=re.escape(words)):
        receive(send(**files), tmp_path, "atr")
    assert written(tmp_path) == []


def test_a_wfdb_name_that_could_be_a_path_is_refused(tmp_path):
    files = [*send(r1__hea=HEADER), FileStorage(io.BytesIO(b"1"), filename="..")]
    with pytest.raises(UserError, match="rename it"):
        receive(files, tmp_path, "atr")


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="one name"):
        receive([*send(a__csv=b"1"), FileStorage(io.BytesIO(b"2"), filename="b/a.csv")], tmp_path, "atr")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=12).flatmap(
                lambda stem: st.sampled_from([".hea", ".dat", ".csv", ".atr", ""]).map(stem.__add__)
            ),
            st.one_of(st.binary(max_size=200), st.just(HEADER), st.text(max_size=80).map(str.encode)),
        ),
        max_size=4,
    )
)
def test_whatever_comes_stays_in_its_folder(tmp_path, sent):
    inside = tmp_path / "inside"
    inside.mkdir(exist_ok=True)
    files = [FileStorage(io.BytesIO(content), filename=name) for name, content in sent]
    try:
        path, name = receive(files, inside, "atr")
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert path.parent == inside
        assert shown(name) == name
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert all(path.is_file() and path.parent == inside for path in inside.rglob("*"))
    for path in inside.iterdir():
        path.unlink()


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_read(tmp_path):
    check_room(tmp_path, 0)
    with pytest.raises(UserError, match=r"GB free.*free some space"):
        check_room(tmp_path, 10**18)


@pytest.mark.parametrize(
    ("name", "kept", "called"),
    [
        *[(f"Day 1{suffix.upper()}", f"recording{suffix}", "Day_1") for suffix in sorted(NO_WFDB_SUFFIXES)],
        ("day.csv.gz", "recording.gz", "day.csv"),
        ("ECG of May", "recording", "ECG_of_May"),
        ("picture.png", "recording", "picture.png"),  # what it is, is told when it is read
    ],
)
def test_any_single_file_is_taken(tmp_path, name, kept, called):
    assert receive([FileStorage(io.BytesIO(b"1"), filename=name)], tmp_path, "") == (tmp_path / kept, called)
    assert written(tmp_path) == [kept]
