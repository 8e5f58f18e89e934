"""The page of an analysed recording: the whole at a glance, and what was flagged on ECG paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from ecg_anomaly.analysis.events import ASYSTOLE, FIBRILLATION, UNREADABLE, Event
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.figure_data import ScoreAxis, time_axis
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.reports.report import UNDEFINED, percent

STRIPS = 40
TABLE_BEATS = 200
MM_PER_S, MM_PER_MV = 25.0, 10.0

_TEMPLATE = "recording_page.html.jinja"
_STRIP_S = 10.0  # what a strip of the usual standard ECG shows
_CLOSE_S = 4.0  # flagged beats no farther apart are one episode: a strip would show both
_POINTS = 1500  # of a curve over the whole recording: more than a screen has room for
_SHADES = 500  # side by side over the whole recording: narrower ones are not seen
_MARKED_BEATS = 5000  # flagged beats drawn one by one over the whole recording, the highest scores
_STRIP_RATE_HZ = 250  # pairs of points a second on paper, 0.1 mm apart: a pen is wider
_MARGIN_MM = 15.0  # left of the signal, for the calibration pulse
_MARKS_MM = 10.0  # above the leads, for the marks of flagged beats
_TIMES_MM = 5.0  # below the leads, for the time
_LANE_MM = (20.0, 60.0)  # least and greatest height of a lead
_EVENT_COLOURS = {ASYSTOLE: styles.BLUE, FIBRILLATION: styles.PURPLE, UNREADABLE: styles.GREY}
_EVENT_WORDS = {
    ASYSTOLE: "asystole (no beats)",
    FIBRILLATION: "ventricular flutter or fibrillation",
    UNREADABLE: "cannot be read",
}
_SHORT_REASONS = {"reconstruction": "shape", "patient": "unlike own"}  # a beat on paper has room for so much

ReadMillivolts = Callable[[float, float], np.ndarray]


@dataclass(frozen=True)
class Episode:
    """What one strip shows: flagged beats that follow each other closely, or an event.

    Attributes
    ----------
    start_s, end_s
        From the first to the last of its beats, or of the event.
    centre_s
        What must be on the strip, however long the episode is: its highest score, or the start of the event.
    kind
        The event's; empty for flagged beats.
    flagged
        Number of flagged beats.
    score
        The highest.
    """

    start_s: float
    end_s: float
    centre_s: float
    kind: str
    flagged: int
    score: float


@dataclass(frozen=True)
class Lane:
    """One lead on paper; ``y_mm`` is its zero line, ``path`` an SVG path in millimetres."""

    name: str
    top_mm: float
    height_mm: float
    y_mm: float
    path: str


@dataclass(frozen=True)
class Mark:
    """A flagged beat on paper: ``row`` keeps the words of close beats apart."""

    x_mm: float
    row: int
    word: str
    words: str


@dataclass(frozen=True)
class Strip:
    """An episode on paper, in millimetres from its upper left corner."""

    key: str
    title: str
    note: str
    start_s: float
    width_mm: float
    height_mm: float
    lanes: list[Lane]
    marks: list[Mark]
    shades: list[tuple[float, float, str]]  # left, width and kind of an event
    times: list[tuple[float, str]]


def render(told: Mapping[str, Any], beats: pd.DataFrame, events: Sequence[Event], read_mv: ReadMillivolts) -> str:
    """Make the page.

    Parameters
    ----------
    told
        What `results.summary` tells of the recording; ``notes``, if there are any, are shown too.
    beats, events
        What was found, as in `streaming.Findings`.
    read_mv
        Gives the signals between two times in seconds, in millivolts: shape ``(samples, leads)``, NaN where samples
        are missing. It is asked for stretches in order of time.

    Returns
    -------
    str
        HTML that fetches nothing: style, scripts and data are inside.
    """
    duration_s = told["duration_s"]
    found = find_episodes(beats, events)
    paper = [
        draw_strip(episode, number, told, beats, events, read_mv)
        for number, episode in enumerate(choose_episodes(found), start=1)
    ]
    figure = overview_figure(beats, events, duration_s)
    return (
        environment()
        .get_template(_TEMPLATE)
        .render(
            name=told["recording"],
            notes=told.get("notes", []),
            headline=headline(told),
            facts=_facts(told),
            figure=Markup(figure.to_json().replace("<", "\\u003c")),  # within a script only "<" could end it
            figure_height=figure.layout.height,
            episodes=len(found),
            strips=paper,
            margin_mm=_MARGIN_MM,
            marks_mm=_MARKS_MM,
            mm_per_s=MM_PER_S,
            mm_per_mv=MM_PER_MV,
            colours=_EVENT_COLOURS,
            flagged=told["flagged"],
            table=flagged_table(beats),
            plotly=Markup(get_plotlyjs()),
        )
    )


def headline(told: Mapping[str, Any]) -> list[str]:
    """Say what matters of a summary, most urgent first, one sentence each."""
    sentences = []
    kinds = [event["kind"] for event in told["events"]]
    for kind in (FIBRILLATION, ASYSTOLE):
        firsts = [event["start_s"] for event in told["events"] if event["kind"] == kind]
        if firsts:
            when = "at" if len(firsts) == 1 else f"{len(firsts):,} times, first at"
            sentences.append(f"{_EVENT_WORDS[kind].capitalize()} {when} {styles.clock(firsts[0])}.")
    if not told["beats"]:
        return [*sentences, "No beats were found."]
    share = percent(told["flagged"] / told["beats"])
    per_hour = told["flagged_per_hour"]
    often = "" if per_hour is None else f", {styles.score_text(per_hour)} per hour that can be read"
    sentences.append(f"{told['flagged']:,} of {styles.count_text(told['beats'], 'beat')} flagged ({share}){often}.")
    run = told["longest_run"]
    if run and run["count"] > 1:
        sentences.append(
            f"The longest run is {run['count']:,} flagged beats in a row, at {styles.clock(run['start_s'])}."
        )
    if UNREADABLE in kinds or told["unreadable_share"]:
        sentences.append(f"{percent(told['unreadable_share'])} of the recording cannot be read, and is not judged.")
    return sentences


def find_episodes(beats: pd.DataFrame, events: Sequence[Event]) -> list[Episode]:
    """Merge flagged beats that follow each other closely, and add events but unreadable ones; ordered by start."""
    flagged = beats[beats["flagged"].to_numpy(dtype=bool)]
    numbers = (flagged["time_s"].astype(float).diff() > _CLOSE_S).cumsum()
    episodes = []
    for _, group in flagged.groupby(numbers):
        times_s, scores = group["time_s"].to_numpy(dtype=float), group["anomaly_score"].to_numpy(dtype=float)
        highest = int(scores.argmax())
        episodes.append(Episode(times_s[0], times_s[-1], times_s[highest], "", len(group), float(scores[highest])))
    episodes += [
        Episode(event.start_s, event.end_s, event.start_s + _STRIP_S / 4, event.kind, 0, np.inf)
        for event in events
        if event.kind != UNREADABLE
    ]
    return sorted(episodes, key=lambda episode: episode.start_s)


def choose_episodes(episodes: Sequence[Episode], count: int = STRIPS) -> list[Episode]:
    """Choose the episodes to show, events first, then the highest scores; in order of time."""
    chosen = sorted(episodes, key=lambda episode: -episode.score)[:count]
    return sorted(chosen, key=lambda episode: (_strip_start_s(episode), episode.start_s))


def flagged_table(beats: pd.DataFrame, count: int = TABLE_BEATS) -> pd.DataFrame:
    """Tabulate the flagged beats with the highest scores, as text, the highest first."""
    flagged = beats[beats["flagged"].to_numpy(dtype=bool)].astype({"anomaly_score": float})
    top = flagged.sort_values("anomaly_score", ascending=False, kind="stable").head(count)
    columns = {
        "time": top["time_s"].map(styles.clock),
        styles.SCORE: top["anomaly_score"].map(styles.score_text),
        "threshold": top["threshold"].map(styles.score_text),
        "reason": top["reason"].map(styles.question),
        "RR before (s)": top["rr_before_s"].map(_seconds),
        "RR after (s)": top["rr_after_s"].map(_seconds),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def overview_figure(beats: pd.DataFrame, events: Sequence[Event], duration_s: float) -> go.Figure:
    """Draw heart rate and anomaly score over the whole recording, with events shaded.

    A long recording is cut into many short stretches: the heart rate is the median of each, between the lowest and the
    highest, and of the scores that are not flagged the highest of each is drawn.
    """
    unit = time_axis(np.array([duration_s]))[1]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    _add_heart_rate(figure, beats, duration_s, unit)
    _add_scores(figure, beats, duration_s, unit)
    _add_events(figure, events, duration_s, unit)
    end = float(time_axis(np.array([duration_s]), unit)[0][0])
    figure.update_xaxes(range=[0, end])
    figure.update_xaxes(title=f"time from the start of the recording ({unit})", row=2)
    figure.update_layout(
        template="none",
        height=520,
        margin={"l": 62, "r": 14, "t": 70, "b": 52},
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 0.94, "x": 0},
    )
    return figure


def draw_strip(
    episode: Episode,
    number: int,
    told: Mapping[str, Any],
    beats: pd.DataFrame,
    events: Sequence[Event],
    read_mv: ReadMillivolts,
) -> Strip:
    """Draw an episode on ECG paper, 25 mm for a second and 10 mm for a millivolt; arguments as for `render`."""
    duration_s, sampling_rate_hz = told["duration_s"], told["sampling_rate_hz"]
    start_s = min(_strip_start_s(episode), max(0.0, np.floor(duration_s - _STRIP_S)))
    end_s = min(start_s + _STRIP_S, duration_s)
    signals_mv = read_mv(start_s, end_s)
    # The first sample need not stand at the start exactly.
    offset_s = round(start_s * sampling_rate_hz) / sampling_rate_hz - start_s
    lanes = _lanes(signals_mv, told["leads"], offset_s, sampling_rate_hz)
    seconds = np.arange(0, end_s - start_s + 1e-9)
    return Strip(
        key=f"strip-{number}",
        title=_title(episode),
        note=_note(episode, start_s, end_s),
        start_s=start_s,
        width_mm=_MARGIN_MM + MM_PER_S * (end_s - start_s),
        height_mm=_MARKS_MM + sum(lane.height_mm for lane in lanes) + _TIMES_MM,
        lanes=lanes,
        marks=_marks(beats, start_s, end_s),
        shades=_shades(events, start_s, end_s),
        times=[(_x_mm(second), styles.clock(start_s + second)) for second in seconds[::2]],
    )


def _strip_start_s(episode: Episode) -> float:
    """Let a strip start on a whole second, so that the lines of the paper are those of the clock."""
    if episode.end_s - episode.start_s < _STRIP_S - 2:
        centre_s = (episode.start_s + episode.end_s) / 2
    else:
        centre_s = episode.centre_s
    return max(0.0, float(np.round(centre_s - _STRIP_S / 2)))


def _lanes(signals_mv: np.ndarray, leads: Sequence[str], offset_s: float, sampling_rate_hz: float) -> list[Lane]:
    lanes: list[Lane] = []
    top_mm = _MARKS_MM
    for lead, lead_mv in zip(leads, signals_mv.T, strict=True):
        y_mm = -MM_PER_MV * lead_mv.astype(float)
        valid = y_mm[np.isfinite(y_mm)]
        low, middle, high = (valid.min(), np.median(valid), valid.max()) if len(valid) else (0.0, 0.0, 0.0)
        above = _whole_squares(middle - low)
        height_mm = above + _whole_squares(high - middle)
        zero_mm = top_mm + above
        path = _path(
            _x_mm(offset_s + np.arange(len(y_mm)) / sampling_rate_hz), zero_mm + y_mm - middle, sampling_rate_hz
        )
        lanes.append(Lane(lead, top_mm, height_mm, zero_mm, path))
        top_mm += height_mm
    return lanes


def _whole_squares(size_mm: float) -> float:
    """Room on one side of the zero line, in squares of 5 mm, so that the lines of all leads are those of the paper."""
    least_mm, greatest_mm = (limit / 2 for limit in _LANE_MM)
    return float(np.clip(5 * np.ceil((size_mm + 1) / 5), least_mm, greatest_mm))


def _x_mm(seconds: Any) -> Any:
    return _MARGIN_MM + MM_PER_S * seconds


def _path(x_mm: np.ndarray, y_mm: np.ndarray, sampling_rate_hz: float) -> str:
    """Write a curve as an SVG path that breaks where samples are missing."""
    kept = _extremes(y_mm, math.ceil(sampling_rate_hz / _STRIP_RATE_HZ))
    x_mm, y_mm = x_mm[kept], y_mm[kept]
    present = np.isfinite(y_mm)
    starts = present & ~np.append(False, present[:-1])
    return "".join(
        f"{'M' if begins else 'L'}{x:.2f} {y:.2f}"
        for x, y, begins in zip(x_mm[present], y_mm[present], starts[present], strict=True)
    )


def _extremes(values: np.ndarray, width: int) -> np.ndarray:
    """Find the lowest and the highest of every ``width`` values, or take all if that keeps no fewer."""
    if width <= 2:
        return np.arange(len(values))
    whole = len(values) - len(values) % width
    parts = values[:whole].reshape(-1, width)  # where a value is missing, argmin and argmax are there
    starts = np.arange(0, whole, width)
    pairs = np.stack([starts + parts.argmin(axis=1), starts + parts.argmax(axis=1)], axis=1)
    return np.concatenate([np.sort(pairs, axis=1).ravel(), np.arange(whole, len(values))])


def _marks(beats: pd.DataFrame, start_s: float, end_s: float) -> list[Mark]:
    time_s = beats["time_s"].to_numpy(dtype=float)
    shown = beats[beats["flagged"].to_numpy(dtype=bool) & (time_s >= start_s) & (time_s < end_s)]
    words = _beat_words(shown)
    return [
        Mark(_x_mm(beat_s - start_s), number % 2, _SHORT_REASONS.get(reason, reason), words[number])
        for number, (beat_s, reason) in enumerate(zip(shown["time_s"], shown["reason"], strict=True))
    ]


def _shades(events: Sequence[Event], start_s: float, end_s: float) -> list[tuple[float, float, str]]:
    return [
        (
            _x_mm(max(event.start_s, start_s) - start_s),
            MM_PER_S * (min(event.end_s, end_s) - max(event.start_s, start_s)),
            event.kind,
        )
        for event in events
        if event.start_s < end_s and event.end_s > start_s
    ]


def _title(episode: Episode) -> str:
    if episode.kind:
        return f"{styles.clock(episode.start_s)}: {_EVENT_WORDS[episode.kind]}"
    beats = styles.count_text(episode.flagged, "flagged beat")
    return f"{styles.clock(episode.start_s)}: {beats}, {styles.SCORE} up to {styles.score_text(episode.score)}"


def _note(episode: Episode, start_s: float, end_s: float) -> str:
    if episode.start_s >= start_s and episode.end_s <= end_s:
        return ""
    length_s = episode.end_s - episode.start_s
    return f"Lasts {length_s:.0f} s, until {styles.clock(episode.end_s)}; the strip shows {end_s - start_s:.0f} s."


def _facts(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    rate = told["heart_rate_bpm"]
    reasons = "; ".join(f"{styles.question(reason)} {count:,}" for reason, count in told["reasons"].items())
    return [
        ("duration", styles.clock(told["duration_s"])),
        ("leads", ", ".join(told["leads"])),
        ("sampling rate", f"{told['sampling_rate_hz']:g} Hz"),
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


def _stretches(times_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Give each beat the number of its stretch; where there are few, each is one of its own."""
    if len(times_s) <= _POINTS:
        return np.arange(len(times_s))
    return (times_s * (_POINTS / duration_s)).astype(int)


