"""The interactive figures of ``report.html``: arrays and tables in, Plotly figures out.

Colours of text, grid and background are left to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.figure_data import (
    AlarmCurves,
    Curve,
    ExampleBeat,
    NoiseCurve,
    Results,
    ScoreAxis,
    ScoreHistograms,
    Strip,
    ThresholdSpread,
)
from ecg_anomaly.words import clock, count_text, score_text

_LINE_HEIGHT = 20
_QUESTION_LOOKS = ((styles.ORANGE, ""), (styles.PURPLE, "/"), (styles.SKY, "."))
_NARROWEST = 0.08  # share of a bar that has room for a number
_BUTTONS_HEIGHT = 32  # pixels at the top that stay free for Plotly's buttons


@dataclass(frozen=True)
class Panel:
    """A figure with its words.

    Attributes
    ----------
    key
        Its name within the page.
    title, reading
        What it shows, and one sentence on how to read it.
    figure
        The figure; ``None`` when there is nothing to draw, which ``reading`` then explains.
    wide
        Whether it takes the whole width of a wide page.
    min_width
        Pixels below which it scrolls sideways on a narrow page.
    """

    key: str
    title: str
    reading: str
    figure: go.Figure | None
    wide: bool = False
    min_width: int = 0


def all_panels(results: Results) -> list[Panel]:
    """Draw every figure of the page but the examples, in the page's order."""
    judged, detectors = results.judged, results.detectors()
    anomalous = judged["anomalous"].to_numpy(dtype=bool)
    flagged = judged["flagged"].to_numpy(dtype=bool)
    axis, thresholds = results.score_axis, results.thresholds
    return [
        _curve_panel(
            "roc",
            "ROC curve",
            "The nearer a curve comes to the upper left corner, the more anomalous beats are found for few "
            "false alarms; the diamond is the chosen threshold.",
            roc_figure(figure_data.roc_curves(anomalous, detectors), anomalous, flagged),
        ),
        _curve_panel(
            "precision-recall",
            "Precision and recall",
            "Of the beats that are flagged, precision is the share that is anomalous; the dotted line is what flagging "
            "at random would reach.",
            precision_recall_figure(figure_data.precision_recall_curves(anomalous, detectors), anomalous, flagged),
        ),
        _alarm_panel(figure_data.alarm_curves(judged)),
        Panel(
            "confusion",
            "Confusion matrix",
            "Each row is what the annotation says and adds up to 100 %; the right column is what the detector flagged.",
            confusion_figure(results.confusion),
        ),
        Panel(
            "history",
            "Training",
            "Both losses should fall together; the diamond marks the epoch whose weights were kept.",
            history_figure(results.history),
        ),
        Panel(
            "distribution",
            "Scores of each class",
            f"Dashed is {thresholds.words}. {'' if thresholds.follows else 'Beats to its right are flagged. '}The axis "
            "is linear up to there and logarithmic above.",
            histogram_figure(figure_data.score_histograms(results.scores, axis), thresholds),
            wide=True,
        ),
        _strip_panel(results.strip, axis, thresholds.follows),
        _excerpt_panel(results.strip),
        Panel(
            "records",
            "AUC of each record",
            "How well the score ranks the beats within each record, the number of its anomalous beats in brackets: "
            f"{figure_data.records_note(results.per_record, len(figure_data.ranked_records(results.per_record)))}.",
            records_figure(results.per_record),
            wide=True,
        ),
    ]


def example_panels(examples: Sequence[ExampleBeat]) -> list[Panel]:
    """Draw each example; the title says which rule chose it, the sentence which beat it is."""
    panels = []
    for number, beat in enumerate(examples):
        rules, which = figure_data.example_title(beat)
        title = f"{styles.class_name(beat.example.aami_class)}: {rules}"
        reading = f"{which}, threshold {score_text(beat.threshold)}. {beat.verdict.capitalize()}."
        panels.append(Panel(f"example-{number}", title, reading, example_figure(beat)))
    return panels


def question_panel(examples: Sequence[ExampleBeat]) -> Panel:
    """Draw which questions flagged the examples."""
    figure = question_figure(examples)
    reading = (
        "What each question adds to the score of the example beats that were flagged; the widest part is what flagged "
        "the beat."
    )
    missing = "No example beat was flagged."
    return Panel("questions", "Which question flagged the beat", reading if figure else missing, figure, True, 600)


