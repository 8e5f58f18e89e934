"""Hours in full."""

import re

import numpy as np

from ecg_anomaly.findings.marks import RIGHT
from ecg_anomaly.reports.full_disclosure import GRID_MM, LABEL_MM, MM_PER_MV, WIDTH_MM, draw_hour, marked_hours
from tests.reports.reviews import RATE_HZ, made_up_beats, reviewed_of


def marked(right_s, duration_s=150):
    """A review with a spike of 1 mV at each half minute past; nothing is known of the second minute's end."""
    beats, time_s = made_up_beats(duration_s, flagged_s=(30.5, *right_s)), np.arange(0, duration_s, 1 / RATE_HZ)
    lead_mv = (time_s % 60 == 30).astype(float)
    lead_mv[(time_s >= 100) & (time_s < 120)] = np.nan
    marks = dict.fromkeys(np.flatnonzero(beats["time_s"].isin(right_s)).tolist(), RIGHT)
    return reviewed_of(beats, marks=marks, signals_mv=[lead_mv])


def points(path):
    """Walk a path: the places of its strokes in millimetres, and how often it begins anew."""
    at, walked = np.zeros(2, dtype=int), []
    for letter, numbers in re.findall(r"([Mlhv])([^Mlhv]*)", path):
        its = [int(number) for number in re.findall(r"-?\d+", numbers)]
        step = {"h": (*its, 0), "v": (0, *its)}.get(letter, its)
        at = np.array(step) if letter == "M" else at + step
        walked.append(at)
    return np.array(walked) * GRID_MM, path.count("M")


def test_a_line_is_a_minute_with_its_beats_where_they_lie():
    hour = draw_hour(0, marked((70.5,)))
    assert [line.label for line in hour.lines] == ["0:00:00", "0:01:00", "0:02:00"]
    assert hour.marked == 1
    per_s = (WIDTH_MM - LABEL_MM) / 60
    assert hour.lines[1].right_mm == [round(LABEL_MM + 10.5 * per_s, 1)]
    assert hour.lines[0].flagged_mm == [round(LABEL_MM + 30.5 * per_s, 1)]
    walked, walks = points(hour.lines[0].path)
    assert walks == 1
    highest = walked[walked[:, 1].argmin()]
    np.testing.assert_allclose(highest, [30 * per_s, -MM_PER_MV], atol=0.2)
    walked, walks = points(hour.lines[1].path)
    assert walks == 1
    assert walked[:, 0].max() < 40 * per_s + 0.2


def test_hours_with_the_most_marks_come_first():
    reviewed = marked((10.5, 3700.5, 3701.5), 7300)
    assert list(marked_hours(reviewed.beats).items()) == [(1, 2), (0, 1)]
    assert marked_hours(reviewed.beats.assign(mark="")) == {}
    assert draw_hour(2, reviewed).lines[0].label == "2:00:00"
