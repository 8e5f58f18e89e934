"""Figures of the page: what they leave out, how leads, events and marks are shown, and stretches that are asked for."""

import base64
import dataclasses
import datetime
import json

import numpy as np
import pytest

from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.rhythms import COUPLET, RUN, Rhythm
from ecg_anomaly.web import bands, figures, ids, signal_figure, times
from ecg_anomaly.web.player import Shown
from ecg_anomaly.web.sections import signal, strip

TWELVE = ["V1", "V2", "V3", "V4", "V5", "V6", "I", "II", "III", "aVR", "aVL", "aVF"]


@pytest.fixture(scope="module")
def reviewed(stored, threshold):
    return review(stored, threshold)


@pytest.fixture(scope="module")
def twelve(reviewed):
    signals_mv = [stretch for stretch in reviewed.stored.signals_mv for _ in range(6)]
    stored = dataclasses.replace(reviewed.stored, leads=TWELVE, judged=[7, 0], signals_mv=signals_mv)
    return dataclasses.replace(reviewed, stored=stored)


def curves(figure):
    """Leads of a figure of the signal, in order: their names, times and values in mV."""
    drawn = {}
    for curve in figure["data"]:
        if "meta" in curve:
            y = np.frombuffer(base64.b64decode(curve["y"]["bdata"]), dtype="<f4") - curve["meta"]["offset_mv"]
            drawn[curve["meta"]["lead"]] = curve["x0"] + curve["dx"] * np.arange(len(y)), y
    return drawn


@pytest.mark.parametrize("seconds", [1.0, 60.0, 900.0])
def test_a_view_keeps_extremes_and_gaps(reviewed, seconds):
    stored = reviewed.stored
    signals_mv = [np.tile(signal_mv, 30) for signal_mv in stored.signals_mv]
    signals_mv[0][12_345] = 40.0
    signals_mv[0][50_000:90_000] = np.nan
    long = dataclasses.replace(reviewed, stored=dataclasses.replace(stored, signals_mv=signals_mv))
    middle_s = 12_345 / stored.sampling_rate_hz
    figure = signal_figure.signal(long, (middle_s - seconds / 2, middle_s + seconds / 2))
    x, y = curves(figure)[stored.leads[0]]
    assert np.nanmax(y) == pytest.approx(40.0, abs=1e-3)
    assert len(x) <= 3 * 2 * 1000 * 1.5
    inside = (x > 52_000 / stored.sampling_rate_hz) & (x < 88_000 / stored.sampling_rate_hz)
    assert np.isnan(y[inside]).all()


@pytest.mark.parametrize("span", [(-5.0, 2.0), (1.0, 1.001), (60.0, 1000.0)])
def test_views_beyond_the_recording(reviewed, span):
    drawn = curves(signal_figure.signal(reviewed, span))
    assert list(drawn) == reviewed.stored.leads
    assert all((x <= reviewed.stored.duration_s + 1.0).all() for x, _ in drawn.values())


def test_a_screen_on_either_side_is_drawn_ahead(reviewed):
    x, _ = next(iter(curves(signal_figure.signal(reviewed, (20.0, 25.0))).values()))
    assert (x[0], x[-1]) == (pytest.approx(15.0, abs=0.1), pytest.approx(30.0, abs=0.1))


def test_all_leads_are_shown_in_their_usual_order_on_one_scale(twelve):
    figure = signal_figure.signal(twelve, (0.0, 5.0))
    assert list(curves(figure)) == TWELVE[6:] + TWELVE[:6]
    axis = figure["layout"]["yaxis"]
    assert [name for name in axis["ticktext"] if "judged" in name] == ["II<br>judged", "V1<br>judged"]
    assert len(set(np.diff(axis["tickvals"]).round(9))) == 1
    assert figure["layout"]["height"] < 900
    paper = figures.paper(twelve, 5.0, None)
    assert paper.count("data-lead=") == 12
    assert paper.count(">judged<") == 2 * 2  # on the paper, and on what stays in view


@pytest.mark.parametrize("mm_per_mv", [5.0, 20.0])
def test_paper_tells_its_scale(reviewed, mm_per_mv):
    row = int(np.flatnonzero(reviewed.beats["flagged"])[0])
    paper = figures.paper(reviewed, float(reviewed.beats["time_s"].iloc[row]), row, mm_per_mv)
    assert f'data-mm-per-mv="{mm_per_mv}"' in paper
    assert 'class="event selected"' in paper