def noise_panel(noise: pd.DataFrame) -> Panel:
    """Draw what is found when noise is added, from ``noise.csv``."""
    reading = (
        f"Noise was added to {count_text(noise['record'].nunique(), 'record')}, whose beats the QRS detector "
        "then had to find; all records pooled. Dotted is the value without added noise. What cannot be read is not "
        "flagged."
    )
    return Panel("noise", "What noise does", reading, noise_figure(figure_data.noise_curves(noise)), True, 760)


def roc_figure(curves: Sequence[Curve], anomalous: np.ndarray, flagged: np.ndarray) -> go.Figure | None:
    """Draw ROC curves and the point of the threshold; ``None`` without curves."""
    if not curves:
        return None
    figure = _curves(curves, "AUC", "false-positive rate", "sensitivity")
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="chance", line=_thin("dot"), hoverinfo="skip")
    _add_operating_point(figure, flagged[~anomalous].mean(), flagged[anomalous].mean())
    return figure


def precision_recall_figure(curves: Sequence[Curve], anomalous: np.ndarray, flagged: np.ndarray) -> go.Figure | None:
    """Draw precision-recall curves, prevalence and the point of the threshold; ``None`` without curves."""
    if not curves:
        return None
    figure = _curves(curves, "AP", "sensitivity (recall)", "precision")
    prevalence = float(anomalous.mean())
    figure.add_scatter(
        x=[0, 1],
        y=[prevalence] * 2,
        mode="lines",
        name=f"chance: prevalence {prevalence:.1%}",
        line=_thin("dot"),
        hoverinfo="skip",
    )
    if flagged.any():
        _add_operating_point(figure, flagged[anomalous].mean(), anomalous[flagged].mean())
    return figure


def alarms_figure(curves: AlarmCurves) -> go.Figure:
    """Draw the sensitivity to each class against false alarms per hour of recording."""
    figure = go.Figure()
    for name, sensitivity in curves.sensitivity.items():
        line, sign, called = styles.CLASS_LINES[name], styles.CLASS_SIGNS[name], styles.class_name(name)
        figure.add_scatter(
            x=curves.position(curves.per_hour),
            y=sensitivity,
            customdata=curves.per_hour,
            mode="lines",
            name=called,
            legendgroup=name,
            line={"color": line.colour, "dash": line.dash, "width": line.width, "shape": "hv"},
            hovertemplate=f"%{{customdata:.3g}} false alarms per hour<br>sensitivity %{{y:.1%}}<extra>{called}</extra>",
        )
        figure.add_scatter(
            x=[float(curves.position(curves.per_hour_at_threshold))],
            y=[curves.at_threshold[name]],
            mode="markers",
            name=f"{name} at the threshold: {curves.at_threshold[name]:.1%}",
            legendgroup=name,
            marker={"symbol": sign.symbol, "size": 12, "color": line.colour, "line": {"width": 1.5, "color": "black"}},
            hovertemplate=f"sensitivity %{{y:.1%}}<extra>{name} at the threshold</extra>",
        )
    positions, labels = curves.ticks()
    figure.update_xaxes(type="log", tickvals=positions, ticktext=labels, title="false alarms per hour of recording")
    figure.update_yaxes(title="sensitivity", tickformat=".0%", range=[-0.02, 1.03])
    return _finished(figure, 480)


def noise_figure(curves: Sequence[NoiseCurve]) -> go.Figure:
    """Draw figures against the signal-to-noise ratio, one panel each, one line per kind of noise."""
    figure = make_subplots(
        1, len(curves), subplot_titles=[curve.name for curve in curves], horizontal_spacing=0.2 / len(curves)
    )
    for column, curve in enumerate(curves, start=1):
        form = ".1%" if curve.is_share else ".1f"
        for kind, values in curve.by_kind.items():
            line, sign, called = styles.NOISE_LINES[kind], styles.NOISE_SIGNS[kind], styles.NOISE_NAMES[kind]
            figure.add_scatter(
                x=curve.snr_db,
                y=values,
                mode="lines+markers",
                name=called,
                legendgroup=kind,
                showlegend=column == 1,
                line={"color": line.colour, "dash": line.dash, "width": line.width},
                marker={"symbol": sign.symbol, "size": 8},
                hovertemplate=f"%{{x:g}} dB<br>{curve.name} %{{y:{form}}}<extra>{called}</extra>",
                row=1,
                col=column,
            )
        figure.add_hline(y=curve.clean, line=_thin("dot"), row=1, col=column)
        figure.update_xaxes(title="signal-to-noise ratio (dB)", tickvals=curve.snr_db, col=column)
        if curve.is_share:
            figure.update_yaxes(tickformat=".0%", range=[-0.02, 1.03], col=column)
        else:
            figure.update_yaxes(rangemode="tozero", col=column)
    figure.update_annotations(font_size=13)
    return _finished(figure, 420, top=_BUTTONS_HEIGHT + 56)


