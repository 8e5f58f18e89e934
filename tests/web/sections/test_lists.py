"""What the lists of the page are given."""

import numpy as np

from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.rhythms import COUPLET, RUN, Rhythm
from ecg_anomaly.web.sections.events import event_rows, kind_rows
from ecg_anomaly.web.sections.groups import group_rows
from ecg_anomaly.web.sections.lists import changed, listed


def test_beats_and_groups_hold_the_same_beats(stored, threshold):
    found = review(stored, threshold - 1)
    for with_others in (False, True):
        beats = listed(found, with_others)
        rows = group_rows(found, with_others, beats["group"])
        assert sum(row["count"] for row in rows) == len(beats["row"])
        assert [row["number"] for row in rows if row["number"]] == sorted({*beats["group"]} - {0})
        assert all(len(row["shape"]["lanes"]) == 2 for row in rows if row["number"])
    assert len(beats["row"]) == stored.beats["readable"].sum()


def test_a_mark_does_not_take_a_beat_off_the_list(stored):
    before = listed(review(stored), False)
    row = before["row"][0]
    marked = review(stored, None, {row: WRONG})
    assert listed(marked, False) == before
    assert not marked.beats["flagged"].iloc[row]
    assert row not in changed(marked)["lowered"]


def test_what_marks_change_is_told(stored):
    found = review(stored)
    row = int(np.flatnonzero(~found.beats["flagged"] & found.beats["readable"])[0])
    marked = review(stored, None, {row: RIGHT})
    now = marked.beats["flagged"].to_numpy()
    told = changed(marked)
    assert told["raised"]["row"] == [r for r in np.flatnonzero(now & ~found.beats["flagged"]) if r != row]
    assert told["lowered"] == []


def test_a_row_for_each_kind_of_event_with_its_worst():
    rows = event_rows(
        [
            Rhythm(COUPLET, 1.0, 1.5, 2, 120.0, "S"),
            Rhythm(COUPLET, 5.0, 5.4, 2, 150.0, "V"),
            Rhythm(COUPLET, 9.0, 9.3, 2, 200.0, "V"),
            Rhythm(RUN, 20.0, 22.0, 5, 150.0, "V"),
            Rhythm(RUN, 30.0, 34.0, 9, 140.0, "V"),
            Event(ASYSTOLE, 50.0, 60.0),
        ]
    )
    assert [row["start_s"] for row in rows] == [50.0, 30.0, 20.0, 9.0, 5.0, 1.0]  # urgent kinds, then bad ones, first
    kinds = kind_rows(rows)
    assert [kind["kind"] for kind in kinds] == [
        "asystole (no beats)",
        "run (4 and more), V",
        "couplet, V",
        "couplet, S",
    ]
    assert [kind["count"] for kind in kinds] == [1, 2, 2, 1]
    assert (kinds[1]["together_s"], kinds[1]["worst_s"]) == (6.0, 30.0)
    assert "9 premature beats" in kinds[1]["worst"]