def _add_heart_rate(figure: go.Figure, beats: pd.DataFrame, duration_s: float, unit: str) -> None:
    rr_s = beats["rr_before_s"].astype(float)
    known = beats[beats["readable"].to_numpy(dtype=bool) & (rr_s > 0).to_numpy()]
    table = pd.DataFrame({"time_s": known["time_s"].astype(float), "bpm": 60 / known["rr_before_s"].astype(float)})
    grouped = table.groupby(_stretches(table["time_s"].to_numpy(), duration_s))
    times = time_axis(grouped["time_s"].mean().to_numpy(), unit)[0].round(5)
    if len(table) > len(times):
        for values, fill in ((grouped["bpm"].min(), None), (grouped["bpm"].max(), "tonexty")):
            figure.add_scatter(
                x=times,
                y=values.to_numpy().astype(np.float32),
                mode="lines",
                name="lowest to highest",
                showlegend=fill is not None,
                line={"width": 0, "color": styles.SKY},
                fill=fill,
                fillcolor="rgba(86, 180, 233, 0.35)",
                hoverinfo="skip",
                row=1,
                col=1,
            )
    figure.add_scatter(
        x=times,
        y=grouped["bpm"].median().to_numpy().astype(np.float32),
        mode="lines",
        name="heart rate",
        line={"width": 1.2, "color": styles.BLUE},
        hovertemplate="%{y:.0f} bpm<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_yaxes(title="heart rate (bpm)", rangemode="tozero", row=1)


def _add_scores(figure: go.Figure, beats: pd.DataFrame, duration_s: float, unit: str) -> None:
    judged = beats[beats["readable"].to_numpy(dtype=bool)].astype({"anomaly_score": float, "threshold": float})
    flagged = judged["flagged"].to_numpy(dtype=bool)
    axis = ScoreAxis(max(1.0, float(judged["threshold"].median()) if len(judged) else 1.0))
    others, stretch = judged[~flagged], _stretches(judged.loc[~flagged, "time_s"].to_numpy(dtype=float), duration_s)
    highest = others.loc[others.groupby(stretch)["anomaly_score"].idxmax()] if len(others) else others
    marked = judged[flagged].nlargest(_MARKED_BEATS, "anomaly_score").sort_values("time_s")
    for beat_rows, name, sign, size in (
        (highest, "not flagged", styles.OUTCOMES[styles.NOT_FLAGGED], 3),
        (marked, "flagged", styles.OUTCOMES[styles.FOUND], 8),
    ):
        figure.add_scatter(
            x=time_axis(beat_rows["time_s"].to_numpy(dtype=float), unit)[0].round(5),
            y=axis.position(beat_rows["anomaly_score"].to_numpy()).astype(np.float32),
            mode="markers",
            name=name,
            marker={"symbol": sign.symbol, "color": sign.colour, "size": size},
            text=_beat_words(beat_rows),
            hovertemplate="%{text}<extra></extra>",
            row=2,
            col=1,
        )
    figure.add_scatter(
        x=time_axis(highest["time_s"].to_numpy(dtype=float), unit)[0].round(5),
        y=axis.position(highest["threshold"].to_numpy()).astype(np.float32),
        mode="lines",
        name="threshold",
        line={"dash": "dash", "width": 1.5, "color": styles.ORANGE},
        hoverinfo="skip",
        row=2,
        col=1,
    )
    reach = float(judged["anomaly_score"].max()) if len(judged) else axis.unit
    ticks = axis.ticks(0.0, max(reach, axis.unit), 6)
    labels = [styles.score_text(tick) for tick in ticks]
    figure.update_yaxes(title=styles.SCORE, tickvals=axis.position(ticks), ticktext=labels, row=2)


def _beat_words(beats: pd.DataFrame) -> list[str]:
    return [
        f"{styles.clock(time_s)}: {styles.SCORE} {styles.score_text(score)}"
        + (f", {styles.question(reason)}" if reason else "")
        for time_s, score, reason in zip(beats["time_s"], beats["anomaly_score"], beats["reason"], strict=True)
    ]


def _add_events(figure: go.Figure, events: Sequence[Event], duration_s: float, unit: str) -> None:
    """Shade events over both plots; each kind has an empty curve so that it stands in the legend."""
    shapes = []
    for kind, colour in _EVENT_COLOURS.items():
        spans = _visible_spans([event for event in events if event.kind == kind], duration_s)
        if not spans:
            continue
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=_EVENT_WORDS[kind],
            marker={"symbol": "square", "size": 12, "color": colour, "opacity": 0.4},
        )
        look = {"type": "rect", "fillcolor": colour, "opacity": 0.3, "line": {"width": 0}, "layer": "below"}
        starts, ends = (time_axis(np.array(times_s), unit)[0].tolist() for times_s in zip(*spans, strict=True))
        shapes += [
            {**look, "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1}
            for start, end in zip(starts, ends, strict=True)
        ]
    figure.update_layout(shapes=shapes)  # all at once: Plotly checks the whole list each time


def _visible_spans(events: Sequence[Event], duration_s: float) -> list[tuple[float, float]]:
    """Merge events that would touch on a screen, and widen those that it would not show."""
    narrowest_s = duration_s / _SHADES
    spans: list[tuple[float, float]] = []
    for event in events:
        end_s = min(max(event.end_s, event.start_s + narrowest_s), duration_s)
        if spans and event.start_s - spans[-1][1] < narrowest_s / 2:
            spans[-1] = spans[-1][0], max(spans[-1][1], end_s)
        else:
            spans.append((event.start_s, end_s))
    return spans
