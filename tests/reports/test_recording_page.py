"""The page of an analysed recording: what it shows, and that its paper is to scale."""

import html
import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.detector.naming import OTHER, S, V
from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.findings.rhythms import COUPLET, IRREGULAR, PAUSE, RUN, SLOW, TRIPLET, Rhythm
from ecg_anomaly.findings.summary import TABLE_COLUMNS, About, summarise
from ecg_anomaly.reports.ecg_paper import draw_strip
from ecg_anomaly.reports.episodes import STRIPS, Episode, choose_episodes, find_episodes
from ecg_anomaly.reports.recording_overview import overview_figure
from ecg_anomaly.reports.recording_page import (
    LINKS,
    TABLE_BEATS,
    facts,
    flagged_table,
    headline,
    kinds_of_events,
    render,
)
from ecg_anomaly.words import CALLED
from tests.reports.reviews import LEADS, RATE_HZ, made_up_beats, read_mv, reviewed_of

MARGIN_MM = 15.0


def page(beats: pd.DataFrame | None = None, events: tuple[Event, ...] = (), name: str = "r1", samples: int = 30_000):
    beats = made_up_beats() if beats is None else beats
    return render(reviewed_of(beats, events, name, samples))


def strip_of(episode, beats: pd.DataFrame, **more):
    return draw_strip(episode, 1, reviewed_of(beats, **more))


def points(path: str) -> np.ndarray:
    return np.array([point.split() for point in re.split("[ML]", path)[1:]], dtype=float)


def own_part(text: str) -> str:
    """Leave Plotly out of the page."""
    return text.partition("<script>")[0] + text.rpartition('<script type="application/json"')[2]


def test_a_second_is_25_mm_and_a_millivolt_10_mm() -> None:
    beats = made_up_beats()
    strip = strip_of(find_episodes(beats, [])[0], beats)
    first, second = (points(lane.path) for lane in strip.lanes)
    for lane, curve, height_mv in zip(strip.lanes, (first, second), (1, 2), strict=True):
        peaks = curve[curve[:, 1] < lane.y_mm - 5]
        np.testing.assert_allclose(np.diff(peaks[:, 0]), 25.0)
        np.testing.assert_allclose(lane.y_mm - peaks[:, 1], 10.0 * height_mv)
    assert first[0, 0] == MARGIN_MM
    assert strip.width_mm == MARGIN_MM + 250
    # The strip starts at 26 s: the flagged beats at 30.5 and 31.5 s stand on the spikes.
    assert [mark.x_mm for mark in strip.marks] == [MARGIN_MM + 25 * 4.5, MARGIN_MM + 25 * 5.5]


def test_the_word_of_a_beat_near_the_end_of_a_strip_stays_on_the_paper() -> None:
    beats = made_up_beats(flagged_s=(31.5, 39.5))
    strip = strip_of(Episode(35.4, 35.4, 35.4, "", 1, 0.0), beats.assign(time_s=beats["time_s"] + 0.4))
    first, last = strip.marks
    assert first.word_mm == first.x_mm
    assert strip.width_mm - last.x_mm < 3
    assert strip.width_mm - last.word_mm > 8  # half of "V unlike own"


def test_curves_in_steps_lie_where_they_were() -> None:
    beats = made_up_beats()
    strip = strip_of(find_episodes(beats, [])[0], beats)
    for lane, stepped in zip(strip.lanes, strip.in_steps().lanes, strict=True):
        start, moves = stepped.path.removeprefix("M").split("l")
        steps = np.reshape(re.findall(r"-?\d+", moves), (-1, 2)).astype(int)
        walked = strip.in_steps().unit_mm * (np.array(start.split(), dtype=int) + np.cumsum(steps, axis=0))
        np.testing.assert_allclose(walked.max(axis=0), points(lane.path).max(axis=0), atol=0.051)
        peaks = walked[walked[:, 1] < lane.y_mm - 5]
        np.testing.assert_allclose(np.diff(peaks[:, 0]), 25.0)
        assert len(stepped.path) < len(lane.path) / 5


def test_the_page_draws_in_true_millimetres() -> None:
    drawings = re.findall(r'<svg xmlns.*?viewBox="[^"]*"', own_part(page()), flags=re.DOTALL)
    assert len(drawings) == 4  # two strips, and the names of their leads, which stay in view
    for drawing in drawings:
        width, height = (re.search(rf' {side}="([\d.]+)mm"', drawing)[1] for side in ("width", "height"))
        assert f'viewBox="0 0 {width} {height}"' in drawing
    assert "h5.0v10.0" in page()  # the calibration pulse: 0.2 s, 1 mV


def test_strips_are_well_formed_and_hold_every_flagged_beat() -> None:
    text = page(events=(Event(ASYSTOLE, 50.5, 56.5),))
    strips = re.findall(r'<svg xmlns="[^"]*" class="paper-sheet".*?</svg></div>', text, flags=re.DOTALL)
    parsed = [ElementTree.fromstring(strip.removesuffix("</div>")) for strip in strips]
    marks = [mark for strip in parsed for mark in strip.iter("{http://www.w3.org/2000/svg}g")]
    assert len(strips) == 3
    assert len(marks) == 3
    assert text.count("unlike this patient") > 3


