"""A recording as it is reviewed: its beats at a threshold, in groups, with a person's marks and what they teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.stream import Findings, judge
from ecg_anomaly.findings import summary
from ecg_anomaly.findings.groups import Group, group_beats, rest_note
from ecg_anomaly.findings.marks import RIGHT, WRONG, effect_of_marks
from ecg_anomaly.findings.rhythms import Rhythm, find_rhythms
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.findings.templates import Templates


@dataclass(frozen=True)
class Review:
    """A recording at a threshold, with the marks on its beats."""

    stored: Stored
    threshold: float
    # One row per beat, with summary.TABLE_COLUMNS, then ``group`` (as without marks, so that a group stays what it is
    # while it is marked), ``mark`` (right, wrong or empty) and ``mark_effect`` (what the marks add to the score before
    # it is cut). What is marked right is flagged where it can be read, what is marked wrong is not.
    beats: pd.DataFrame
    detected: (
        pd.DataFrame
    )  # one row per beat: ``flagged, called, reason`` as the detector finds them, whatever the marks
    groups: list[Group]
    rhythms: list[Rhythm]
    summary: Summary

    @property
    def events(self) -> list[Event]:
        """What lists, strips and shades show: what is no beats at all, and the rhythms of those that are."""
        return [*self.stored.events, *self.rhythms]


def review(stored: Stored, threshold: float | None = None, marks: Mapping[int, str] | None = None) -> Review:
    """Review a recording at a threshold; without one, at that of the model.

    Parameters
    ----------
    stored
        The recording.
    threshold
        A beat is flagged where its score and what marks add to it are above.
    marks
        `marks.RIGHT` or `marks.WRONG` of each marked beat, by its row.
    """
    cut_at = stored.threshold.threshold if threshold is None else threshold
    marks = marks or {}
    beats = summary.without_flutter(judge(stored.beats, cut_at))
    detected = beats[["flagged", "called", "reason"]]
    numbers, groups = group_beats(beats, stored.templates)
    beats = _with_marks(beats.assign(group=numbers), stored.templates, marks, cut_at)
    rhythms = find_rhythms(beats, stored.events, stored.limits)
    about = summary.About(
        stored.name,
        stored.sampling_rate_hz,
        stored.judged_leads,
        stored.samples,
        [*stored.notes, *rest_note(beats, numbers)],
        [lead for lead in stored.leads if lead not in stored.judged_leads],
        None if stored.start_time is None else stored.start_time.isoformat(),
    )
    summed_up = summary.summarise(about, Findings(beats, stored.events), rhythms, groups)
    return Review(stored, cut_at, beats, detected, groups, rhythms, summed_up)


def _with_marks(beats: pd.DataFrame, templates: Templates, marks: Mapping[int, str], threshold: float) -> pd.DataFrame:
    """Flag beats again: as they are marked, or else with what the marks of others add to their scores."""
    mark = np.full(len(beats), "", dtype=object)
    mark[list(marks)] = list(marks.values())
    effect = effect_of_marks(templates, marks)
    if marks:
        taught = beats["anomaly_score"] + effect
        decided = taught.mask(mark == RIGHT, np.inf).mask(mark == WRONG, -np.inf)
        raised = summary.without_flutter(judge(beats.assign(anomaly_score=decided), threshold))
        beats = raised.assign(anomaly_score=beats["anomaly_score"])
    return beats.assign(mark=mark, mark_effect=effect)
