"""The figures of the page. Colours of text and axes are those of the page, from its style sheet."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Template
from plotly.subplots import make_subplots
from tsdownsample import MinMaxDownsampler

from ecg_anomaly import words
from ecg_anomaly.findings.store import OWN_BEAT, RECONSTRUCTION, WINDOW, Stored
from ecg_anomaly.reports import ecg_paper, recording_overview, styles
from ecg_anomaly.reports.ecg_paper import Episode
from ecg_anomaly.reports.figure_data import time_axis
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.web.player import SHOWN_S, Shown

SHORTEST_VIEW_S = 1.0
FIRST_VIEW_S = 60.0

_POINTS = 2400  # of a lead on the screen: twice as many as it has columns of pixels, the lowest and highest of each
_LIVE_POINTS = 1800
_MARKS = 600  # flagged beats on the screen, the highest scores
_TICKS_S = (0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600)
_MOST_TICKS = 7
_SPAN = (0.002, 0.998)  # quantiles of what is drawn: a single jolt does not flatten the rest
_NO_FIGURE = {"layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}
_CURVES = {  # of a beat
    OWN_BEAT: ("patient's own beat", {"color": styles.GREEN, "width": 2, "dash": "dot"}),
    WINDOW: ("this beat", {"color": styles.VERMILLION, "width": 2.4}),
    RECONSTRUCTION: ("reconstruction", {"color": styles.BLUE, "width": 2, "dash": "dash"}),
}
_OPEN_LEADS = 8  # sets of leads whose blank figures are kept
_SELECTED = "selected"  # kind of a shade on ECG paper

_DOWNSAMPLER = MinMaxDownsampler()  # type: ignore[no-untyped-call]

_PAPER = '{% from "ecg_paper.jinja" import paper_strip %}{{ paper_strip(strip, paper) }}'


@dataclass(frozen=True)
class View:
    """A stretch of a recording as the screen shows it.

    Attributes
    ----------
    times_s, signals_mv
        Per lead: where the drawn points stand, and their values.
    spans_mv
        Per lead: the lowest and the highest value that have room.
    marks
        The marks of flagged beats, as properties of Plotly's markers.
    ticks_s
        Where the axis has labels.
    """

    times_s: list[np.ndarray]
    signals_mv: list[np.ndarray]
    spans_mv: list[tuple[float, float]]
    marks: dict[str, Any]
    ticks_s: np.ndarray


def overview(stored: Stored, beats: pd.DataFrame) -> go.Figure:
    """Draw the whole recording at a glance."""
    figure = recording_overview.overview_figure(beats, stored.events, stored.duration_s)
    margin = {"l": 62, "r": 14, "t": 100, "b": 52}  # on a phone the legend takes four lines
    return (
        figure.update_layout(height=460, margin=margin, dragmode=False)
        .update_xaxes(fixedrange=True)
        .update_yaxes(fixedrange=True)
    )


def overview_time_s(stored: Stored, position: float) -> float:
    """Tell which time a position on the axis of the overview is."""
    unit_s = float(time_axis(np.array([stored.duration_s]))[0][0]) / stored.duration_s
    return position / unit_s


def view(stored: Stored, beats: pd.DataFrame, start_s: float, end_s: float) -> View:
    """Reduce a stretch of the signal to what the screen can show, with the extremes of what is left out.

    Parameters
    ----------
    stored, beats
        The recording, and its beats as `decisions.cut` gives them.
    start_s, end_s
        The stretch; it may reach beyond the recording.
    """
    start_s, end_s = max(0.0, start_s), min(stored.duration_s, end_s)
    first, last = int(start_s * stored.sampling_rate_hz), int(np.ceil(end_s * stored.sampling_rate_hz)) + 1
    times_s, signals_mv = [], []
    for lead in stored.signals_mv:
        part = np.asarray(lead[first:last])
        kept = _DOWNSAMPLER.downsample(part, n_out=_POINTS) if len(part) > 2 * _POINTS else np.arange(len(part))
        times_s.append(((first + kept) / stored.sampling_rate_hz).round(4))
        signals_mv.append(part[kept].round(3))
    beat_s = beats["time_s"].to_numpy()
    rows = np.flatnonzero(beats["flagged"].to_numpy() & (beat_s >= start_s) & (beat_s <= end_s))
    if len(rows) > _MARKS:
        rows = np.sort(rows[np.argsort(-beats["anomaly_score"].to_numpy()[rows], kind="stable")[:_MARKS]])
    return View(times_s, signals_mv, list(map(_span_mv, signals_mv)), _marks(beats, rows), _ticks_s(start_s, end_s))


def signal(stored: Stored, beats: pd.DataFrame, start_s: float, end_s: float) -> go.Figure:
    """Draw a stretch of the signal, one row per lead below the marks of flagged beats, to be zoomed and moved."""
    seen, leads = view(stored, beats, start_s, end_s), stored.summary["leads"]
    heights = [0.09] + [0.91 / len(leads)] * len(leads)
    figure = make_subplots(len(leads) + 1, 1, shared_xaxes=True, vertical_spacing=0.02, row_heights=heights)
    sign = styles.OUTCOMES[styles.FOUND]
    figure.add_scatter(
        **seen.marks,
        mode="markers",
        name="flagged beat",
        marker={"symbol": "triangle-down", "color": sign.colour, "size": 10},
        hovertemplate="%{text}<extra></extra>",
        row=1,
        col=1,
    )
    for number, lead in enumerate(leads):
        figure.add_scatter(
            x=seen.times_s[number],
            y=seen.signals_mv[number],
            mode="lines",
            name=lead,
            line={"width": 1, "color": styles.BLUE},
            hoverinfo="skip",
            row=number + 2,
            col=1,
        )
        figure.update_yaxes(title=f"{lead} (mV)", range=seen.spans_mv[number], nticks=5, row=number + 2)
    figure.update_yaxes(visible=False, range=[-1, 1], row=1)
    figure.update_yaxes(fixedrange=True)
    figure.update_xaxes(range=[start_s, end_s], showgrid=True, **ticks(seen))
    figure.update_xaxes(title="time from the start of the recording", row=len(leads) + 1)
    return figure.update_layout(
        template="none",
        height=110 + 150 * len(leads),
        margin={"l": 62, "r": 14, "t": 34, "b": 52},
        showlegend=False,
        dragmode="pan",
        uirevision="signal",
        autosize=True,
    )


def ticks(seen: View) -> dict[str, Any]:
    """Label the axis with times of the recording."""
    fine = len(seen.ticks_s) > 1 and seen.ticks_s[1] - seen.ticks_s[0] < 1
    labels = [words.clock(time_s) + (f"{time_s % 1:.1f}"[1:] if fine else "") for time_s in seen.ticks_s]
    return {"tickvals": seen.ticks_s, "ticktext": labels}


def chosen(time_s: float | None, window_s: np.ndarray) -> list[dict[str, Any]]:
    """Shade the window of the chosen beat, if there is one: shapes of the signal's layout."""
    if time_s is None:
        return []
    place = {"xref": "x", "yref": "paper", "x0": time_s + window_s[0], "x1": time_s + window_s[-1], "y0": 0, "y1": 1}
    look = {"type": "rect", "fillcolor": styles.ORANGE, "opacity": 0.25, "line": {"width": 0}, "layer": "below"}
    return [{**place, **look}]