def test_flagged_beats_are_called_something_which_is_said_to_be_a_guess() -> None:
    beats = made_up_beats()
    beats.loc[beats["time_s"] == 31.5, ["called", "log_odds_S"]] = "S", 2.0
    beats.loc[beats["time_s"] == 80.5, ["called", "log_odds_S", "log_odds_V"]] = "other", -1.0, -1.0
    strips = [strip_of(episode, beats) for episode in find_episodes(beats, [])]
    marks = [mark.word for strip in strips for mark in strip.marks]
    assert marks == ["V unlike own", "S unlike own", "unlike own"]
    text = page(beats)
    assert "like a ventricular beat 1; like a premature atrial beat 1; like neither 1" in text
    assert text.count("a guess from its shape and time, not a diagnosis") == 1
    assert set(CALLED) == {V, S, OTHER}


def test_the_page_fetches_nothing() -> None:
    text = own_part(page()).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert len(text) < 200_000
    assert "://" not in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert not re.search(r"@import|url\((?!#)", text)


def test_a_page_of_a_batch_asks_for_the_script_that_it_shares():
    text = render(reviewed_of(made_up_beats()), "../plotly.min.js")
    assert len(text) < 500_000
    assert '<script src="../plotly.min.js"></script>' in text
    assert "needs the file ../plotly.min.js" in text


def test_notes_are_shown() -> None:
    beats = made_up_beats()
    text = render(reviewed_of(beats, notes=("the signal is inverted & loud",)))
    assert "the signal is inverted &amp; loud" in text


def test_names_are_escaped() -> None:
    name = "<script>alert('x')</script>&"
    text = page(name=name)
    assert name not in text
    assert html.escape(name, quote=False).replace("'", "&#39;") in text


def test_close_beats_share_a_strip_and_far_ones_do_not() -> None:
    episodes = find_episodes(made_up_beats(), [])
    assert [(episode.start_s, episode.end_s, episode.flagged) for episode in episodes] == [
        (30.5, 31.5, 2),
        (80.5, 80.5, 1),
    ]


def test_the_strip_of_a_long_episode_shows_its_highest_score() -> None:
    beats = made_up_beats(flagged_s=tuple(np.arange(20.5, 80)))
    beats.loc[beats["time_s"] == 50.5, "anomaly_score"] = 1000
    (episode,) = find_episodes(beats, [])
    strip = strip_of(episode, beats)
    assert strip.start_s < 50.5 < strip.start_s + 10
    assert "Lasts 59 s" in strip.note


def test_missing_samples_break_the_curve() -> None:
    beats, broken_mv = made_up_beats(), read_mv(0, 120)[:, 0]
    broken_mv[round(31 * RATE_HZ) :][:100] = np.nan
    signals_mv = [broken_mv, np.full_like(broken_mv, np.nan)]
    broken, missing = strip_of(find_episodes(beats, [])[0], beats, signals_mv=signals_mv).lanes
    assert broken.path.count("M") == 2
    assert len(points(broken.path)) == 2400
    assert missing.path == ""


def test_the_strip_stays_within_the_recording() -> None:
    beats = made_up_beats(duration_s=120, flagged_s=(0.5, 119.5))
    first, last = (strip_of(episode, beats) for episode in find_episodes(beats, []))
    assert (first.start_s, last.start_s) == (0.0, 110.0)


def test_fast_signals_are_thinned_without_losing_their_peaks() -> None:
    signal_mv, beats = np.zeros(120_000), made_up_beats()
    signal_mv[26_000 + 5003] = 1.5  # the strip starts at 26 s
    strip = strip_of(find_episodes(beats, [])[0], beats, signals_mv=[signal_mv], rate_hz=1000.0)
    curve = points(strip.lanes[0].path)
    assert len(curve) == 5000
    np.testing.assert_allclose(
        curve[curve[:, 1].argmin()], [MARGIN_MM + 25 * 5.003, strip.lanes[0].y_mm - 15], atol=0.01
    )


def test_of_many_episodes_events_and_the_highest_scores_are_shown() -> None:
    beats = made_up_beats(duration_s=1000, flagged_s=tuple(np.arange(10.5, 1000, 10)))
    event = Event(FIBRILLATION, 5.0, 9.0)
    chosen = choose_episodes(find_episodes(beats, [event]))
    assert len(chosen) == STRIPS
    assert chosen[0].kind == FIBRILLATION
    assert [episode.start_s for episode in chosen[1:]] == [10.5 + 10 * n for n in range(60, 99)]
    # The strip of the fibrillation has a flagged beat on it.
    assert "Shown are 41 of 100 episodes" in page(beats, (event,), samples=250_000)