def test_the_time_of_the_day_where_it_is_known(reviewed):
    stored = dataclasses.replace(reviewed.stored, start_time=datetime.datetime(2024, 3, 2, 23, 59, 50))
    known = dataclasses.replace(reviewed, stored=stored)
    axis, title = times.ticks(stored, 0.0, 30.0)
    assert (axis["ticktext"][0], axis["ticktext"][2], title) == ("23:59:50", "00:00:00<br>day 2", "time of the day")
    assert axis["tickvals"][2] == 10.0
    assert "23:59:52" in figures.paper(known, 5.0, None)
    assert figures.overview(known).layout.meta["clock_s"] == 86_390
    marks = signal_figure.above(known, (0.0, 30.0))[signal_figure.MARKS]
    assert all(text.startswith(("23:59:", "day 2, 00:00:")) for text in marks["text"])


def test_no_tick_is_told_twice(stored):
    for step_s in (0.9, 1.3, 2.7):
        for start_s in (418.7, 419.3, 7.0):
            labels = times.ticks(stored, start_s, start_s + step_s)[0]["ticktext"]
            assert len(set(labels)) == len(labels) > 1


def test_events_and_rhythms_have_lanes_and_shades(reviewed):
    stored = dataclasses.replace(reviewed.stored, events=[Event(UNREADABLE, 1.0, 3.0)])
    rhythms = [Rhythm(COUPLET, 5.0, 5.6, 2), Rhythm(RUN, 8.0, 10.0, 5), Rhythm(RUN, 50.0, 51.0, 4)]
    shown = dataclasses.replace(reviewed, stored=stored, rhythms=rhythms)
    figure = signal_figure.signal(shown, (0.0, 12.0), 6.0)
    bars = figure["data"][signal_figure.BANDS]
    assert figure["layout"]["yaxis2"]["ticktext"] == ["run", "couplet", "unreadable"]
    assert sorted(zip(bars["y"], bars["base"], strict=True)) == [(0, 8.0), (1, 5.0), (2, 1.0)]
    assert len(figure["layout"]["shapes"]) == 3 + 1  # and the chosen beat
    overview = figures.overview(shown)
    assert list(overview.data[-1].customdata).count("run (4 and more)") == 2
    looks = [(bands.styles.EVENT_COLOURS[kind], pattern) for kind, pattern in bands._PATTERNS.items()]
    assert len(set(looks)) == len(looks) == len(bands.styles.EVENT_WORDS)


def test_marks_tell_group_and_mark(stored, threshold):
    flagged = np.flatnonzero(review(stored, threshold).beats["flagged"])[:3]
    marked = review(stored, threshold, {int(flagged[0]): RIGHT, int(flagged[1]): WRONG})
    marks = signal_figure.above(marked, (0.0, stored.duration_s))[signal_figure.MARKS]
    of_row = dict(
        zip(marks["customdata"].tolist(), zip(marks["text"], marks["marker"]["symbol"], strict=True), strict=True)
    )
    assert of_row[flagged[0]][0].endswith(", marked right")
    assert of_row[flagged[1]][0].endswith(", marked wrong")  # it is shown although it no longer counts
    assert "group" in of_row[flagged[0]][0]
    assert len({of_row[row][1] for row in flagged}) == 3


def test_many_marks_are_thinned_evenly():
    times_s, rows = np.arange(0, 86_400, 3.0), np.arange(28_800)
    kept = signal_figure._thinned(rows, times_s, np.tile([1.0, 5.0], 14_400), 86_400 / 600)
    assert len(kept) == 600
    assert np.diff(times_s[kept]).max() < 2 * 86_400 / 600
    assert (kept % 2 == 1).all()  # the higher scores


