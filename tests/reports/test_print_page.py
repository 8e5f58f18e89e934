"""The page to print: what it says, and that it never grows beyond its sheets."""

import re
from datetime import datetime, timezone

import numpy as np
import pytest

from ecg_anomaly.beats.events import ASYSTOLE, Event
from ecg_anomaly.findings.marks import RIGHT, WRONG, Action, marks_of
from ecg_anomaly.reports.print_page import MOST_CHARACTERS, SHEETS, pack, render
from ecg_anomaly.reports.print_parts import Block, who_marked
from tests.reports.reviews import RATE_HZ, made_up_beats, reviewed_of

MODEL = "a model of tests"


def action(rows, mark, by="Ada", hour=9):
    return Action(tuple(rows), mark, "a group", by, datetime(2026, 3, 1, hour, tzinfo=timezone.utc))


def page(beats=None, actions=(), **more):
    beats = made_up_beats() if beats is None else beats
    return render(reviewed_of(beats, marks=marks_of(actions), **more), actions, MODEL)


def text_of(html):
    return " ".join(re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL).split())


def test_it_says_what_was_found_and_with_what():
    text = text_of(page(events=(Event(ASYSTOLE, 50.5, 56.5),)))
    for said in ("3 of 120 beats flagged", MODEL, "threshold 5 of the anomaly score", "nobody has marked a beat"):
        assert said in text
    for heading in ("Hour by hour", "RR intervals", "Groups of alike beats", "Events and rhythms", "On ECG paper"):
        assert heading in text
    sheets = text.count("Research software: not a diagnosis")
    assert sheets == text.count(f"of {sheets} ") <= SHEETS


def test_what_is_marked_wrong_does_not_count():
    beats = made_up_beats()
    first, second, third = np.flatnonzero(beats["flagged"])
    text = text_of(page(beats, [action([first, second], WRONG), action([third], RIGHT, "Bo", 10)]))
    assert "1 of 120 beats flagged" in text
    assert "1 right, 2 wrong (these do not count)" in text
    assert "From 0:00:00: 1 marked right" in text
    assert re.search(r"Ada 0 2 1 2026-0\d", text)
    assert re.search(r"Bo 1 0 1 2026-0\d", text)


def test_who_marked_counts_the_last_mark_of_a_beat():
    actions = [action([1, 2, 3], RIGHT), action([3], WRONG, "Bo", 10), action([4], RIGHT, hour=11)]
    ada, bo = who_marked(actions)
    assert (ada["who"], ada[RIGHT], ada[WRONG], ada["actions"]) == ("Ada", "3", "0", "2")
    assert (bo["who"], bo[RIGHT], bo[WRONG], bo["actions"]) == ("Bo", "0", "1", "1")
    assert ada["first"] < bo["first"] < ada["last"]


def test_blocks_stay_whole_and_a_title_stays_with_what_follows():
    blocks = [Block("strip", 100, 1), Block("strip", 100, 2), Block("title", 10, 3), Block("strip", 100, 4)]
    assert [[block.content for block in sheet] for sheet in pack(blocks)] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("marked", [False, True])
def test_a_long_recording_is_cut_to_its_sheets_and_says_so(marked):
    duration_s = 3 * 3600
    beats = made_up_beats(duration_s, flagged_s=tuple(np.arange(100.5, duration_s - 100, 20)))
    rows = np.flatnonzero(beats["flagged"])
    html = page(beats, [action(rows.tolist(), RIGHT)] if marked else [], samples=int(duration_s * RATE_HZ))
    assert html.count('class="page"') == SHEETS
    assert len(html) < MOST_CHARACTERS
    assert re.search(r"\d+ of 530 episodes", text_of(html))
    assert ("the hours from" in html) == marked


@pytest.mark.parametrize("seconds", [1, 30])
def test_a_recording_without_beats_has_a_page(seconds):
    text = text_of(page(made_up_beats().head(0), samples=int(seconds * RATE_HZ)))
    assert "No beats were found." in text
    assert "There is no event, and no beat is flagged." in text


def test_names_from_outside_are_text():
    html = page(name="<script>x</script>", actions=[action([1], RIGHT, "<b>me</b>")])
    assert "<script>x" not in html
    assert "<b>me" not in html


def test_a_browser_prints_it_to_scale_and_cuts_nothing(browser, tmp_path):
    duration_s = 3 * 3600
    beats = made_up_beats(duration_s, flagged_s=tuple(np.arange(100.5, duration_s - 100, 20)))
    actions = [action(np.flatnonzero(beats["flagged"]).tolist(), RIGHT)]
    (tmp_path / "page.html").write_text(page(beats, actions, samples=int(duration_s * RATE_HZ)), encoding="utf-8")
    opened = browser.new_page(color_scheme="dark")
    opened.goto((tmp_path / "page.html").as_uri())
    assert opened.locator("#print").is_visible()
    printed = opened.pdf(prefer_css_page_size=True)
    opened.emulate_media(media="print")
    assert not opened.locator("#print").is_visible()
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    heights, widths = (
        opened.evaluate(f"[...document.querySelectorAll('{which}')].map(it => it.getBoundingClientRect().{side})")
        for which, side in ((".page", "height"), ("svg[data-start]", "width"))
    )
    opened.close()
    assert len(re.findall(rb"/Type /Page\b", printed)) == len(heights) == SHEETS
    px_per_mm = 96 / 25.4
    assert max(heights) <= (297 - 2 * 9) * px_per_mm
    np.testing.assert_allclose(widths, 190 * px_per_mm, atol=0.1)  # a pulse, and 7 s of 25 mm