def question_figure(examples: Sequence[ExampleBeat]) -> go.Figure | None:
    """Draw each question's part of the score of flagged beats as stacked bars; ``None`` without any."""
    flagged = [beat for beat in examples if beat.flagged and beat.surprises]
    if not flagged:
        return None
    names = [
        f"{beat.example.aami_class}: {beat.example.rules[0]}, score {score_text(beat.score)}"
        f"<br>{_safe(beat.record)} {clock(beat.time_s)}"
        for beat in flagged
    ]
    figure = go.Figure()
    for number, component in enumerate(flagged[0].surprises):
        # A surprise may lie a little below zero, which is no part of anything.
        parts = np.array([max(0.0, beat.surprises[component]) for beat in flagged])
        totals = np.array([sum(max(0.0, value) for value in beat.surprises.values()) for beat in flagged])
        shares = parts / np.maximum(totals, 1e-12)
        colour, pattern = _QUESTION_LOOKS[number % len(_QUESTION_LOOKS)]
        asked, texts = styles.question(component), [score_text(part) for part in parts]
        figure.add_bar(
            y=names,
            x=shares,
            orientation="h",
            name=asked,
            marker={
                "color": colour,
                "pattern": {"shape": pattern, "fillmode": "overlay", "fgcolor": "black", "fgopacity": 0.3, "size": 7},
            },
            text=np.where(shares < _NARROWEST, "", texts),
            customdata=texts,
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": "black"},
            constraintext="none",
            textangle=0,
            hovertemplate=f"%{{y}}<br>{asked}<br>%{{customdata}}, %{{x:.0%}} of the score<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.3)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_xaxes(tickformat=".0%", title="share of the anomaly score", range=[0, 1.005])
    return _finished(figure, 150 + 44 * len(flagged)).update_layout(legend_traceorder="normal")


def confusion_figure(confusion: pd.DataFrame) -> go.Figure:
    """Draw the confusion matrix: counts, and shares of each row."""
    counts = confusion.to_numpy(dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    texts = [
        [f"{count:,.0f}<br>{share:.1%}" for count, share in zip(*pair, strict=True)]
        for pair in zip(counts, shares, strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares.tolist(),
            x=[_safe(name) for name in confusion.columns],
            y=[_safe(name) for name in confusion.index],
            text=texts,
            texttemplate="%{text}",
            textfont={"size": 16},
            hoverinfo="text",
            colorscale=[[0, "#eef5fa"], [1, styles.BLUE]],
            zmin=0,
            zmax=1,
            xgap=3,
            ygap=3,
            colorbar={"tickformat": ".0%", "thickness": 12},
        )
    )
    figure.update_yaxes(autorange="reversed", title="the annotation says", showgrid=False)
    figure.update_xaxes(title="the detector says", showgrid=False)
    return _finished(figure, 420)


def histogram_figure(histograms: ScoreHistograms, thresholds: ThresholdSpread) -> go.Figure:
    """Draw the distribution of scores, one row per AAMI class, with the threshold through all rows."""
    classes = list(histograms.counts)
    titles = [
        f"{styles.class_name(name)}: {count_text(histograms.counts[name], 'beat')}, "
        f"{histograms.flagged[name]:.1%} flagged"
        for name in classes
    ]
    rows = max(1, len(classes))
    figure = make_subplots(rows, 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.28 / max(2, rows))
    axis, edges = histograms.axis, histograms.axis.position(histograms.edges)
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    ranges = [
        f"{score_text(low)} to {score_text(high)}"
        for low, high in zip(histograms.edges[:-1], histograms.edges[1:], strict=True)
    ]
    for row, name in enumerate(classes, start=1):
        figure.add_bar(
            x=middles,
            y=histograms.shares[name],
            width=widths,
            marker={"color": styles.CLASS_COLOURS[name], "line_width": 0},
            customdata=ranges,
            hovertemplate="score %{customdata}<br>%{y:.2%} of the class<extra></extra>",
            showlegend=False,
            row=row,
            col=1,
        )
    median, low, high = axis.position(np.array([thresholds.median, thresholds.low, thresholds.high]))
    if thresholds.follows:
        figure.add_vrect(x0=low, x1=high, fillcolor=styles.ORANGE, opacity=0.25, line_width=0, layer="below")
    figure.add_vline(x=median, line={"dash": "dash", "width": 1.5, "color": styles.ORANGE})
    figure.update_yaxes(tickformat=".0%", nticks=4, rangemode="tozero")
    ticks = axis.ticks(histograms.edges[0], histograms.edges[-1], 7)
    figure.update_xaxes(tickvals=axis.position(ticks), ticktext=[score_text(tick) for tick in ticks])
    what = "median threshold" if thresholds.follows else "threshold"
    figure.update_xaxes(title=f"{styles.SCORE} ({what} {score_text(thresholds.median)})", row=rows, col=1)
    figure.update_annotations(x=0, xanchor="left", xshift=-50, font_size=13)
    return _finished(figure, 110 + 105 * rows, top=_BUTTONS_HEIGHT + 24)


def history_figure(history: pd.DataFrame) -> go.Figure:
    """Draw losses and learning rate over the epochs, the best epoch marked."""
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.08)
    lines = {
        "loss": ("training loss", styles.BLUE, "solid", "circle"),
        "val_loss": ("validation loss", styles.VERMILLION, "dash", "square"),
    }
    for column, (name, colour, dash, symbol) in lines.items():
        figure.add_scatter(
            x=history["epoch"],
            y=history[column],
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol},
            row=1,
            col=1,
        )
    best = figure_data.best_epoch(history)
    if best is not None:
        epoch, loss = history["epoch"].iloc[best], history["val_loss"].iloc[best]
        figure.add_scatter(
            x=[epoch],
            y=[loss],
            mode="markers",
            name=f"kept: epoch {epoch}, {loss:.3g}",
            marker={"symbol": "diamond-open", "size": 13, "color": styles.ORANGE, "line_width": 2.5},
            row=1,
            col=1,
        )
    figure.add_scatter(
        x=history["epoch"],
        y=history["learning_rate"],
        mode="lines+markers",
        showlegend=False,
        name="learning rate",
        line={"color": styles.GREEN, "shape": "hvh"},
        marker={"symbol": "triangle-up"},
        row=2,
        col=1,
    )
    figure.update_yaxes(type="log", dtick="D2", tickformat=".0e")
    figure.update_yaxes(title="mean squared error", row=1, col=1)
    rates = figure_data.learning_rate_ticks(history)
    figure.update_yaxes(title="learning rate", tickvals=rates, ticktext=[f"{rate:.2g}" for rate in rates], row=2, col=1)
    figure.update_xaxes(tick0=1, dtick=max(1, round(len(history) / 8)))
    figure.update_xaxes(title="epoch", row=2, col=1)
    return _finished(figure, 420)


