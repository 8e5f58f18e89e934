"""The figures of the page. Colours of text and axes are those of the page, from its style sheet.

Figures that change often are made as the plain data that Plotly reads, which takes a fraction of the time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from tsdownsample import MinMaxDownsampler

from ecg_anomaly import words
from ecg_anomaly.findings.store import OWN_BEAT, RECONSTRUCTION, WINDOW, Stored
from ecg_anomaly.records.lead_names import lead_called
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

_DOWNSAMPLER = MinMaxDownsampler()  # type: ignore[no-untyped-call]

Figure = dict[str, Any]  # of Plotly: its data and layout


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

    What the screen cannot show is left out, but for extremes. The stretch, start and end in ``seen_s``, may reach
    beyond the recording; ``shades`` come from `shade`.
    """
    start_s, end_s = max(0.0, seen_s[0]), min(stored.duration_s, seen_s[1])
    rate_hz = stored.sampling_rate_hz
    first, last = int(start_s * rate_hz), int(np.ceil(end_s * rate_hz)) + 1
    curves = []
    for lead_mv in stored.signals_mv:
        part_mv = np.asarray(lead_mv[first:last])
        kept = _extremes(part_mv, _POINTS)
        curves.append((((first + kept) / rate_hz).round(4), part_mv[kept].round(3)))
    title = {"text": "time from the start of the recording"}
    times = {**_ticks(start_s, end_s), "range": seen_s, "title": title, "showgrid": True}
    figure = _rows(stored.leads, 0.09, [_marks(beats, start_s, end_s)], curves, times)
    for number, (_, drawn_mv) in enumerate(curves, start=2):
        figure["layout"][f"yaxis{number}"].update(range=_span_mv(drawn_mv), nticks=5)
    margin = {"l": 62, "r": 14, "t": 34, "b": 52}
    look = {"height": 110 + 150 * len(curves), "margin": margin, "showlegend": False, "dragmode": "pan"}
    figure["layout"].update(look, shapes=shades)
    return figure


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
    about = {**stored.summary, "leads": stored.leads, "duration_s": stored.duration_s}
    strip = ecg_paper.draw_strip(episode, 0, about, beats, stored.events, stored.read_all_mv)
    left_s, right_s = stored.window_s[0], stored.window_s[-1]
    left_mm = ecg_paper.MARGIN_MM + ecg_paper.MM_PER_S * (time_s + left_s - strip.start_s)
    shades = [*strip.shades, (left_mm, ecg_paper.MM_PER_S * (right_s - left_s), _SELECTED)]
    title = f"On ECG paper, the beat at {words.clock(time_s)} shaded"
    strip = dataclasses.replace(strip, title=title, note="", key="strip", shades=shades)
    colours = {**styles.EVENT_COLOURS, _SELECTED: styles.ORANGE}
    return str(_paper_macros().paper_strip(strip, {**ecg_paper.PAPER, "colours": colours}))


@functools.cache
def _paper_macros() -> Any:
    return environment().get_template("ecg_paper.jinja").module


