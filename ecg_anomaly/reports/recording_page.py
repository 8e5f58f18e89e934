"""The page of an analysed recording: the whole at a glance, and what was flagged on ECG paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.findings.review import Review
from ecg_anomaly.findings.rhythms import RUN, SUSPECTED, TRIPLET
from ecg_anomaly.reports import ecg_paper, group_pictures, pages, styles
from ecg_anomaly.reports.episodes import Episode, choose_episodes, find_episodes, strips_that_show
from ecg_anomaly.reports.recording_overview import overview_figure
from ecg_anomaly.words import (
    CALLED,
    GUESS,
    UNDEFINED,
    clock,
    count_text,
    parse_start_time,
    percent,
    score_text,
    start_words,
)

TABLE_BEATS = 200
LINKS = 8  # to strips, of each kind of events


def render(reviewed: Review, plotly: str = "") -> str:
    """Make the page of a recording as it is reviewed: what is marked wrong does not count.

    ``plotly`` says where `pages.PLOTLY` lies from the page's folder; empty: within the page.
    """
    summary, beats, events = reviewed.summary, reviewed.beats, reviewed.events
    found = find_episodes(beats, events)
    chosen = choose_episodes(found)
    paper = [
        ecg_paper.draw_strip(episode, number, reviewed).in_steps() for number, episode in enumerate(chosen, start=1)
    ]
    marks = group_pictures.marks_words(reviewed)
    figure = overview_figure(beats, events, summary["duration_s"])
    return pages.page(
        "recording_page.html.jinja",
        {"overview": figure},
        plotly,
        name=summary["recording"],
        notes=summary.get("notes", []),
        headline=headline(summary),
        facts=[*facts(summary), *([("marks", marks)] if marks else [])],
        figure_height=figure.layout.height,
        episodes=len(found),
        shown=int((strips_that_show(chosen, found) >= 0).sum()) if found else 0,
        kinds=kinds_of_events(events, chosen, [strip.key for strip in paper]),
        hours=hours_table(summary),
        groups=group_pictures.pictures(reviewed, reviewed.groups),
        lane_mm=group_pictures.LANE_MM,
        strips=paper,
        paper=ecg_paper.PAPER,
        guess=GUESS,
        flagged=summary["flagged"],
        table=flagged_table(reviewed),
    )


def headline(summary: Mapping[str, Any]) -> list[str]:
    """Say what matters of a summary, most urgent first, one sentence each."""
    sentences = []
    kinds = [event["kind"] for event in summary["events"]]
    for kind in (FIBRILLATION, ASYSTOLE, TACHYCARDIA):
        firsts = [event["start_s"] for event in summary["events"] if event["kind"] == kind]
        if firsts:
            when = "at" if len(firsts) == 1 else f"{len(firsts):,} times, first at"
            sentences.append(f"{styles.EVENT_WORDS[kind].capitalize()} {when} {clock(firsts[0])}.")
    if not summary["beats"]:
        return [*sentences, "No beats were found."]
    share = percent(summary["flagged"] / summary["beats"])
    per_hour = summary["flagged_per_hour"]
    often = "" if per_hour is None else f", {score_text(per_hour)} per hour that can be read"
    sentences.append(f"{summary['flagged']:,} of {count_text(summary['beats'], 'beat')} flagged ({share}){often}.")
    sentences += _rhythm_sentences(summary["rhythm"])
    if UNREADABLE in kinds or summary["unreadable_share"]:
        sentences.append(f"{percent(summary['unreadable_share'])} of the recording cannot be read, and is not judged.")
    return sentences


def _rhythm_sentences(figures: Mapping[str, Any]) -> list[str]:
    """Say what matters of the rhythm."""
    sentences = []
    if figures["irregular_share"]:
        share, left_out = percent(figures["irregular_share"]), figures["early_in_irregular"]
        sentences.append(f"The rhythm is irregular for {share} of the recording: {SUSPECTED}.")
        if left_out:
            beats = count_text(left_out, "flagged beat")
            sentences.append(f"There, {beats} called S {'counts' if left_out == 1 else 'count'} as no premature beat.")
    runs = [rhythm for rhythm in figures["rhythms"] if rhythm["kind"] in (RUN, TRIPLET)]
    if runs:
        longest = max(runs, key=lambda run: run["beats"])
        sentences.append(
            f"{count_text(len(runs), 'run')} of 3 and more premature beats, the longest of {longest['beats']:,} at "
            f"{clock(longest['start_s'])}, {longest['rate_bpm']:.0f} bpm."
        )
    return sentences


@dataclass(frozen=True)
class KindOfEvents:
    """A row of the list of events and rhythms."""

    name: str
    count: int
    lasts_s: float  # in all
    first: str  # when it starts and what it is
    strips: list[tuple[str, str]]  # that show some: key, and when the event starts
    colour: str


def kinds_of_events(events: Sequence[Event], chosen: Sequence[Episode], keys: Sequence[str]) -> list[KindOfEvents]:
    """List the kinds of events and rhythms that there are, most urgent first; a strip has a key for each chosen one."""
    kinds = []
    for kind, name in styles.EVENT_WORDS.items():
        its = [event for event in events if event.kind == kind]
        if its:
            shown = np.full(len(its), -1)
            if kind != UNREADABLE:
                shown = strips_that_show(chosen, list(map(Episode.of, its)))
            links = [(keys[shown[row]], clock(its[row].start_s)) for row in np.flatnonzero(shown >= 0)[:LINKS]]
            lasts_s = sum(event.end_s - event.start_s for event in its)
            first = f"{clock(its[0].start_s)}: {styles.event_words(its[0])}"
            kinds.append(KindOfEvents(name, len(its), lasts_s, first, links, styles.EVENT_COLOURS[kind]))
    return kinds


def hours_table(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Tabulate what each hour holds, as text; no rows where there is only one."""
    hours = summary["rhythm"]["hours"]
    rows = [
        {
            "from": clock(hour["hour"] * 3600),
            **{name: f"{hour[name]:,}" for name in ("beats", "flagged", "V", "S")},
            "mean bpm": score_text(hour["mean_bpm"]),
            "lowest": score_text(hour["lowest_bpm"]),
            "highest": score_text(hour["highest_bpm"]),
        }
        for hour in hours
    ]
    return pd.DataFrame(rows if len(rows) > 1 else [])