def example_figure(beat: ExampleBeat) -> go.Figure:
    """Draw a beat beside its reconstruction, the error shaded, one row per lead."""
    rows = max(1, len(beat.leads))
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.05)
    for row, lead in enumerate(beat.leads, start=1):
        shared = {"x": beat.window_s.round(4), "mode": "lines", "showlegend": False}
        figure.add_scatter(
            **shared,
            y=beat.beat_mv[:, row - 1].round(4),
            name="beat",
            line={"color": styles.GREY, "width": 2.2},
            row=row,
            col=1,
        )
        figure.add_scatter(
            **shared,
            y=beat.reconstruction_mv[:, row - 1].round(4),
            name="reconstruction",
            fill="tonexty",
            fillcolor="rgba(230,159,0,0.4)",
            line={"color": styles.BLUE, "width": 2, "dash": "dash"},
            row=row,
            col=1,
        )
        figure.update_yaxes(title=f"lead {lead} (mV)", nticks=4, row=row, col=1)
    figure.update_xaxes(title="seconds from the fiducial point", row=rows, col=1)
    figure.update_layout(hovermode="x unified")
    return _finished(figure, 110 + 105 * rows)


def strip_figure(strip: Strip, axis: ScoreAxis) -> go.Figure:
    """Draw the scores of one record over time."""
    figure = go.Figure()
    times, unit = figure_data.time_axis(strip.beats["time_s"].to_numpy(dtype=float))
    scores = strip.beats["anomaly_score"].to_numpy(dtype=float)
    words = _beat_words(strip.beats)
    for name, sign in styles.OUTCOMES.items():
        chosen = (strip.beats["outcome"] == name).to_numpy()
        figure.add_scattergl(
            x=times[chosen].round(5),
            y=axis.position(scores[chosen]).astype(np.float32),
            mode="markers",
            name=name,
            marker=_marker(sign, 4 if name == styles.NOT_FLAGGED else 8),
            text=words[chosen],
            hovertemplate="%{text}<extra></extra>",
        )
    thresholds, _ = figure_data.time_axis(strip.threshold_s, unit)
    figure.add_scattergl(
        x=thresholds.round(5),
        y=axis.position(strip.thresholds).astype(np.float32),
        mode="lines",
        name="threshold",
        line={"dash": "dash", "width": 1.5, "color": styles.ORANGE, "shape": "hv"},
        text=[f"threshold {score_text(value)}" for value in strip.thresholds],
        hovertemplate="%{text}<extra></extra>",
    )
    excerpt, _ = figure_data.time_axis(strip.excerpt_s, unit)
    figure.add_vrect(
        x0=excerpt[0],
        x1=excerpt[-1],
        fillcolor=styles.SKY,
        opacity=0.35,
        line={"width": 1.5, "color": styles.SKY},
        layer="below",
    )
    ticks = axis.ticks(min(0.0, float(scores.min())), float(scores.max()), 7)
    figure.update_yaxes(
        tickvals=axis.position(ticks), ticktext=[score_text(tick) for tick in ticks], title=styles.SCORE
    )
    figure.update_xaxes(title=f"time from the start of the record ({unit})")
    return _finished(figure, 420)