def test_couplets_leave_strips_to_what_is_rare() -> None:
    couplets = [Rhythm(COUPLET, start_s, start_s + 1, 2, 60 + start_s / 100) for start_s in np.arange(20, 900, 15.0)]
    rare = [Rhythm(PAUSE, 905.0, 908.0, 2, 20.0), Rhythm(RUN, 930.0, 933.0, 6, 120.0, "V")]
    beats = made_up_beats(duration_s=1000, flagged_s=(10.5, 950.5, 970.5))
    events = [*couplets, *rare]
    chosen = choose_episodes(find_episodes(beats, events))
    assert len(chosen) == STRIPS
    assert Counter(episode.kind for episode in chosen) == {COUPLET: 35, PAUSE: 1, RUN: 1, "": 3}
    text = page(beats, tuple(events), samples=250_000)
    assert "0:15:30: run of 6 premature beats (V), 120 bpm" in text
    run, couplet, pause = kinds_of_events(events, chosen, list(map(str, range(STRIPS))))
    assert (run.count, couplet.count, pause.first) == (1, 59, "0:15:05: pause of 3.0 s")
    assert [time for _, time in run.strips] == ["0:15:30"]
    assert len(couplet.strips) == LINKS


def test_the_page_says_what_the_rhythm_is() -> None:
    rhythms = (
        Rhythm(TRIPLET, 30.5, 32.5, 3, 60.0, "V"),
        Rhythm(RUN, 60.5, 64.5, 5, 60.0, "V"),
        Rhythm(IRREGULAR, 70.0, 106.0, 36, 60.0),
    )
    summary = summarise(About("r1", RATE_HZ, LEADS, 30_000), Findings(made_up_beats(), []), rhythms=rhythms)
    assert headline(summary)[1:] == [
        "The rhythm is irregular for 30.0% of the recording: atrial fibrillation suspected from RR intervals alone.",
        "2 runs of 3 and more premature beats, the longest of 5 at 0:01:00, 60 bpm.",
    ]
    assert ("premature beats", "V 3 (90 per hour, 1 single); S 0") in facts(summary)
    assert "recorded" not in dict(facts(summary))
    assert facts({**summary, "start_time": "2024-05-02T14:03:22"})[0] == ("recorded", "2024-05-02 14:03:22")


def test_the_table_holds_the_highest_scores_first() -> None:
    beats = made_up_beats(duration_s=400, flagged_s=tuple(np.arange(0.5, 400)))
    table = flagged_table(reviewed_of(beats))
    assert len(table) == TABLE_BEATS
    assert table["time"].iloc[0] == "0:06:39"
    assert set(table["called"]) == {"like a ventricular beat"}
    assert set(table["reason"]) == {"unlike this patient's beats"}


def test_a_day_makes_a_small_figure_that_marks_each_flagged_beat() -> None:
    beats = made_up_beats(duration_s=86_400, flagged_s=tuple(np.arange(100.5, 80_000, 200)), rr_s=0.5)
    events = [Event(UNREADABLE, start_s, start_s + 5.0) for start_s in np.arange(0, 86_000, 20.0)]
    figure = overview_figure(beats, events, 86_400)
    flagged = next(trace for trace in figure.data if trace.name == "flagged")
    assert len(flagged.x) == 400
    assert max(len(trace.x) for trace in figure.data) <= 1501
    assert len(figure.layout.shapes) <= 500
    assert len(figure.to_json()) < 1_000_000


def test_no_gap_opens_between_flagged_beats_and_the_threshold() -> None:
    beats = made_up_beats(duration_s=86_400, flagged_s=tuple(np.arange(0.5, 86_400, 4)))
    figure = overview_figure(beats, [], 86_400)
    flagged = next(trace for trace in figure.data if trace.name == "flagged (lowest and highest of each 115 s)")
    scores = beats.loc[beats["flagged"], "anomaly_score"]
    drawn = 5 * np.sinh(flagged.y.astype(float))  # the axis is bent at the threshold
    assert len(drawn) == 1500
    np.testing.assert_allclose([drawn.min(), drawn.max()], [scores.min(), scores.max()], rtol=1e-3)
    np.testing.assert_allclose(np.diff(flagged.x, prepend=0, append=24), 0, atol=0.04)


def test_what_is_too_short_to_be_seen_is_not_shaded() -> None:
    rhythms = [Rhythm(COUPLET, 10.0, 11.0, 2, 60.0, "V"), Rhythm(SLOW, 50.0, 90.0, 30, 45.0)]
    figure = overview_figure(made_up_beats(), rhythms, 120)
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(50.0, 90.0)]


def test_events_are_shaded_where_they_lie() -> None:
    figure = overview_figure(made_up_beats(), [Event(UNREADABLE, 10.0, 20.0), Event(ASYSTOLE, 50.0, 56.0)], 120)
    assert sorted((shape.x0, shape.x1) for shape in figure.layout.shapes) == [(10.0, 20.0), (50.0, 56.0)]


@pytest.mark.parametrize("events", [(), (Event(UNREADABLE, 0.0, 120.0),)])
def test_a_recording_without_beats_has_a_page(events: tuple[Event, ...]) -> None:
    text = page(pd.DataFrame(columns=list(TABLE_COLUMNS)), events)
    assert "No beats were found." in text
    assert "No beat was flagged." in text
