"""What a batch calls its results, and what it says of them."""

from pathlib import Path

import pytest

from ecg_anomaly import batch
from ecg_anomaly.batch import Outcome, Request, Tally, check_free, name_results
from ecg_anomaly.commandline import asked_leads
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.reports.pages import PLOTLY, share_plotly


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/100.hea", "b/c/101.edf"], ["100", "101"]),
        (["a/100.hea", "b/100", "a/101.csv"], ["a/100", "b/100", "a/101"]),
        (["x/a/1/r.csv", "x/a/2/r.csv", "x/b/1/R.csv"], ["a/1/r", "a/2/r", "b/1/R"]),
        (["a/r.csv", "a/b/r.csv"], ["r", "b/r"]),
        (["a/r.csv", "a/r.edf", "a/s.edf"], ["r.csv", "r.edf", "s"]),
        (["a/r.csv", "a/R.csv"], ["r.csv", "R.csv"]),
    ],
)
def test_results_are_named_after_as_much_of_the_path_as_tells_them_apart(paths, names):
    assert name_results([Path(path) for path in paths]) == names


def test_what_became_of_a_batch(tmp_path):
    summary = {"beats": 9, "flagged": 1, "flagged_per_hour": 2.0, "unreadable_share": 0.0, "notes": ["odd"]}
    tally = Tally(3, tmp_path)
    assert tally.stopped() == "stopped: no recording is done; nothing was written"
    outcomes = [Outcome(Path("a.csv"), error="a.csv: is empty"), Outcome(Path("b.csv"), summary)]
    assert [outcome.messages for outcome in outcomes] == [["a.csv: is empty"], ["b.csv: odd"]]
    for outcome in outcomes:
        tally.add(outcome)
    assert tally.stopped() == (
        f"stopped: 1 of 3 recordings is done, 1 could not be analysed; the results are in {tmp_path}; "
        "run again without what is done, or with --force"
    )
    assert tally.words().splitlines()[-2:] == [
        f"Wrote the results of 1 recording to {tmp_path}",
        "1 of 3 recordings could not be analysed, see above",
    ]


def test_what_is_not_finished_is_deleted_when_a_batch_is_stopped(tmp_path, monkeypatch):
    def analyse(_work, calls, *_):
        for _, _, staging, *_ in calls:
            staging.mkdir()
            yield 0, staging

    monkeypatch.setattr(batch, "with_detector", analyse)
    for folder in (tmp_path / "out", tmp_path):
        running = batch.detect_all([tmp_path / "a.csv", tmp_path / "b.csv"], Request(folder), load_config())
        assert next(running).is_dir()
        running.close()
        assert list(tmp_path.iterdir()) == []


def test_pages_of_a_batch_share_plotly(tmp_path):
    names = ["a", "sub/b"]
    (tmp_path / "staging").mkdir()
    share_plotly(tmp_path, tmp_path / "staging")
    check_free(names, Request(tmp_path))
    (tmp_path / PLOTLY).write_text("* plotly.js v0.1")
    check_free(names, Request(tmp_path))
    share_plotly(tmp_path, tmp_path / "staging")
    assert (tmp_path / PLOTLY).stat().st_size > 1_000_000
    assert list((tmp_path / "staging").iterdir()) == []
    (tmp_path / PLOTLY).write_text("my own")
    check_free(names[:1], Request(tmp_path))
    with pytest.raises(UserError, match=r"plotly\.min\.js: is there already; add --force"):
        check_free(names, Request(tmp_path))
    check_free(names, Request(tmp_path, force=True))


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"out: results cannot be written there: .*; name another folder with --output"):
        next(batch.detect_all([Path("a.csv")], Request(tmp_path / "out"), load_config()))


def test_leads_that_are_asked_for():
    assert asked_leads(None) == ()
    assert asked_leads(" II,V1 ") == asked_leads("II, V1,") == ("II", "V1")
    assert asked_leads("ECG lead II") == ("ECG lead II",)
    for text, words in (("", "no lead"), (" , ", "no lead"), ("II,ii", "ii twice")):
        with pytest.raises(UserError, match=f"--leads names {words}; name leads between commas"):
            asked_leads(text)
