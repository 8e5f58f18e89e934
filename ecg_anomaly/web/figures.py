"""The figures of the page. Colours of text and axes are those of the page, from its style sheet.

Figures that change often are made as the plain data that Plotly reads, which takes a fraction of the time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from tsdownsample import MinMaxDownsampler

from ecg_anomaly import words
from ecg_anomaly.findings import rhythms
from ecg_anomaly.findings.review import Review
from ecg_anomaly.findings.store import OWN_BEAT, RECONSTRUCTION, WINDOW, Stored
from ecg_anomaly.records.lead_names import lead_called, standard_order
from ecg_anomaly.reports import ecg_paper, recording_overview, styles
from ecg_anomaly.reports.episodes import Episode
from ecg_anomaly.reports.figure_data import time_unit
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.web import bands
from ecg_anomaly.web.player import SHOWN_S, Shown
from ecg_anomaly.web.times import clock_s, ticks, when

_LIVE_POINTS = 1800  # of a lead: the lowest and highest of each column of pixels of a screen
_CURVES = {  # of a beat
    OWN_BEAT: ("patient's own beat", {"color": styles.GREEN, "width": 2, "dash": "dot"}),
    WINDOW: ("this beat", {"color": styles.VERMILLION, "width": 2.4}),
    RECONSTRUCTION: ("reconstruction", {"color": styles.BLUE, "width": 2, "dash": "dash"}),
}
_LEGEND = {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1, "x": 0}
_OVERVIEW_PX, _LANE_PX = 330, 16  # height of the overview, and of each lane of events above its plots
_LASTING = (rhythms.SLOW, rhythms.FAST, rhythms.IRREGULAR)  # are shaded over the plots as events are, not all rhythms
_SELECTED = "selected"  # kind of a shade on ECG paper

_DOWNSAMPLER = MinMaxDownsampler()  # type: ignore[no-untyped-call]

Figure = dict[str, Any]  # of Plotly: its data and layout


def overview(review: Review) -> go.Figure:
    """Draw the whole recording at a glance."""
    stored = review.stored
    shaded = [*stored.events, *(rhythm for rhythm in review.rhythms if rhythm.kind in _LASTING)]
    duration_s, unit_s = stored.duration_s, time_unit(stored.duration_s)[1]
    figure = recording_overview.overview_figure(review.beats, shaded, duration_s, when(stored))
    labels, title = ticks(stored, 0.0, duration_s)
    figure.update_xaxes(fixedrange=True, tickvals=labels["tickvals"] / unit_s, ticktext=labels["ticktext"])
    figure.update_xaxes(title=title, row=2).update_yaxes(fixedrange=True)
    height = _add_lanes(figure, review, unit_s)
    margin = {"l": 68, "r": 14, "t": 8, "b": 52}
    meta = {"unit_s": unit_s, "clock_s": clock_s(stored)}
    return figure.update_layout(height=height, margin=margin, dragmode=False, meta=meta)


def _add_lanes(figure: go.Figure, review: Review, unit_s: float) -> int:
    """Put lanes with all events and rhythms above the plots, instead of a legend; give the height of the figure."""
    figure.update_traces(showlegend=False, selector={"marker_symbol": "square"})
    names = bands.kinds(review)
    if not names:
        return _OVERVIEW_PX
    height = _OVERVIEW_PX + len(names) * _LANE_PX
    free = 1 - len(names) * _LANE_PX / height
    for axis in ("yaxis", "yaxis2"):
        figure.layout[axis].domain = [end * (free - 0.02) for end in figure.layout[axis].domain]
    spans = bands.spans(review, (0.0, review.stored.duration_s))
    figure.add_trace({**bands.bars(review, spans, unit_s), "yaxis": "y3"})
    figure.update_layout(yaxis3={"domain": [free, 1], "anchor": "x", **bands.lanes(names)}, barmode="overlay")
    return height


def overview_time_s(stored: Stored, position: float) -> float:
    """Say which time a position on the axis of the overview is."""
    return position * time_unit(stored.duration_s)[1]


def paper(review: Review, centre_s: float, row: int | None, mm_per_mv: float = ecg_paper.MM_PER_MV) -> str:
    """Draw ten seconds around a time on ECG paper, true to scale; give SVG within HTML.

    The chosen beat, in ``row``, is shaded if it is there.
    """
    stored, at, order = review.stored, when(review.stored), standard_order(review.stored.leads)
    episode = Episode(centre_s, centre_s, centre_s, "", 1, 0.0)
    strip = ecg_paper.draw_strip(episode, 0, review, order, mm_per_mv=mm_per_mv, when=at)
    title, shades = f"On ECG paper, from {at(strip.start_s)}", strip.shades
    if row is not None:
        beat_s, width_s = float(review.beats["time_s"].iloc[row]), stored.window_s[-1] - stored.window_s[0]
        left_mm = ecg_paper.MARGIN_MM + ecg_paper.MM_PER_S * (beat_s + stored.window_s[0] - strip.start_s)
        if 0 <= left_mm <= strip.width_mm:
            shades = [*shades, (left_mm, ecg_paper.MM_PER_S * width_s, _SELECTED)]
            title += f", the beat at {at(beat_s)} shaded"
    strip = dataclasses.replace(strip, title=title, note="", key="paper-strip", shades=shades)
    colours = {**styles.EVENT_COLOURS, _SELECTED: styles.ORANGE}
    drawn = _paper_macros().paper_strip(strip, {**ecg_paper.PAPER, "colours": colours, "judged": stored.judged_leads})
    start_s = clock_s(stored)
    return str(drawn) if start_s is None else f'<div data-clock="{start_s}">{drawn}</div>'


@functools.cache
def _paper_macros() -> Any:
    return environment().get_template("ecg_paper.jinja").module


def beat(stored: Stored, row: int) -> Figure:
    """Draw a beat beside the patient's own beat and its reconstruction, and the error along the window."""
    shapes, leads = np.asarray(stored.shapes[row]), stored.judged_leads
    error = np.abs(shapes[WINDOW] - shapes[RECONSTRUCTION])
    reach = [0, 1.05 * (float(error.max()) or 1.0)]
    below, above = _divided([0.32, 0.68], 0.08)
    data, titles = [], list[Any]()
    margin = {"l": 52, "r": 10, "t": 30, "b": 92}
    legend = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
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
        layout[f"xaxis{number}"] = {
            "anchor": f"y{lower}",
            "domain": domain,
            "title": x_title,
            "nticks": 4,
            "tickangle": 0,
        }
        at = {"x": sum(domain) / 2, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom"}
        titles.append({**at, "text": styles.literal(lead_called(lead)), "font": {"size": 16}, "showarrow": False})
    return {"data": data, "layout": {**layout, "legend": legend, "hovermode": "x unified", "dragmode": False}}


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
