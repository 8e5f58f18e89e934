"""What the lists of the page are given."""

import numpy as np

from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import review
from ecg_anomaly.web.sections.events import event_rows
from ecg_anomaly.web.sections.groups import group_rows
from ecg_anomaly.web.sections.lists import changed, listed


def test_beats_and_groups_hold_the_same_beats(stored, threshold):
    found = review(stored, threshold - 1)
    for with_others in (False, True):
        beats = listed(found, with_others)
        rows = group_rows(found.groups, with_others, beats["group"])
        assert sum(row["count"] for row in rows) == len(beats["row"])
        assert [row["number"] for row in rows if row["number"]] == sorted({*beats["group"]} - {0})
        assert all(row["shape"]["lines"] for row in rows if row["number"])
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


def test_events_are_in_order(stored, threshold):
    rows = event_rows(review(stored, threshold - 1).events)
    assert [row["start_s"] for row in rows] == sorted(row["start_s"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows) > 0
