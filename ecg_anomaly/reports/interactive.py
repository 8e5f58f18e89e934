"""The figures of ``report.html`` that one zooms into: arrays and tables in, Plotly figures out.

Colours of text, grid and background are left to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.figure_data import AlarmCurves, RecordOverTime, ScoreAxis
from ecg_anomaly.reports.results import Results
from ecg_anomaly.words import clock, score_text

_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot"}
_EDGE = {"width": 1.5, "color": "black"}
_SYMBOLS = {"o": "circle", "^": "triangle-up", "s": "square"}


@dataclass(frozen=True)
class InteractivePanel:
    """A figure with its words.

    Attributes
    ----------
    name
        Its name within the page.
    title, reading
        What it shows, and how to read it.
    figure
        The figure; ``None`` when there is nothing to draw, which ``reading`` then explains.
    min_width
        Pixels below which it scrolls sideways on a narrow page.
    """

    name: str
    title: str
    reading: str
    figure: go.Figure | None
    min_width: int = 0


def alarm_panel(results: Results) -> InteractivePanel:
    """Draw the sensitivity to each class against false alarms per hour."""
    curves = figure_data.alarm_curves(results.judged)
    return InteractivePanel(
        "alarms",
        "Sensitivity against false alarms per hour",
        "One line per class: how much of it is found for how many false alarms, as all thresholds are raised or "
        "lowered by the same amount; the marks are the thresholds as they are."
        if curves
        else "No curve: it needs normal and anomalous test beats.",
        alarms_figure(curves) if curves else None,
    )


def strip_panels(results: Results) -> list[InteractivePanel]:
    """Draw one record over time, and an excerpt of its signal."""
    strip = results.strip
    follows = ", which follows the patient" if results.thresholds.follows else ""
    thinned = " Of many beats the lowest and the highest score of each moment are drawn." if strip.thinned else ""
    over_time = (
        f"Every mark is a beat, flagged above the dashed line{follows}; the record was chosen because {strip.reason}, "
        f"and the shaded stretch is the excerpt that follows.{thinned}"
    )
    signal = (
        f"The {figure_data.EXCERPT_S:.0f} seconds around the record's highest score: annotated symbols stand above the "
        "signal, flagged beats are shaded, gaps are where no window reaches."
        if strip.leads
        else "No lead has a signal around the record's highest score."
    )
    return [
        InteractivePanel(
            "strip", f"Record {strip.record} over time", over_time, strip_figure(strip, results.score_axis)
        ),
        InteractivePanel("excerpt", f"Signal of {strip.record}", signal, excerpt_figure(strip), 760),
    ]


def alarms_figure(curves: AlarmCurves) -> go.Figure:
    """Draw the sensitivity to each class against false alarms per hour of recording."""
    figure = go.Figure()
    for name, sensitivity in curves.sensitivity.items():
        line, called = styles.CLASS_LINES[name], styles.class_name(name)
        figure.add_scatter(
            x=curves.position(curves.per_hour),
            y=sensitivity,
            customdata=curves.per_hour,
            mode="lines",
            name=called,
            legendgroup=name,
            line={"color": line.colour, "dash": _DASHES[str(line.style)], "width": line.width, "shape": "hv"},
            hovertemplate=f"%{{customdata:.3g}} false alarms per hour<br>sensitivity %{{y:.1%}}<extra>{called}</extra>",
        )
        figure.add_scatter(
            x=[float(curves.position(curves.per_hour_at_threshold))],
            y=[curves.at_threshold[name]],
            mode="markers",
            name=f"{name} at the threshold: {curves.at_threshold[name]:.1%}",
            legendgroup=name,
            marker={"symbol": _SYMBOLS[line.marker], "size": 12, "color": line.colour, "line": _EDGE},
            hovertemplate=f"sensitivity %{{y:.1%}}<extra>{name} at the threshold</extra>",
        )
    positions, labels = curves.ticks()
    figure.update_xaxes(type="log", tickvals=positions, ticktext=labels, title="false alarms per hour of recording")
    figure.update_yaxes(title="sensitivity", tickformat=".0%", range=[-0.02, 1.03])
    return figure.update_layout(styles.layout(480))


def strip_figure(strip: RecordOverTime, axis: ScoreAxis) -> go.Figure:
    """Draw the scores of one record over time."""
    figure = go.Figure()
    times, unit = figure_data.time_axis(strip.beats["time_s"].to_numpy(dtype=float))
    scores = strip.beats["anomaly_score"].to_numpy(dtype=float)
    readings = _beat_words(strip.beats)
    for name, sign in styles.OUTCOMES.items():
        chosen = (strip.beats["outcome"] == name).to_numpy()
        figure.add_scattergl(
            x=times[chosen].astype(np.float32),
            y=axis.position(scores[chosen]).astype(np.float32),
            mode="markers",
            name=name,
            marker=_marker(sign, 4 if name == styles.NOT_FLAGGED else 8),
            text=readings[chosen],
            hovertemplate=f"%{{text}}<br>{name}<extra></extra>",
        )
    thresholds, _ = figure_data.time_axis(strip.threshold_s, unit)
    figure.add_scattergl(
        x=thresholds.astype(np.float32),
        y=axis.position(strip.thresholds).astype(np.float32),
        mode="lines",
        name="threshold",
        line={"dash": "dash", "width": 1.5, "color": styles.ORANGE, "shape": "hv"},
        text=[score_text(value) for value in strip.thresholds],
        hovertemplate="threshold %{text}<extra></extra>",
    )
    excerpt, _ = figure_data.time_axis(strip.excerpt_s, unit)
    shade = {"fillcolor": styles.SKY, "opacity": 0.35, "line": {"width": 1.5, "color": styles.SKY}, "layer": "below"}
    figure.add_vrect(x0=excerpt[0], x1=excerpt[-1], **shade)
    positions, labels = axis.ticks(min(0.0, float(scores.min())), float(scores.max()), 7)
    figure.update_yaxes(tickvals=positions, ticktext=labels, title=styles.SCORE)
    figure.update_xaxes(title=f"time from the start of the record ({unit})")
    return figure.update_layout(styles.layout(420))


def excerpt_figure(strip: RecordOverTime) -> go.Figure | None:
    """Draw an excerpt of the signal with its beats marked; ``None`` when no lead has a signal."""
    rows = len(strip.leads)
    if not rows:
        return None
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.06)
    for row, lead in enumerate(strip.leads, start=1):
        figure.add_scatter(
            x=strip.excerpt_s.astype(np.float32),
            y=strip.excerpt_mv[:, row - 1].astype(np.float32),
            mode="lines",
            name=f"lead {lead}",
            line={"color": styles.GREY, "width": 1.4},
            connectgaps=False,
            showlegend=False,
            row=row,
            col=1,
        )
        figure.update_yaxes(title=f"lead {lead} (mV)", nticks=4, row=row, col=1)
    low_mv, top_mv = float(np.nanmin(strip.excerpt_mv[:, 0])), float(np.nanmax(strip.excerpt_mv[:, 0]))
    height_mv = max(top_mv - low_mv, 1e-3)
    above_mv = top_mv + 0.12 * height_mv
    beats = strip.excerpt_beats
    readings = _beat_words(beats)
    for name, sign in styles.OUTCOMES.items():
        chosen = (beats["outcome"] == name).to_numpy()
        figure.add_scatter(
            x=beats["fiducial_s"][chosen],
            y=np.full(chosen.sum(), above_mv),
            mode="markers+text",
            name=name,
            marker=_marker(sign, 3 if name == styles.NOT_FLAGGED else 9),
            textposition="top center",
            text=[_safe(symbol) for symbol in beats["symbol"][chosen]],
            customdata=readings[chosen],
            hovertemplate=f"%{{customdata}}<br>{name}<extra></extra>",
            row=1,
            col=1,
        )
    flagged_s = beats["fiducial_s"][beats["flagged"].to_numpy(dtype=bool)]
    figure.update_layout(shapes=[_band(time_s) for time_s in flagged_s])
    figure.update_yaxes(range=[low_mv - 0.05 * height_mv, above_mv + 0.25 * height_mv], row=1, col=1)
    figure.update_xaxes(title="time from the start of the record (s)", row=rows, col=1)
    return figure.update_layout(styles.layout(170 + 130 * rows))


def _band(time_s: float) -> dict[str, object]:
    """Shade a flagged beat across all rows."""
    place = {"type": "rect", "xref": "x", "x0": time_s - 0.2, "x1": time_s + 0.2, "yref": "paper", "y0": 0, "y1": 1}
    return {**place, "fillcolor": styles.ORANGE, "opacity": 0.18, "line": {"width": 0}, "layer": "below"}


def _marker(sign: styles.Sign, size: int) -> dict[str, object]:
    return {"symbol": sign.symbol, "color": sign.colour, "size": size, "line": {"width": 0 if sign.filled else 2}}


def _beat_words(beats: pd.DataFrame) -> np.ndarray:
    columns = (beats[name] for name in ("time_s", "symbol", "aami_class", "anomaly_score", "threshold"))
    readings = [
        f"{clock(time_s)}  {_safe(symbol)} ({aami_class})<br>score {score_text(score)}, "
        f"threshold {score_text(threshold)}"
        for time_s, symbol, aami_class, score, threshold in zip(*columns, strict=True)
    ]
    return np.array(readings, dtype=object)


def _safe(text: object) -> str:
    # Plotly reads a few HTML tags in its labels.
    return html.escape(str(text), quote=False)
