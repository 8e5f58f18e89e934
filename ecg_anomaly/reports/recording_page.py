"""The page of an analysed recording: the whole at a glance, and what was flagged on ECG paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ecg_anomaly.beats.events import ASYSTOLE, FIBRILLATION, UNREADABLE, Event
from ecg_anomaly.reports import ecg_paper, styles
from ecg_anomaly.reports.ecg_paper import ReadMillivolts
from ecg_anomaly.reports.pages import environment, figures_json
from ecg_anomaly.reports.recording_overview import overview_figure
from ecg_anomaly.words import UNDEFINED, clock, count_text, percent, score_text

TABLE_BEATS = 200

_TEMPLATE = "recording_page.html.jinja"


def render(summary: Mapping[str, Any], beats: pd.DataFrame, events: Sequence[Event], read_mv: ReadMillivolts) -> str:
    """Make the page.

    Parameters
    ----------
    summary
        What `findings.summary.summary` says of the recording; ``notes``, if there are any, are shown too.
    beats, events
        What was found, as in `stream.Findings`.
    read_mv
        Gives the signals between two times in seconds, in millivolts: shape ``(samples, leads)``, NaN where samples
        are missing. It is asked for stretches in order of time.

    Returns
    -------
    str
        HTML that fetches nothing: style, scripts and data are inside.
    """
    duration_s = summary["duration_s"]
    found = ecg_paper.find_episodes(beats, events)
    paper = [
        ecg_paper.draw_strip(episode, number, summary, beats, events, read_mv)
        for number, episode in enumerate(ecg_paper.choose_episodes(found), start=1)
    ]
    figure = overview_figure(beats, events, duration_s)
    return (
        environment()
        .get_template(_TEMPLATE)
        .render(
            name=summary["recording"],
            notes=summary.get("notes", []),
            headline=headline(summary),
            facts=facts(summary),
            figures=figures_json({"overview": figure}),
            figure_height=figure.layout.height,
            episodes=len(found),
            strips=paper,
            paper=ecg_paper.PAPER,
            flagged=summary["flagged"],
            table=flagged_table(beats),
            plotly=Markup(get_plotlyjs()),
        )
    )


def headline(summary: Mapping[str, Any]) -> list[str]:
    """Say what matters of a summary, most urgent first, one sentence each."""
    sentences = []
    kinds = [event["kind"] for event in summary["events"]]
    for kind in (FIBRILLATION, ASYSTOLE):
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
    flagged = beats[beats["flagged"].to_numpy(dtype=bool)].astype({"anomaly_score": float})
    top = flagged.sort_values("anomaly_score", ascending=False, kind="stable").head(count)
    columns = {
        "time": top["time_s"].map(clock),
        styles.SCORE: top["anomaly_score"].map(score_text),
        "threshold": top["threshold"].map(score_text),
        "reason": top["reason"].map(styles.question),
        "RR before (s)": top["rr_before_s"].map(_seconds),
        "RR after (s)": top["rr_after_s"].map(_seconds),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the facts of a summary, each as a term and its words."""
    rate = summary["heart_rate_bpm"]
    reasons = "; ".join(f"{styles.question(reason)} {count:,}" for reason, count in summary["reasons"].items())
    return [
        ("duration", clock(summary["duration_s"])),
        ("leads", ", ".join(summary["leads"])),
        ("sampling rate", f"{summary['sampling_rate_hz']:g} Hz"),
        (
            "heart rate",
            f"{rate['median']:.0f} bpm (median), {rate['lowest']:.0f} to {rate['highest']:.0f}"
            if rate["median"]
            else UNDEFINED,
        ),
        ("flagged for", reasons or UNDEFINED),
    ]


def _seconds(interval_s: float) -> str:
    return UNDEFINED if pd.isna(interval_s) else f"{interval_s:.2f}"
