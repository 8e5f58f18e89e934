"""The figures of the page. Colours of text and axes are those of the page, from its style sheet.

Plotly takes longer to prepare a figure than for all the rest, so that figures which change often are prepared once
for each choice of leads, as ``_blank`` figures, and filled.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
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
from ecg_anomaly.reports.figure_data import time_unit
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.web.player import SHOWN_S, Shown

SHORTEST_VIEW_S = 1.0
FIRST_VIEW_S = 60.0

_POINTS, _LIVE_POINTS = 2400, 1800  # of a lead: the lowest and highest of each column of pixels of a screen
_MARKS = 600  # flagged beats on the screen, the highest scores
_TICKS_S = (0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600)
_MOST_TICKS = 7
_SPAN = (0.002, 0.998)  # quantiles of what is drawn: a single jolt does not flatten the rest
_CURVES = {  # of a beat
    OWN_BEAT: ("patient's own beat", {"color": styles.GREEN, "width": 2, "dash": "dot"}),
    WINDOW: ("this beat", {"color": styles.VERMILLION, "width": 2.4}),
    RECONSTRUCTION: ("reconstruction", {"color": styles.BLUE, "width": 2, "dash": "dash"}),
}
_LEGEND = {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0}
_SELECTED = "selected"  # kind of a shade on ECG paper
_PAPER = '{% from "ecg_paper.jinja" import paper_strip %}{{ paper_strip(strip, paper) }}'

_DOWNSAMPLER = MinMaxDownsampler()  # type: ignore[no-untyped-call]

Figure = dict[str, Any]  # of Plotly: its data and layout
_prepared = functools.lru_cache(maxsize=8)  # blank figures, by leads


def overview(stored: Stored, beats: pd.DataFrame) -> go.Figure:
    """Draw the whole recording at a glance."""
    figure = recording_overview.overview_figure(beats, stored.events, stored.duration_s)
    figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
    margin = {"l": 62, "r": 14, "t": 100, "b": 52}  # on a phone the legend takes four lines
    return figure.update_layout(height=460, margin=margin, dragmode=False)


def overview_time_s(stored: Stored, position: float) -> float:
    """Say which time a position on the axis of the overview is."""
    return position * time_unit(stored.duration_s)[1]


def signal(stored: Stored, beats: pd.DataFrame, seen_s: Sequence[float], shades: Sequence[Any] = ()) -> Figure:
    """Draw a stretch of the signal, one row per lead below the marks of flagged beats, to be zoomed and moved.

    What the screen cannot show is left out, but for extremes.

    Parameters
    ----------
    stored, beats
        The recording, and its beats as `decisions.cut` gives them.
    seen_s
        Start and end of the stretch; it may reach beyond the recording.
    shades
        What is shaded, from `shade`.
    """
    start_s, end_s = max(0.0, seen_s[0]), min(stored.duration_s, seen_s[1])
    rate_hz, leads = stored.sampling_rate_hz, len(stored.signals_mv)
    first, last = int(start_s * rate_hz), int(np.ceil(end_s * rate_hz)) + 1
    times = {**_ticks(start_s, end_s), "range": seen_s}
    curves, axes = [_marks(beats, start_s, end_s)], dict.fromkeys(_axes("xaxis", 1, leads + 1), times)
    for axis, lead_mv in zip(_axes("yaxis", 2, leads + 1), stored.signals_mv, strict=True):
        part_mv = np.asarray(lead_mv[first:last])
        kept = _extremes(part_mv, _POINTS)
        curves.append({"x": ((first + kept) / rate_hz).round(4), "y": part_mv[kept].round(3)})
        axes[axis] = {"range": _span_mv(part_mv[kept])}
    figure = _filled(_blank_signal(tuple(stored.summary["leads"])), curves, axes)
    figure["layout"]["shapes"] = shades
    return figure


@_prepared
def _blank_signal(leads: tuple[str, ...]) -> Figure:
    marker = {"symbol": "triangle-down", "color": styles.OUTCOMES[styles.FOUND].colour, "size": 10}
    mark = {"name": "flagged beat", "marker": marker, "hovertemplate": "%{text}<extra></extra>"}
    figure = _rows(leads, 0.09, [mark]).update_yaxes(nticks=5).update_xaxes(showgrid=True)
    figure.update_xaxes(title="time from the start of the recording", row=len(leads) + 1)
    margin = {"l": 62, "r": 14, "t": 34, "b": 52}
    figure.update_layout(height=110 + 150 * len(leads), margin=margin, showlegend=False, dragmode="pan")
    return _as_dict(figure)


def shade(time_s: float | None, window_s: np.ndarray) -> list[dict[str, Any]]:
    """Shade the window of the chosen beat, if there is one: shapes of the signal's layout."""
    if time_s is None:
        return []
    place = {"xref": "x", "yref": "paper", "x0": time_s + window_s[0], "x1": time_s + window_s[-1], "y0": 0, "y1": 1}
    return [
        {"type": "rect", "fillcolor": styles.ORANGE, "opacity": 0.25, "line": {"width": 0}, "layer": "below", **place}
    ]


