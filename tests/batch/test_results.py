import json
from pathlib import Path

import pytest

from ecg_anomaly.batch import results
from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.results import check_free, files_of, publish
from ecg_anomaly.errors import UserError
from ecg_anomaly.reports.pages import PLOTLY, share_plotly


def complete(staging: Path, text: str):
    """Files as `results.make_files` leaves them."""
    made = staging / "results" / "sub"
    made.mkdir(parents=True)
    for ending in ("beats.csv", "anomaly"):
        (made / f"a.{ending}").write_text(text)
    (made / "a.summary.json").write_text(json.dumps({"made_from": {"version": text}}))


def contents(folder: Path):
    return {path.name: path.read_text() for path in (folder / "sub").iterdir()}


def test_results_that_are_replaced_are_never_a_mix(tmp_path, monkeypatch):
    out = tmp_path / "out"
    complete(tmp_path / "old", "old")
    publish(tmp_path / "old", out)
    (out / "sub" / "a.html").write_text("the old page")
    assert results.read_made(out, "sub/a")[1] == {"version": "old"}
    replace, moved = Path.replace, []

    def cut_off(path, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(replace(path, target))

    complete(tmp_path / "new", "new")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_off)
        with pytest.raises(KeyboardInterrupt):
            publish(tmp_path / "new", out)
    assert set(contents(out).values()) == {"new"}
    assert results.read_made(out, "sub/a") is None
    assert results.is_complete(tmp_path / "new")
    publish(tmp_path / "new", out)
    assert contents(out) == {
        "a.beats.csv": "new",
        "a.anomaly": "new",
        "a.summary.json": '{"made_from": {"version": "new"}}',
    }
    assert not results.is_complete(tmp_path / "new")


def test_only_results_of_a_batch_are_gone_on_with(tmp_path):
    request = Request(tmp_path)
    check_free(["a"], request)
    (tmp_path / "a.summary.json").write_text('{"made_from": {}}')
    with pytest.raises(UserError, match=r"a\.summary\.json: is there already; add --resume .*--force"):
        check_free(["a"], request)
    check_free(["a"], Request(tmp_path, resume=True))
    (tmp_path / "a.summary.json").write_text('{"beats": 1}')
    for resume in (False, True):
        with pytest.raises(UserError, match=r"a\.summary\.json: is there already; add --force"):
            check_free(["a"], Request(tmp_path, resume=resume))
    check_free(["a"], Request(tmp_path, force=True))


@pytest.mark.parametrize("name", [PLOTLY, "recordings.summary.csv"])
def test_what_a_batch_shares_replaces_nothing_of_others(tmp_path, name):
    names = ["a", "sub/b"]
    (tmp_path / name).write_text("my own")
    check_free(names[:1], Request(tmp_path))
    with pytest.raises(UserError, match="is there already; add --force"):
        check_free(names, Request(tmp_path))
    check_free(names, Request(tmp_path, force=True))


def test_pages_of_a_batch_share_plotly(tmp_path):
    (tmp_path / "staging").mkdir()
    (tmp_path / PLOTLY).write_text("* plotly.js v0.1")
    check_free(["a", "b"], Request(tmp_path))
    share_plotly(tmp_path, tmp_path / "staging")
    assert (tmp_path / PLOTLY).stat().st_size > 1_000_000
    assert list((tmp_path / "staging").iterdir()) == []


@pytest.mark.parametrize(
    ("pages", "made_with", "files", "why"),
    [
        ("none", "none", "a.beats.csv a.anomaly", ""),
        ("all", "all", "a.beats.csv a.anomaly a.html", ""),
        ("all", "flagged", "a.beats.csv a.anomaly", "files"),
        ("flagged", "flagged", "a.beats.csv a.anomaly", ""),
        ("flagged", "none", "a.beats.csv a.anomaly", "files"),
        ("none", "none", "a.anomaly", "files"),
    ],
)
def test_a_result_does_whose_files_are_there(tmp_path, pages, made_with, files, why):
    for file in files.split():
        (tmp_path / file).touch()
    made = {"pages": made_with, "files": []}
    assert results.why_again(tmp_path, "a", made, {"pages": pages}, "csv") == why
    assert results.why_again(tmp_path, "a", {**made, "model": "x"}, {"pages": pages}, "csv") == "model"
    assert results.why_again(tmp_path, "a", made, {"pages": pages}, "parquet") == "files"


def test_names_of_files():
    assert files_of("sub/a")[:2] == ["sub/a.beats.csv", "sub/a.anomaly"]
    assert "beats/sub%2Fa.parquet" in files_of("sub/a")
