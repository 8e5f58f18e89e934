from pathlib import Path

import pytest

from ecg_anomaly.batch.naming import find, name_results
from ecg_anomaly.errors import UserError


@pytest.mark.parametrize(
    ("paths", "bases", "names"),
    [
        (["a/100.hea", "b/c/101.edf"], ["a", "b/c"], ["100", "101"]),
        (["a/100.hea", "a/b/100.hea"], ["a", "a"], ["100", "b/100"]),
        (["a/100.hea", "b/100", "a/101.csv"], ["a", "b", "a"], ["a/100", "b/100", "a/101"]),
        (["../a/r.csv", "/b/R.csv", "c/s.csv"], ["../a", "/b", "c"], ["a/r", "b/R", "s"]),
        (["a/r.csv", "a/r.edf", "a/s.edf"], ["a"] * 3, ["r.csv", "r.edf", "s"]),
        (["/a/r.csv", "a/r.csv", "/c/r.csv"], ["/a", "a", "/c"], ["a/r.csv", "work/a/r.csv", "c/r"]),
    ],
)
def test_results_are_named_below_what_was_given(paths, bases, names, monkeypatch):
    monkeypatch.setattr(Path, "resolve", lambda path: Path("/work") / path)
    assert name_results(list(map(Path, paths)), list(map(Path, bases))) == names


@pytest.fixture
def data(tmp_path, monkeypatch):
    for name in ("day 1/100.csv", "day 1/night/100.csv", "day 2/101.csv", "102.csv"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["data"], {"102", "day 1/100", "day 1/night/100", "day 2/101"}),
        (["./data/day 1"], {"100", "night/100"}),
        (["data/day*"], {"day 1/100", "day 1/night/100", "day 2/101"}),
        (["data/*/*.csv"], {"day 1/100", "day 2/101"}),
        (["data/day 1/100.csv"], {"100"}),
        (["data/day 1/100.csv", "data/102.csv"], {"100", "102"}),
    ],
)
def test_results_lie_as_recordings_do_below_a_folder_or_the_fixed_part_of_a_pattern(data, given, names):
    assert {recording.name for recording in find(given, None, print)} == names


def test_a_longer_list_does_not_change_names(data, tmp_path):
    names = ["data/day 2/101.csv", "data/day 1/100.csv", str(tmp_path / "data/102.csv")]
    for count in (1, 2, 3):
        (tmp_path / "list").write_text("\n".join(names[:count]))
        found = find([], "list", print)
        assert [recording.name for recording in found] == ["data/day 2/101", "data/day 1/100", "data/102"][:count]
    (tmp_path / "data/list").write_text(names[-1])
    assert find([], str(tmp_path / "data/list"), print)[0].name == "102"


def test_nothing_to_find_is_told():
    with pytest.raises(UserError, match="no recording is named"):
        find([], None, print)