def moved(start_s: float, end_s: float, by: str, duration_s: float) -> tuple[float, float]:
    """Zoom (``in``, ``out``, ``all``) or move (``left``, ``right``) a stretch, within a recording of some seconds."""
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
    episode = ecg_paper.Episode(time_s, time_s, time_s, "", 1, 0.0)
    about = {**stored.summary, "duration_s": stored.duration_s}
    strip = ecg_paper.draw_strip(episode, 0, about, beats, stored.events, stored.read_mv)
    left_s, right_s = stored.window_s[0], stored.window_s[-1]
    left_mm = ecg_paper.MARGIN_MM + ecg_paper.MM_PER_S * (time_s + left_s - strip.start_s)
    shades = [*strip.shades, (left_mm, ecg_paper.MM_PER_S * (right_s - left_s), _SELECTED)]
    title = f"On ECG paper, the beat at {words.clock(time_s)} shaded"
    strip = dataclasses.replace(strip, title=title, note="", key="strip", shades=shades)
    colours = {**styles.EVENT_COLOURS, _SELECTED: styles.ORANGE}
    return _paper_template().render(strip=strip, paper={**ecg_paper.PAPER, "colours": colours})


@functools.cache
def _paper_template() -> Template:
    return environment().from_string(_PAPER)


def beat(stored: Stored, row: int) -> Figure:
    """Draw a beat beside the patient's own beat and its reconstruction, and the error along the window."""
    shapes, leads, x = np.asarray(stored.shapes[row]), tuple(stored.summary["leads"]), stored.window_s.round(4)
    error = np.abs(shapes[WINDOW] - shapes[RECONSTRUCTION])
    curves = np.concatenate([shapes[list(_CURVES)], error[np.newaxis]]).transpose(2, 0, 1)  # lead by lead
    reach = {"range": [0, 1.05 * (float(error.max()) or 1.0)]}
    below = dict.fromkeys(_axes("yaxis", len(leads) + 1, 2 * len(leads)), reach)
    return _filled(_blank_beat(leads), [{"x": x, "y": y} for y in curves.reshape(-1, len(x)).round(4)], below)


@_prepared
def _blank_beat(leads: tuple[str, ...]) -> Figure:
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
            look = {"mode": "lines", "line": line, "showlegend": column == 1, "legendgroup": name}
            figure.add_scatter(name=name, **look, row=1, col=column)
        look = {"mode": "lines", "fill": "tozeroy", "line": {"color": styles.ORANGE, "width": 1.5}}
        figure.add_scatter(name="error", **look, showlegend=False, row=2, col=column)
    figure.update_yaxes(nticks=4).update_yaxes(title="scaled", row=1, col=1).update_yaxes(title="error", row=2, col=1)
    figure.update_xaxes(title="s from the R wave", nticks=5, row=2)
    margin = {"l": 52, "r": 10, "t": 84, "b": 46}
    figure.update_layout(template="none", height=380, margin=margin, legend=_LEGEND, autosize=True)
    return _as_dict(figure.update_layout(hovermode="x unified", dragmode=False))


def live(shown: Shown) -> Figure:
    """Draw the last seconds of a record that is played, with a mark at each beat that was judged."""
    start_s = max(0.0, shown.end_s - SHOWN_S)
    seconds = np.arange(np.ceil(start_s / 2) * 2, start_s + SHOWN_S + 1e-9, 2)
    times = {"range": [start_s, start_s + SHOWN_S], "tickvals": seconds, "ticktext": list(map(words.clock, seconds))}
    curves = [{"x": shown.beat_s[rows], "y": np.zeros(rows.sum())} for rows in (shown.flagged, ~shown.flagged)]
    for lead_mv in shown.signals_mv.T:
        kept = _extremes(lead_mv, _LIVE_POINTS)
        curves.append({"x": shown.times_s[kept].round(3), "y": lead_mv[kept].round(3)})
    axes = dict.fromkeys(_axes("xaxis", 1, len(shown.leads) + 1), times)
    return _filled(_blank_live(tuple(shown.leads)), curves, axes)