def test_names_of_leads_are_no_links_in_any_figure(reviewed):
    link = '<a href="https://example.org">II</a>'
    stored = dataclasses.replace(reviewed.stored, leads=[link, link])
    linked = dataclasses.replace(reviewed, stored=stored)
    shown = Shown((link,), np.arange(9.0), np.zeros((9, 1)), np.empty(0), np.empty(0, dtype=bool))
    signal_layout = signal_figure.signal(linked, (0, 5))["layout"]  # its curves name leads for the page's script alone
    for figure in (signal_layout, figures.beat(stored, 3), figures.live(shown)):
        drawn = json.dumps(figure, default=np.ndarray.tolist)
        assert "&lt;a href" in drawn
        assert "<a" not in drawn
    assert "<a href" not in figures.paper(linked, 5.0, 3)


def test_zooming_and_moving_stay_within_the_recording():
    assert signal_figure.moved(40, 60, "in", 100) == (45, 55)
    assert signal_figure.moved(40, 60, "out", 100) == (30, 70)
    assert signal_figure.moved(0, 20, "left", 100) == (0, 20)
    assert signal_figure.moved(80, 100, "right", 100) == (80, 100)
    assert signal_figure.moved(80, 100, "all", 100) == (0, 100)
    assert signal_figure.moved(50, 51, "in", 100) == (50, 51)
    assert signal_figure.within(0.2, 60, 10) == (0, 10)


def test_the_signal_goes_where_the_page_goes():
    assert signal.next_view(None, 50.0, None, {ids.READY}, 1000.0) == (20.0, 80.0)
    assert signal.next_view((0.0, 60.0), None, [500.0, 40.0], {ids.AT}, 1000.0) == (470.0, 530.0)
    assert signal.next_view((0.0, 60.0), None, [500.0, 0.7], {ids.AT}, 1000.0) == (495.0, 505.0)
    assert signal.next_view((0.0, 60.0), None, [500.0, None], {ids.AT}, 1000.0) == (470.0, 530.0)
    assert signal.next_view((0.0, 60.0), 30.0, [30.0, None], {ids.AT, ids.BEAT}, 1000.0) == (0.0, 60.0)
    assert signal.next_view((0.0, 60.0), 300.0, None, {ids.MOVES["beat"]}, 1000.0) == (295.0, 305.0)


def test_the_paper_goes_where_the_page_goes():
    assert strip.next_paper(None, None, None, {ids.READY}) == 0.0
    assert strip.next_paper(5.0, 90.0, None, {ids.BEAT}) == 90.0
    assert strip.next_paper(5.0, 90.0, 200.0, {ids.AT}) == 200.0
    assert strip.next_paper(200.0, 201.0, 200.0, {ids.BEAT}) == 200.0  # the beat that is chosen there
    assert strip.next_paper(200.0, 400.0, 200.0, {ids.BEAT}) == 400.0
    assert strip.next_paper(200.0, 90.0, None, {ids.MARKED}) == 200.0
    assert strip.next_paper(200.0, 90.0, None, {ids.PAPER_ON}) == 208.0


@pytest.mark.parametrize("ends", [["a", 3], [0, float("nan")], [5, 5], [9, 3], None, [1], {"x": 1}, [True, 2], 7])
def test_nonsense_for_a_stretch_changes_nothing(ends):
    assert signal.seen_in(ends, 100.0) is None
    assert signal.asked_range({"xaxis.range[0]": ends}, 100.0) is None


def test_stretches_far_away_are_brought_back():
    assert signal.asked_range({"xaxis.range[0]": -1e30, "xaxis.range[1]": 1e30}, 100.0) == (-200.0, 0.0)
    assert signal.asked_range({"xaxis.autorange": True}, 100.0) == (0.0, 100.0)
    assert signal.place_of([1e9, None], 100.0) == (100.0, None)
    for nonsense in ([1.5], "x", [None, 2.0], [1.0, -3.0], [float("inf"), None], {"a": 1}):
        with pytest.raises(UserError):
            signal.place_of(nonsense, 100.0)


@pytest.mark.parametrize("row", [1.5, 10**9, -1, "7", True])
def test_no_beat_of_the_recording(reviewed, row):
    with pytest.raises(UserError):
        signal.beat_time_s(reviewed.beats, row)


def test_how_unusual_an_answer_is():
    assert strip.rarity(0.1) == "most normal beats are as extreme"
    assert strip.rarity(np.log(40)) == "1 in 40 normal beats is as extreme"
    assert strip.rarity(8.0) == "fewer than 1 in 3,000 normal beats is as extreme"
