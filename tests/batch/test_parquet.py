import importlib

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.batch import parquet
from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.rhythms import RUN, Rhythm
from tests.reports.reviews import made_up_beats, reviewed_of

EVENTS = [Event(ASYSTOLE, 3.0, 9.0), Rhythm(RUN, 20.0, 22.0, 5, 150.0, "V")]


def test_tables_of_many_recordings_are_read_as_one(tmp_path):
    pytest.importorskip("pyarrow")
    reviewed = reviewed_of(made_up_beats())
    beats = reviewed.beats.drop(columns=["mark", "mark_effect"])
    nothing = {**reviewed.summary, "beats": 0, "flagged_per_hour": None, "called": {}, "start_time": "12:00:00"}
    parquet.write(tmp_path, "001", beats, EVENTS, reviewed.summary)
    for name in ("day 1/_002", ".hidden"):
        parquet.write(tmp_path, name, beats[:0].astype(object), [], nothing)
    parquet.write(tmp_path, "001", beats, EVENTS, reviewed.summary)  # a task that is repeated

    found = pd.read_parquet(tmp_path / "beats")
    assert set(found["recording"]) == {"001"}
    np.testing.assert_allclose(found["anomaly_score"].astype(float), beats["anomaly_score"], atol=1e-5)
    assert found["flagged"].sum() == reviewed.summary["flagged"] > 0
    assert found["sample"].dtype == np.int64
    assert list(found.columns) == ["recording", *parquet.TABLE_COLUMNS, "group"]
    events = pd.read_parquet(tmp_path / "events")
    assert events["words"].tolist() == ["asystole", "run of 5 premature beats (V), 150 bpm"]
    assert events["beats"].fillna(0).tolist() == [0, 5]
    summary = pd.read_parquet(tmp_path / "summary").set_index("recording")
    assert set(summary.index) == {"001", "day 1/_002", ".hidden"}
    assert summary["beats"].to_dict() == {"001": len(beats), "day 1/_002": 0, ".hidden": 0}
    assert summary["flagged_V"].tolist() == [0, 3, 0]
    assert summary["start_time"].fillna("").tolist() == ["12:00:00", "", "12:00:00"]


def test_files_are_found_by_engines_that_pass_over_hidden_ones():
    assert parquet.files_of("a/_b%c") == [f"{folder}/a%2F_b%25c.parquet" for folder in ("beats", "events", "summary")]
    assert parquet.files_of("_b")[0] == "beats/%5Fb.parquet"


def test_recordings_do_not_lie_among_the_tables():
    parquet.check_names(["a/b", "beats", "a/beats/c"])
    with pytest.raises(UserError, match="a folder named beats would lie among the tables"):
        parquet.check_names(["Beats/a"])


def test_a_library_that_is_missing_is_named(monkeypatch):
    def missing(name, package=None):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match=r'needs pyarrow; install .*pip install "\.\[parquet\]"'):
        parquet.library()