@_prepared
def _blank_live(leads: tuple[str, ...]) -> Figure:
    marks = []
    for kind, name, size in ((styles.FOUND, "flagged", 11), (styles.NOT_FLAGGED, "not flagged", 6)):
        marker = {"symbol": styles.OUTCOMES[kind].symbol, "color": styles.OUTCOMES[kind].colour, "size": size}
        marks.append({"name": name, "hoverinfo": "skip", "marker": marker})
    figure = _rows(leads, 0.14, marks).update_yaxes(nticks=4).update_xaxes(fixedrange=True)
    margin = {"l": 62, "r": 14, "t": 40, "b": 36}
    return _as_dict(figure.update_layout(height=110 + 120 * len(leads), margin=margin, legend=_LEGEND, dragmode=False))


def _rows(leads: Sequence[str], share: float, marks: Sequence[dict[str, Any]]) -> go.Figure:
    """Prepare rows of leads, below a row of marks that takes a share of the height."""
    heights = [share] + [(1 - share) / len(leads)] * len(leads)
    figure = make_subplots(len(leads) + 1, 1, shared_xaxes=True, vertical_spacing=0.02, row_heights=heights)
    for mark in marks:
        figure.add_scatter(**mark, mode="markers", row=1, col=1)
    look = {"mode": "lines", "line": {"width": 1, "color": styles.BLUE}, "showlegend": False, "hoverinfo": "skip"}
    for row, lead in enumerate(leads, start=2):
        figure.add_scatter(name=lead, **look, row=row, col=1)
        figure.update_yaxes(title=f"{lead} (mV)", row=row)
    figure.update_yaxes(visible=False, range=[-1, 1], row=1).update_yaxes(fixedrange=True)
    return figure.update_layout(template="none", autosize=True)


def _as_dict(figure: go.Figure) -> Figure:
    return dict(figure.to_dict())


def _filled(blank: Figure, curves: Sequence[Mapping[str, Any]], axes: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Give a blank figure with curves, and with changed axes."""
    layout = blank["layout"]
    data = [{**empty, **curve} for empty, curve in zip(blank["data"], curves, strict=True)]
    return {"data": data, "layout": {**layout, **{name: {**layout[name], **news} for name, news in axes.items()}}}


def _axes(kind: str, first: int, last: int) -> list[str]:
    """Name axes as Plotly does, by their numbers: ``xaxis``, ``xaxis2`` and so on."""
    return [f"{kind}{number if number > 1 else ''}" for number in range(first, last + 1)]


def _extremes(values: np.ndarray, points: int) -> np.ndarray:
    """Choose so many points of a curve, the lowest and the highest of each stretch; or all if they are few."""
    if len(values) <= 2 * points:
        return np.arange(len(values))
    return np.asarray(_DOWNSAMPLER.downsample(np.ascontiguousarray(values), n_out=points), dtype=int)


def _marks(beats: pd.DataFrame, start_s: float, end_s: float) -> dict[str, Any]:
    """Place the marks of flagged beats above the signal."""
    beat_s = beats["time_s"].to_numpy()
    rows = np.flatnonzero(beats["flagged"].to_numpy() & (beat_s >= start_s) & (beat_s <= end_s))
    if len(rows) > _MARKS:
        rows = np.sort(rows[np.argsort(-beats["anomaly_score"].to_numpy()[rows], kind="stable")[:_MARKS]])
    marked = beats.iloc[rows]
    text = styles.beat_words(marked)
    return {"x": marked["time_s"].to_numpy(), "y": np.zeros(len(rows)), "text": text, "customdata": rows}


def _ticks(start_s: float, end_s: float) -> dict[str, Any]:
    """Label the axis with times of the recording."""
    step_s = next((step for step in _TICKS_S if (end_s - start_s) / step <= _MOST_TICKS), _TICKS_S[-1])
    ticks_s = np.arange(np.ceil(start_s / step_s), np.floor(end_s / step_s) + 1) * step_s
    labels = [words.clock(time_s) + (f"{time_s % 1:.1f}"[1:] if step_s < 1 else "") for time_s in ticks_s]
    return {"tickvals": ticks_s, "ticktext": labels}


def _span_mv(drawn_mv: np.ndarray) -> tuple[float, float]:
    """Give what nearly all of the drawn points of a lead lie in, with some room."""
    present = drawn_mv[np.isfinite(drawn_mv)]
    if not len(present):
        return -1.0, 1.0
    low, high = np.quantile(present, _SPAN)
    room = 0.2 * max(float(high - low), 0.5)
    return float(low - room), float(high + room)