def beat(stored: Stored, row: int) -> Figure:
    """Draw a beat beside the patient's own beat and its reconstruction, and the error along the window."""
    shapes, leads = np.asarray(stored.shapes[row]), stored.summary["leads"]
    error = np.abs(shapes[WINDOW] - shapes[RECONSTRUCTION])
    reach = [0, 1.05 * (float(error.max()) or 1.0)]
    below, above = _divided([0.32, 0.68], 0.08)
    data, titles = [], list[Any]()
    margin = {"l": 52, "r": 10, "t": 84, "b": 46}
    layout: dict[str, Any] = {"height": 380, "autosize": True, "margin": margin, "annotations": titles}
    for column, (lead, domain) in enumerate(zip(leads, _divided([1 / len(leads)] * len(leads), 0.1), strict=True)):
        number, lower = column + 2, column + 2 + len(leads)  # of axes: Plotly has x and x2, but no x1
        common = {"x": stored.window_s.round(4), "mode": "lines", "xaxis": f"x{number}"}
        for shape, (name, line) in _CURVES.items():
            look = {"name": name, "line": line, "legendgroup": name, "showlegend": column == 0}
            data.append({**common, "y": shapes[shape, :, column].round(4), "yaxis": f"y{number}", **look})
        look = {"name": "error", "line": {"color": styles.ORANGE, "width": 1.5}, "fill": "tozeroy", "showlegend": False}
        data.append({**common, "y": error[:, column].round(4), "yaxis": f"y{lower}", **look})
        upper_title, lower_title = ({"text": title if column == 0 else ""} for title in ("scaled", "error"))
        y_axis = {"anchor": f"x{number}", "nticks": 4}
        layout[f"yaxis{number}"] = {**y_axis, "domain": above, "title": upper_title}
        layout[f"yaxis{lower}"] = {**y_axis, "domain": below, "title": lower_title, "range": reach}
        x_title = {"text": "s from the R wave"}
        layout[f"xaxis{number}"] = {"anchor": f"y{lower}", "domain": domain, "title": x_title, "nticks": 5}
        at = {"x": sum(domain) / 2, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom"}
        titles.append({**at, "text": styles.literal(lead_called(lead)), "font": {"size": 16}, "showarrow": False})
    return {"data": data, "layout": {**layout, "legend": _LEGEND, "hovermode": "x unified", "dragmode": False}}


def live(shown: Shown) -> Figure:
    """Draw the last seconds of a record that is played, with a mark at each beat that was judged."""
    start_s = max(0.0, shown.end_s - SHOWN_S)
    seconds = np.arange(np.ceil(start_s / 2) * 2, start_s + SHOWN_S + 1e-9, 2)
    times = {"range": [start_s, start_s + SHOWN_S], "tickvals": seconds, "ticktext": list(map(words.clock, seconds))}
    marks = []
    for rows, name, kind, size in (
        (shown.flagged, "flagged", styles.FOUND, 11),
        (~shown.flagged, "not flagged", styles.NOT_FLAGGED, 6),
    ):
        sign = styles.OUTCOMES[kind]
        marker = {"symbol": sign.symbol, "color": sign.colour, "size": size}
        marks.append({"x": shown.beat_s[rows], "name": name, "hoverinfo": "skip", "marker": marker})
    curves = []
    for lead_mv in shown.signals_mv.T:
        kept = _extremes(lead_mv, _LIVE_POINTS)
        curves.append((shown.times_s[kept].round(3), lead_mv[kept].round(3)))
    figure = _rows(shown.leads, 0.14, marks, curves, {**times, "fixedrange": True})
    margin = {"l": 62, "r": 14, "t": 40, "b": 36}
    figure["layout"].update(height=110 + 120 * len(curves), margin=margin, legend=_LEGEND, dragmode=False)
    return figure


def _rows(
    leads: Sequence[str],
    share: float,
    marks: Iterable[dict[str, Any]],
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    times: dict[str, Any],
) -> Figure:
    """Put the curves of leads, times and values, below a row of marks that takes a share of the height."""
    *domains, top = _divided([(1 - share) / len(leads)] * len(leads) + [share], 0.02)
    layout = {
        "xaxis": {"anchor": f"y{len(leads) + 1}", **times},
        "yaxis": {"domain": top, "visible": False, "range": [-1, 1], "fixedrange": True},
        "autosize": True,
    }
    data = [{"y": np.zeros(len(mark["x"])), "mode": "markers", **mark} for mark in marks]
    look = {"mode": "lines", "line": {"width": 1, "color": styles.BLUE}, "showlegend": False, "hoverinfo": "skip"}
    for number, (lead, (x, y), domain) in enumerate(zip(leads, curves, domains[::-1], strict=True), start=2):
        name = styles.literal(lead)
        data.append({"name": name, "x": x, "y": y, "yaxis": f"y{number}", **look})
        title = {"text": f"{name} (mV)"}
        layout[f"yaxis{number}"] = {"domain": domain, "title": title, "nticks": 4, "fixedrange": True}
    return {"data": data, "layout": layout}


def _divided(shares: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Divide an axis from 0 to 1 by shares that add up to 1, with gaps between them."""
    room = 1 - gap * (len(shares) - 1)
    ends = np.cumsum([share * room + gap for share in shares]) - gap
    return [(end - share * room, end) for share, end in zip(shares, ends.tolist(), strict=True)]


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
    marker = {"symbol": "triangle-down", "color": styles.OUTCOMES[styles.FOUND].colour, "size": 10}
    look = {"name": "flagged beat", "marker": marker, "hovertemplate": "%{text}<extra></extra>"}
    return {"x": marked["time_s"].to_numpy(), "text": styles.beat_words(marked), **look}


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