def flagged_table(reviewed: Review, count: int = TABLE_BEATS) -> pd.DataFrame:
    """Tabulate the flagged beats with the highest scores, as text, the highest first."""
    flagged = reviewed.beats[reviewed.beats["flagged"].to_numpy(dtype=bool)]
    marked = {"mark": ("mark", str)} if flagged["mark"].any() else {}
    columns: pages.Columns = {
        "time": ("time_s", clock),
        **pages.SCORE_AND_THRESHOLD,
        "called": ("called", CALLED.__getitem__),
        "reason": ("reason", styles.question),
        "group": ("group", group_pictures.names_of(reviewed).__getitem__),
        **marked,
        **pages.RR_INTERVALS,
    }
    return pages.as_text(flagged.sort_values("anomaly_score", ascending=False, kind="stable").head(count), columns)


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the facts of a summary, each as a term and its words."""
    rate = summary["heart_rate_bpm"]
    heart_rate = (
        "{median:.0f} bpm (median), {lowest:.0f} to {highest:.0f}".format(**rate) if rate["median"] else UNDEFINED
    )
    longest = summary["rhythm"]["longest_rr"]
    called = "; ".join(f"{CALLED[name]} {count:,}" for name, count in summary["called"].items())
    reasons = "; ".join(f"{styles.question(reason)} {count:,}" for reason, count in summary["reasons"].items())
    start_time = summary["start_time"]
    return [
        *([("recorded", start_words(parse_start_time(start_time)))] if start_time else []),
        ("duration", clock(summary["duration_s"])),
        ("leads", ", ".join(summary["leads"])),
        ("sampling rate", f"{summary['sampling_rate_hz']:g} Hz"),
        ("heart rate", heart_rate),
        ("longest RR interval", f"{longest['rr_s']:.2f} s at {clock(longest['at_s'])}" if longest else UNDEFINED),
        ("premature beats", _premature_words(summary["rhythm"])),
        ("flagged beats", called or UNDEFINED),
        ("flagged for", reasons or UNDEFINED),
    ]


def _premature_words(figures: Mapping[str, Any]) -> str:
    """Count premature beats by what they are called: ``V 12 (24 per hour, 8 single); S 0``."""
    words = []
    for name, counts in figures["premature"].items():
        per_hour = "" if counts["per_hour"] is None else f"{score_text(counts['per_hour'])} per hour, "
        words.append(
            f"{name} {counts['beats']:,}" + (f" ({per_hour}{counts['single']:,} single)" if counts["beats"] else "")
        )
    return "; ".join(words)
