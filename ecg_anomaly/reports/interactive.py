"""The figures of ``report.html`` that one zooms into: arrays and tables in, Plotly figures out.

Colours of text, grid and background are left to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.figure_data import AlarmCurves, RecordOverTime, ScoreAxis
from ecg_anomaly.reports.results import Results
from ecg_anomaly.words import clock, score_text


@dataclass(frozen=True)
class InteractivePanel:
    """A figure with its words."""

    name: str  # within the page
    title: str
    reading: str  # how to read it
    figure: go.Figure | None  # None when there is nothing to draw, which ``reading`` then explains
    min_width: int = 0  # pixels below which it scrolls sideways on a narrow page


def alarm_panel(results: Results) -> InteractivePanel:
    """Draw the sensitivity to each class against false alarms per hour."""
    curves = figure_data.alarm_curves(results.judged)
    return InteractivePanel(
        "alarms",
        "Sensitivity against false alarms per hour",
        "One line per class: how much of it is found for how many false alarms, as the threshold is raised or "
        "lowered; the marks are the threshold as it is."
        if curves
        else "No curve: it needs normal and anomalous test beats.",
        alarms_figure(curves) if curves else None,
    )


def strip_panels(results: Results) -> list[InteractivePanel]:
    """Draw one record over time, and an excerpt of its signal."""
    strip = results.strip
    thinned = " Of many beats the lowest and the highest score of each moment are drawn." if strip.thinned else ""
    over_time = (
        f"Every mark is a beat, flagged above the dashed line; the record was chosen because {strip.reason}, "
        f"and the shaded stretch is the excerpt that follows.{thinned}"
    )
    signal = (
        f"The {figure_data.EXCERPT_S:.0f} seconds around the record's highest score: annotated symbols stand above the "
        "signal, flagged beats are shaded, gaps are where no window reaches."
        if strip.leads
        else "No lead has a signal around the record's highest score."
    )
    figure = strip_figure(strip, results.score_axis)
    return [
        InteractivePanel("strip", f"Record {strip.record} over time", over_time, figure),
        InteractivePanel("excerpt", f"Signal of {strip.record}", signal, excerpt_figure(strip), 760),
    ]


def alarms_figure(curves: AlarmCurves) -> go.Figure:
    """Draw the sensitivity to each class against false alarms per hour of recording."""
    figure = go.Figure()
    for name, sensitivity in curves.sensitivity.items():
        line, called = styles.CLASS_LINES[name], styles.class_name(name)
        symbol, dash = styles.PLOTLY_SYMBOLS[line.marker], styles.PLOTLY_DASHES[line.style]
        figure.add_scatter(
            x=curves.position(curves.per_hour),
            y=sensitivity,
            customdata=curves.per_hour,
            mode="lines",
            name=called,
            legendgroup=name,
            line={"color": line.colour, "dash": dash, "width": line.width, "shape": "hv"},
            hovertemplate=f"%{{customdata:.3g}} false alarms per hour<br>sensitivity %{{y:.1%}}<extra>{called}</extra>",
        )
        edge = {"width": 1.5, "color": "black"}
        figure.add_scatter(
            x=[float(curves.position(curves.per_hour_at_threshold))],
            y=[curves.at_threshold[name]],
            mode="markers",
            name=f"{name} at the threshold: {curves.at_threshold[name]:.1%}",
            legendgroup=name,
            marker={"symbol": symbol, "size": 12, "color": line.colour, "line": edge},
            hovertemplate=f"sensitivity %{{y:.1%}}<extra>{name} at the threshold</extra>",
        )
    positions, labels = curves.ticks()
    figure.update_xaxes(type="log", tickvals=positions, ticktext=labels, title="false alarms per hour of recording")
    figure.update_yaxes(title="sensitivity", tickformat=".0%", range=[-0.02, 1.03])
    return figure.update_layout(styles.layout(480))


def strip_figure(strip: RecordOverTime, axis: ScoreAxis) -> go.Figure:
    """Draw the scores of one record over time."""
    figure, (unit, unit_s) = go.Figure(), strip.unit
    for name, sign, its in figure_data.by_outcome(strip.beats):
        look = _look(name, sign, its, 4 if name == styles.NOT_FLAGGED else 8)
        times, positions = its["time_s"] / unit_s, axis.position(its["anomaly_score"])
        figure.add_scattergl(x=times.astype(np.float32), y=positions.astype(np.float32), mode="markers", **look)
    ends = strip.beats["time_s"].iloc[[0, -1]] / unit_s
    hover = f"threshold {score_text(strip.threshold)}<extra></extra>"
    figure.add_scattergl(x=ends, y=[float(axis.position(strip.threshold))] * 2, **styles.THRESHOLD, hovertemplate=hover)
    start, end = strip.excerpt_s[[0, -1]] / unit_s
    edge = {"width": 1.5, "color": styles.SKY}
    figure.add_vrect(start, end, fillcolor=styles.SKY, opacity=0.35, line=edge, layer="below")
    positions, labels = strip.score_ticks(axis)
    figure.update_yaxes(tickvals=positions, ticktext=labels, title=styles.SCORE)
    figure.update_xaxes(title=f"time from the start of the record ({unit})")
    return figure.update_layout(styles.layout(420))


def excerpt_figure(strip: RecordOverTime) -> go.Figure | None:
    """Draw an excerpt of the signal with its beats marked; ``None`` when no lead has a signal."""
    rows = len(strip.leads)
    if not rows:
        return None
    seconds = strip.excerpt_s.astype(np.float32)
    curve = {"mode": "lines", "line": {"color": styles.GREY, "width": 1.4}, "showlegend": False}
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (lead, lead_mv) in enumerate(zip(strip.leads, strip.excerpt_mv.T, strict=True), start=1):
        figure.add_scatter(x=seconds, y=lead_mv.astype(np.float32), name=f"lead {lead}", **curve, row=row, col=1)
        figure.update_yaxes(title=f"lead {lead} (mV)", nticks=4, row=row)
    low_mv, top_mv = float(np.nanmin(strip.excerpt_mv[:, 0])), float(np.nanmax(strip.excerpt_mv[:, 0]))
    height_mv = max(top_mv - low_mv, 1e-3)
    above_mv = top_mv + 0.12 * height_mv
    for name, sign, its in figure_data.by_outcome(strip.excerpt_beats):
        look = _look(name, sign, its, 3 if name == styles.NOT_FLAGGED else 9)
        above = {"x": its["fiducial_s"], "y": np.full(len(its), above_mv), "text": its["symbol"].map(styles.literal)}
        figure.add_scatter(mode="markers+text", textposition="top center", **above, **look, row=1, col=1)
    flagged_s = strip.excerpt_beats.loc[strip.excerpt_beats["flagged"].astype(bool), "fiducial_s"]
    shapes = [styles.shade(time_s - 0.2, time_s + 0.2, styles.ORANGE, 0.18) for time_s in flagged_s]
    figure.update_layout(shapes=shapes)
    figure.update_yaxes(range=[low_mv - 0.05 * height_mv, above_mv + 0.25 * height_mv], row=1)
    figure.update_xaxes(title="time from the start of the record (s)", row=rows)
    return figure.update_layout(styles.layout(170 + 130 * rows))


def _look(outcome: str, sign: styles.Sign, beats: pd.DataFrame, size: int) -> dict[str, Any]:
    """Name, marker and words of the beats with an outcome."""
    edge = {"width": 0 if sign.filled else 2}
    marker = {"symbol": sign.symbol, "color": sign.colour, "size": size, "line": edge}
    words = {"customdata": _beat_words(beats), "hovertemplate": f"%{{customdata}}<br>{outcome}<extra></extra>"}
    return {"name": outcome, "marker": marker, **words}


def _beat_words(beats: pd.DataFrame) -> list[str]:
    columns = (beats[name] for name in ("time_s", "symbol", "aami_class", "anomaly_score", "threshold"))
    return [
        f"{clock(time_s)}  {styles.literal(symbol)} ({aami_class})<br>score {score_text(score)}, "
        f"threshold {score_text(threshold)}"
        for time_s, symbol, aami_class, score, threshold in zip(*columns, strict=True)
    ]