def excerpt_figure(strip: Strip) -> go.Figure | None:
    """Draw an excerpt of the signal with its beats marked; ``None`` when no lead has a signal."""
    rows = len(strip.leads)
    if not rows:
        return None
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.06)
    for row, lead in enumerate(strip.leads, start=1):
        figure.add_scatter(
            x=strip.excerpt_s.round(4),
            y=strip.excerpt_mv[:, row - 1].round(4),
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
    words = _beat_words(beats)
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
            customdata=words[chosen],
            hovertemplate="%{customdata}<extra></extra>",
            row=1,
            col=1,
        )
    figure.update_layout(
        shapes=[_band(time_s) for time_s in beats["fiducial_s"][beats["flagged"].to_numpy(dtype=bool)]]
    )
    figure.update_yaxes(range=[low_mv - 0.05 * height_mv, above_mv + 0.25 * height_mv], row=1, col=1)
    figure.update_xaxes(title="time from the start of the record (s)", row=rows, col=1)
    return _finished(figure, 170 + 130 * rows)


def records_figure(per_record: pd.DataFrame) -> go.Figure | None:
    """Draw the AUC of each record, sorted, with its number of anomalous beats; ``None`` without any."""
    ranked = figure_data.ranked_records(per_record)
    if not len(ranked):
        return None
    few = (ranked["anomalous"] <= figure_data.FEW_ANOMALOUS).to_numpy()
    names = np.array(
        [f"{_safe(name)} ({count:,})" for name, count in zip(ranked["record"], ranked["anomalous"], strict=True)],
        dtype=object,
    )
    figure = go.Figure()
    for chosen, symbol, name in (
        (~few, "circle", f"more than {figure_data.FEW_ANOMALOUS} anomalous beats"),
        (few, "square-open", f"{figure_data.FEW_ANOMALOUS} or fewer: shaky"),
    ):
        figure.add_scatter(
            x=ranked["auc"][chosen],
            y=names[chosen],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": styles.BLUE, "line": {"width": 2, "color": styles.BLUE}},
            hovertemplate="%{y}: AUC %{x:.3f}<extra></extra>",
        )
    figure.add_vline(x=0.5, line={"dash": "dot", "width": 1.5, "color": styles.GREY})
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=names[::-1],
        tickmode="linear",
        dtick=1,
        automargin=True,
        range=[-0.7, len(names) - 0.3],
    )
    figure.update_xaxes(title="AUC within the record", range=[min(0.5, float(ranked["auc"].min())) - 0.02, 1.01])
    return _finished(figure, 140 + _LINE_HEIGHT * max(4, len(ranked)))


def _band(time_s: float) -> dict[str, object]:
    """Shade a flagged beat across all rows."""
    place = {"type": "rect", "xref": "x", "x0": time_s - 0.2, "x1": time_s + 0.2, "yref": "paper", "y0": 0, "y1": 1}
    return {**place, "fillcolor": styles.ORANGE, "opacity": 0.18, "line": {"width": 0}, "layer": "below"}