def moved(start_s: float, end_s: float, by: str, duration_s: float) -> tuple[float, float]:
    """Zoom or move a stretch.

    Parameters
    ----------
    start_s, end_s
        What is seen.
    by
        ``in``, ``out``, ``left``, ``right`` or ``all``.
    duration_s
        Of the recording, which is not left.
    """
    length_s, centre_s = end_s - start_s, (start_s + end_s) / 2
    length_s = {"in": length_s / 2, "out": length_s * 2, "all": duration_s}.get(by, length_s)
    centre_s += {"left": -0.5, "right": 0.5}.get(by, 0.0) * length_s
    return within(centre_s, length_s, duration_s)


def within(centre_s: float, length_s: float, duration_s: float) -> tuple[float, float]:
    """Place a stretch around a time, within the recording."""
    length_s = min(max(length_s, SHORTEST_VIEW_S), duration_s)
    start_s = min(max(0.0, centre_s - length_s / 2), duration_s - length_s)
    return start_s, start_s + length_s


def paper(stored: Stored, beats: pd.DataFrame, row: int) -> str:
    """Draw ten seconds around a beat on ECG paper, true to scale; give SVG within HTML."""
    time_s = float(beats["time_s"].iloc[row])
    episode = Episode(time_s, time_s, time_s, "", 1, 0.0)
    strip = ecg_paper.draw_strip(
        episode, 0, {**stored.summary, "duration_s": stored.duration_s}, beats, stored.events, stored.read_mv
    )
    left_s, right_s = stored.window_s[0], stored.window_s[-1]
    left_mm = ecg_paper.MARGIN_MM + ecg_paper.MM_PER_S * (time_s + left_s - strip.start_s)
    shade = (left_mm, ecg_paper.MM_PER_S * (right_s - left_s), _SELECTED)
    title = f"On ECG paper, the beat at {words.clock(time_s)} shaded"
    chosen = dataclasses.replace(strip, title=title, note="", key="strip", shades=[*strip.shades, shade])
    colours = {**styles.EVENT_COLOURS, _SELECTED: styles.ORANGE}
    return _paper_template().render(strip=chosen, paper={**ecg_paper.PAPER, "colours": colours})


