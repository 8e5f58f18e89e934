"""Files to take along: that they hold what the user has decided."""

import numpy as np
import pandas as pd
import wfdb

from ecg_anomaly.findings.marks import WRONG
from ecg_anomaly.findings.review import review
from ecg_anomaly.web import downloads


def test_downloads_hold_the_decisions(stored, threshold, tmp_path):
    flagged = review(stored, threshold - 0.5).beats["flagged"]
    row = int(np.flatnonzero(flagged)[0])
    reviewed = review(stored, threshold - 0.5, {row: WRONG})
    beats = reviewed.beats
    assert beats["flagged"].sum() < flagged.sum()
    (tmp_path / "s007.anomaly").write_bytes(downloads.make("annotations", reviewed))
    annotations = wfdb.rdann(str(tmp_path / "s007"), "anomaly")
    at = annotations.sample.tolist().index(int(beats["sample"].iloc[row]))
    assert annotations.symbol[at] == "N"  # it no longer counts
    assert annotations.aux_note[at].endswith(", marked wrong")
    assert sum("marked" in note for note in annotations.aux_note) == 1
    assert annotations.symbol.count("Q") == beats["flagged"].sum()
    (tmp_path / "beats.csv").write_bytes(downloads.make("beats", reviewed))
    table = pd.read_csv(tmp_path / "beats.csv", keep_default_na=False)
    assert table["mark"].tolist() == [WRONG if number == row else "" for number in range(len(beats))]
    assert table["flagged"].sum() == beats["flagged"].sum()
    page = downloads.make("report", reviewed).decode()
    assert f"{int(beats['flagged'].sum()):,} of {len(beats):,} beats flagged" in page
