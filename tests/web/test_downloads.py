"""Files to take along: that they hold what the user has decided."""

import numpy as np
import pandas as pd
import wfdb

from ecg_anomaly.findings.marks import WRONG
from ecg_anomaly.web import decisions, downloads


def test_downloads_hold_the_decisions(stored, threshold, tmp_path):
    beats = decisions.cut(stored, threshold - 0.5)
    row = int(np.flatnonzero(beats["flagged"])[0])
    marks = {row: WRONG}
    (tmp_path / "s007.anomaly").write_bytes(downloads.make("annotations", stored, beats, marks))
    annotations = wfdb.rdann(str(tmp_path / "s007"), "anomaly")
    at = annotations.sample.tolist().index(int(beats["sample"].iloc[row]))
    assert annotations.symbol[at] == "Q"
    assert annotations.aux_note[at].endswith(", marked wrong")
    assert sum("marked" in note for note in annotations.aux_note) == 1
    assert annotations.symbol.count("Q") == beats["flagged"].sum()
    (tmp_path / "beats.csv").write_bytes(downloads.make("beats", stored, beats, marks))
    table = pd.read_csv(tmp_path / "beats.csv", keep_default_na=False)
    assert table["mark"].tolist() == [WRONG if number == row else "" for number in range(len(beats))]
    assert table["flagged"].sum() == beats["flagged"].sum()
    page = downloads.make("report", stored, beats, marks).decode()
    assert f"{int(beats['flagged'].sum()) - 1:,} of {len(beats):,} beats flagged" in page