def beat(stored: Stored, row: int) -> dict[str, Any]:
    """Draw a beat beside the patient's own beat and its reconstruction, and the error along the window."""
    shapes, leads = np.asarray(stored.shapes[row]), tuple(stored.summary["leads"])
    blank = _blank_beat(leads)
    error = np.abs(shapes[WINDOW] - shapes[RECONSTRUCTION])
    curves = [
        curve for lead in range(len(leads)) for curve in (*(shapes[kind, :, lead] for kind in _CURVES), error[:, lead])
    ]
    drawn = [
        {**empty, "x": stored.window_s.round(4), "y": curve.round(4)}
        for empty, curve in zip(blank["data"], curves, strict=True)
    ]
    reach = {"range": [0, 1.05 * (float(error.max()) or 1.0)]}
    layout = blank["layout"]
    below = {name: {**layout[name], **reach} for name in axis_names("yaxis", len(leads) + 1, 2 * len(leads))}
    return {"data": drawn, "layout": {**layout, **below}}


@functools.lru_cache(maxsize=_OPEN_LEADS)
def _blank_beat(leads: tuple[str, ...]) -> dict[str, Any]:
    """Prepare the figure of a beat without its curves: Plotly takes longer for that than for all the rest."""
    figure = make_subplots(
        2,
        len(leads),
        shared_xaxes=True,
        vertical_spacing=0.08,
        horizontal_spacing=0.1,
        row_heights=[0.68, 0.32],
        subplot_titles=[f"lead {lead}" for lead in leads],
    )
    for column in range(1, len(leads) + 1):
        for name, line in _CURVES.values():
            figure.add_scatter(
                name=name, mode="lines", line=line, showlegend=column == 1, legendgroup=name, row=1, col=column
            )
        look = {"fill": "tozeroy", "line": {"color": styles.ORANGE, "width": 1.5}}
        figure.add_scatter(name="error", mode="lines", **look, showlegend=False, row=2, col=column)
    figure.update_yaxes(title="scaled", row=1, col=1)
    figure.update_yaxes(title="error", row=2, col=1)
    figure.update_yaxes(nticks=4)
    figure.update_xaxes(title="s from the R wave", nticks=5, row=2)
    figure.update_layout(
        template="none",
        height=380,
        margin={"l": 52, "r": 10, "t": 84, "b": 46},
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0},
        hovermode="x unified",
        dragmode=False,
        autosize=True,
    )
    blank: dict[str, Any] = figure.to_dict()
    return blank