def _curve_panel(key: str, title: str, reading: str, figure: go.Figure | None) -> Panel:
    missing = "No curve: it needs normal and anomalous test beats."
    return Panel(key, title, reading if figure is not None else missing, figure)


def _alarm_panel(curves: AlarmCurves | None) -> Panel:
    reading = (
        "One line per class: how much of it is found for how many false alarms, as all thresholds are raised or "
        "lowered by the same amount; the marks are the thresholds as they are."
    )
    missing = "No curve: it needs normal and anomalous test beats."
    return Panel(
        "alarms",
        "Sensitivity against false alarms per hour",
        reading if curves else missing,
        alarms_figure(curves) if curves else None,
        wide=True,
    )


def _strip_panel(strip: Strip, axis: ScoreAxis, follows: bool) -> Panel:
    thinned = " Of many beats the lowest and the highest score of each moment are drawn." if strip.thinned else ""
    reading = (
        f"Every mark is a beat, flagged above the dashed line{', which follows the patient' if follows else ''}; "
        f"the record was chosen because {strip.reason}, and the shaded stretch is the excerpt that follows.{thinned}"
    )
    return Panel("strip", f"Record {strip.record} over time", reading, strip_figure(strip, axis), wide=True)


def _excerpt_panel(strip: Strip) -> Panel:
    figure = excerpt_figure(strip)
    reading = (
        f"The {figure_data.EXCERPT_S:.0f} seconds around the record's highest score: annotated symbols stand above the "
        "signal, flagged beats are shaded, gaps are where no window reaches."
    )
    missing = "No lead has a signal around the record's highest score."
    return Panel("excerpt", f"Signal of {strip.record}", reading if figure is not None else missing, figure, True, 760)


def _curves(curves: Sequence[Curve], area: str, x_title: str, y_title: str) -> go.Figure:
    figure = go.Figure()
    for number, curve in enumerate(curves):
        line = styles.line(number)
        figure.add_scatter(
            x=curve.x.astype(np.float32),
            y=curve.y.astype(np.float32),
            mode="lines",
            name=f"{_safe(curve.name)}, {area} {curve.area:.3f}",
            line={"color": line.colour, "dash": line.dash, "width": line.width},
            hovertemplate=f"{x_title} %{{x:.3f}}<br>{y_title} %{{y:.3f}}<extra>{_safe(curve.name)}</extra>",
        )
    figure.update_xaxes(title=x_title, range=[-0.01, 1.01])
    figure.update_yaxes(title=y_title, range=[-0.01, 1.02])
    return _finished(figure, 480)


def _add_operating_point(figure: go.Figure, x: float, y: float) -> None:
    figure.add_scatter(
        x=[float(x)],
        y=[float(y)],
        mode="markers",
        name="at the threshold",
        marker={"symbol": "diamond", "size": 11, "color": styles.ORANGE, "line": {"width": 1.5, "color": "black"}},
    )


def _finished(figure: go.Figure, height: int, top: int = _BUTTONS_HEIGHT) -> go.Figure:
    legend = {
        "orientation": "h",
        "yref": "container",
        "yanchor": "top",
        "y": 1 - _BUTTONS_HEIGHT / height,
        "x": 0,
        "xanchor": "left",
    }
    figure.update_layout(
        template="none", height=height, legend=legend, margin={"l": 62, "r": 14, "t": top, "b": 52}, autosize=True
    )
    return figure


def _marker(sign: styles.Sign, size: int) -> dict[str, object]:
    return {"symbol": sign.symbol, "color": sign.colour, "size": size, "line": {"width": 0 if sign.filled else 2}}


def _thin(dash: str) -> dict[str, object]:
    return {"dash": dash, "width": 1.5, "color": styles.GREY}


def _beat_words(beats: pd.DataFrame) -> np.ndarray:
    columns = (beats[name] for name in ("time_s", "symbol", "aami_class", "anomaly_score", "threshold", "outcome"))
    words = [
        f"{clock(time_s)}  {_safe(symbol)} ({aami_class})<br>score {score_text(score)}, "
        f"threshold {score_text(threshold)}<br>{outcome}"
        for time_s, symbol, aami_class, score, threshold, outcome in zip(*columns, strict=True)
    ]
    return np.array(words, dtype=object)


def _safe(text: object) -> str:
    # Plotly reads a few HTML tags in its labels.
    return html.escape(str(text), quote=False)
