"""The page of an analysed recording: the whole at a glance, and what was flagged on ECG paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import ecg_paper, pages, styles
from ecg_anomaly.reports.recording_overview import overview_figure
from ecg_anomaly.words import CALLED, GUESS, UNDEFINED, clock, count_text, percent, score_text

TABLE_BEATS = 200


def render(reviewed: Review, plotly: str = "") -> str:
    """Make the page of a recording as it is reviewed: what is marked wrong does not count.

    ``plotly`` says where `pages.PLOTLY` lies from the page's folder; empty: within the page.
    """
    summary, beats, events = reviewed.summary, reviewed.beats, reviewed.stored.events
    found = ecg_paper.find_episodes(beats, events)
    paper = [
        ecg_paper.draw_strip(episode, number, summary, beats, events, reviewed.stored.read_mv)
        for number, episode in enumerate(ecg_paper.choose_episodes(found), start=1)
    ]
    figure = overview_figure(beats, events, summary["duration_s"])
    return pages.page(
        "recording_page.html.jinja",
        {"overview": figure},
        plotly,
        name=summary["recording"],
        notes=summary.get("notes", []),
        headline=headline(summary),
        facts=facts(summary),
        figure_height=figure.layout.height,
        episodes=len(found),
        strips=paper,
        paper=ecg_paper.PAPER,
        guess=GUESS,
        flagged=summary["flagged"],
        table=flagged_table(beats),
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
    run = summary["longest_run"]
    if run and run["count"] > 1:
        sentences.append(f"The longest run is {run['count']:,} flagged beats in a row, at {clock(run['start_s'])}.")
    if UNREADABLE in kinds or summary["unreadable_share"]:
        sentences.append(f"{percent(summary['unreadable_share'])} of the recording cannot be read, and is not judged.")
    return sentences


def flagged_table(beats: pd.DataFrame, count: int = TABLE_BEATS) -> pd.DataFrame:
    """Tabulate the flagged beats with the highest scores, as text, the highest first."""
    flagged = beats[beats["flagged"].to_numpy(dtype=bool)]
    columns: pages.Columns = {
        "time": ("time_s", clock),
        **pages.SCORE_AND_THRESHOLD,
        "called": ("called", CALLED.__getitem__),
        "reason": ("reason", styles.question),
        **pages.RR_INTERVALS,
    }
    return pages.as_text(flagged.sort_values("anomaly_score", ascending=False, kind="stable").head(count), columns)


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the facts of a summary, each as a term and its words."""
    rate = summary["heart_rate_bpm"]
    heart_rate = (
        "{median:.0f} bpm (median), {lowest:.0f} to {highest:.0f}".format(**rate) if rate["median"] else UNDEFINED
    )
    called = "; ".join(f"{CALLED[name]} {count:,}" for name, count in summary["called"].items())
    reasons = "; ".join(f"{styles.question(reason)} {count:,}" for reason, count in summary["reasons"].items())
    return [
        ("duration", clock(summary["duration_s"])),
        ("leads", ", ".join(summary["leads"])),
        ("sampling rate", f"{summary['sampling_rate_hz']:g} Hz"),
        ("heart rate", heart_rate),
        ("flagged beats", called or UNDEFINED),
        ("flagged for", reasons or UNDEFINED),
    ]