def live(shown: Shown) -> go.Figure:
    """Draw the last seconds of a record that is played, with a mark at each beat that was judged."""
    figure = make_subplots(
        len(shown.leads) + 1,
        1,
        shared_xaxes=True,
        vertical_spacing=0.02,
        row_heights=[0.14] + [0.86 / len(shown.leads)] * len(shown.leads),
    )
    flagged = shown.beats["flagged"].to_numpy(dtype=bool)
    for rows, kind, name in ((flagged, styles.FOUND, "flagged"), (~flagged, styles.NOT_FLAGGED, "not flagged")):
        sign, times_s = styles.OUTCOMES[kind], shown.beats["time_s"].to_numpy(dtype=float)[rows]
        figure.add_scatter(
            x=times_s,
            y=np.zeros(len(times_s)),
            mode="markers",
            name=name,
            hoverinfo="skip",
            marker={"symbol": sign.symbol, "color": sign.colour, "size": 11 if kind == styles.FOUND else 6},
            row=1,
            col=1,
        )
    every = max(1, len(shown.times_s) // _LIVE_POINTS)
    for number, lead in enumerate(shown.leads, start=2):
        figure.add_scatter(
            x=shown.times_s[::every].round(3),
            y=shown.signals_mv[::every, number - 2].round(3),
            mode="lines",
            name=lead,
            line={"width": 1.2, "color": styles.BLUE},
            showlegend=False,
            hoverinfo="skip",
            row=number,
            col=1,
        )
        figure.update_yaxes(title=f"{lead} (mV)", nticks=4, row=number)
    figure.update_yaxes(visible=False, range=[-1, 1], row=1).update_yaxes(fixedrange=True)
    start_s = max(0.0, shown.end_s - SHOWN_S)
    seconds = np.arange(np.ceil(start_s / 2) * 2, start_s + SHOWN_S + 1e-9, 2)
    figure.update_xaxes(
        range=[start_s, start_s + SHOWN_S],
        tickvals=seconds,
        ticktext=[words.clock(time_s) for time_s in seconds],
        fixedrange=True,
    )
    return figure.update_layout(
        template="none",
        height=110 + 120 * len(shown.leads),
        margin={"l": 62, "r": 14, "t": 40, "b": 36},
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0},
        dragmode=False,
        autosize=True,
    )


def nothing() -> dict[str, Any]:
    """Give an empty figure."""
    return _NO_FIGURE


def axis_names(kind: str, first: int, last: int) -> list[str]:
    """Name axes as Plotly does, by their numbers: ``xaxis``, ``xaxis2`` and so on."""
    return [f"{kind}{number if number > 1 else ''}" for number in range(first, last + 1)]


def _marks(beats: pd.DataFrame, rows: np.ndarray) -> dict[str, Any]:
    """Place the marks of flagged beats above the signal."""
    chosen = beats.iloc[rows]
    return {
        "x": chosen["time_s"].to_numpy(),
        "y": np.zeros(len(rows)),
        "text": styles.beat_words(chosen),
        "customdata": rows,
    }


def _ticks_s(start_s: float, end_s: float) -> np.ndarray:
    step_s = next((step for step in _TICKS_S if (end_s - start_s) / step <= _MOST_TICKS), _TICKS_S[-1])
    return np.arange(np.ceil(start_s / step_s), np.floor(end_s / step_s) + 1) * step_s


def _span_mv(drawn_mv: np.ndarray) -> tuple[float, float]:
    """Give what nearly all of the drawn points of a lead lie in."""
    present = drawn_mv[np.isfinite(drawn_mv)]
    if not len(present):
        return -1.0, 1.0
    low, high = np.quantile(present, _SPAN)
    room = 0.2 * max(float(high - low), 0.5)
    return float(low - room), float(high + room)


@functools.cache
def _paper_template() -> Template:
    return environment().from_string(_PAPER)
