"""The figures of ``plots/*.png`` and ``report.html``: arrays and tables in, Matplotlib figures out.

The figures are made without ``pyplot``: they need no display, and nobody has to close them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.ticker import MaxNLocator, PercentFormatter
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

from ecg_anomaly import words
from ecg_anomaly.beats.labelled import CLASSES
from ecg_anomaly.evaluation.noise_stress import CLEAN, pooled
from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.examples import BORDERLINE, HIGHEST, TYPICAL
from ecg_anomaly.reports.figure_data import AlarmCurves, ExampleBeat, RecordOverTime, ScoreAxis

FEW_ANOMALOUS = 5  # an AUC from so few anomalous beats is shaky

_WIDTH_IN = 12.0
_NO_CURVE = "no curve: normal and anomalous\ntest beats are both needed"
_BINS = 60
_CHANCE = {"color": styles.GREY, "linewidth": 1, "linestyle": (0, (2, 4))}
_COLUMNS = (TYPICAL, BORDERLINE, HIGHEST)  # each rule has one, so that beats of different classes compare
_MISTAKES_IN_ROW = 5
_MARKS_PT = 28  # what the marks and symbols above a signal take
_PART_LOOKS = ((styles.ORANGE, ""), (styles.PURPLE, "//"), (styles.SKY, "\\\\"), (styles.GREEN, ".."))
_NARROWEST = 0.08  # share of a bar that has room for a number
_NOISE_FIGURES = {
    "false_alarms_per_hour": "false alarms per hour",
    "sensitivity_V": "sensitivity to class V",
    "unreadable_share": "unreadable share",
}
STYLE = {**sns.axes_style("ticks"), **styles.FIGURE}
_SMALL = {
    **STYLE,
    **{"font.size": 9, "axes.titlesize": 9},
    **dict.fromkeys(("axes.labelsize", "xtick.labelsize", "ytick.labelsize"), 8),
}


@mpl.rc_context(STYLE)
def plot_curves(judged: pd.DataFrame, detectors: Mapping[str, np.ndarray]) -> Figure:
    """Draw ROC and precision-recall curves side by side.

    ``judged`` has the columns ``anomalous`` and ``flagged``, one row per beat. ``detectors`` are by name scores of
    shape ``(beats,)``: the detector first, then what it is compared with; beats with NaN do not count.
    """
    figure = _figure(6.0)
    left, right = figure.subplots(1, 2)
    anomalous, flagged = (judged[name].to_numpy(dtype=bool) for name in ("anomalous", "flagged"))
    for number, (name, scores) in enumerate(detectors.items()):
        known = ~np.isnan(scores)
        if len(np.unique(anomalous[known])) < 2:
            continue
        look = {**styles.DETECTOR_LINES[number].look, "zorder": 3 if number else 4}
        roc = RocCurveDisplay.from_predictions(anomalous[known], scores[known], ax=left)
        roc.line_.set(**look, label=f"{name}, AUC {roc.roc_auc:.3f}")
        ranking = PrecisionRecallDisplay.from_predictions(anomalous[known], scores[known], ax=right)
        ranking.line_.set(**look, label=f"{name}, AP {ranking.average_precision:.3f}")
        for line in (roc.line_, ranking.line_):
            line.set_data(*figure_data.thinned_curve(*line.get_data()))
    for axes in (left, right):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    left.set(xlabel="false-positive rate (1 - specificity)", ylabel="sensitivity")
    right.set(xlabel="sensitivity (recall)", ylabel="precision")
    if not left.lines:
        for axes in (left, right):
            _say(axes, _NO_CURVE)
        return figure
    left.plot([0, 1], [0, 1], label="chance", **_CHANCE)
    right.axhline(anomalous.mean(), label=f"chance: prevalence {anomalous.mean():.1%}", **_CHANCE)
    diamond: dict[str, Any] = {"color": styles.INK, "marker": "D", "linestyle": "none", "label": "at the threshold"}
    left.plot(flagged[~anomalous].mean(), flagged[anomalous].mean(), zorder=5, **diamond)
    if flagged.any():
        right.plot(flagged[anomalous].mean(), anomalous[flagged].mean(), zorder=5, **diamond)
    for axes in (left, right):
        # Below the axes: no curve runs there.
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), borderaxespad=0, fontsize=10)
    return figure


@mpl.rc_context(STYLE)
def plot_alarms(curves: AlarmCurves | None) -> Figure:
    """Draw the sensitivity to each class against false alarms per hour of recording; ``None`` if it is not defined."""
    figure = _figure(5.0)
    axes = figure.subplots()
    axes.set(xlabel="false alarms per hour of recording", ylabel="sensitivity", ylim=(-0.02, 1.03))
    if curves is None:
        _say(axes, _NO_CURVE)
        return figure
    alarms = float(curves.position(curves.per_hour_at_threshold))
    for name, sensitivity in curves.sensitivity.items():
        line, found = styles.CLASS_LINES[name], curves.at_threshold[name]
        axes.step(curves.position(curves.per_hour), sensitivity, where="post", **line.look)
        label = f"{styles.class_name(name)}: {found:.1%} at the threshold"
        mark: dict[str, Any] = {"marker": line.marker, "markersize": 9, "markeredgecolor": styles.INK, "zorder": 4}
        axes.plot(alarms, found, label=label, **mark, **line.look)
    label = f"the threshold: {words.score_text(curves.per_hour_at_threshold)} false alarms per hour"
    axes.axvline(alarms, color=styles.INK, linewidth=1.0, linestyle=":", label=label)
    axes.set_xscale("log")
    axes.set_xticks(*curves.ticks())
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.margins(x=0.01)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=3.2)
    return figure


@mpl.rc_context({**STYLE, "axes.grid": False})
def plot_confusion(confusion: pd.DataFrame) -> Figure:
    """Draw the confusion matrix: counts by label (rows) and flag (columns), and shares of each row."""
    figure = _figure(4.6, width_in=8.0)
    totals = confusion.sum(axis=1)
    shares = confusion.div(totals, axis=0)  # NaN in a row without beats
    texts = confusion.map("{:,.0f}\n".format) + shares.map(words.percent)
    axes = figure.subplots()
    look = {"cmap": sns.light_palette(styles.BLUE, as_cmap=True), "linewidths": 2, "linecolor": styles.GROUND}
    bar = {"label": "share of the row", "format": PercentFormatter(1)}
    names = [f"{name}\n({total:,.0f})" for name, total in totals.items()]
    written: dict[str, Any] = {"annot": texts, "fmt": "", "annot_kws": {"fontsize": 15}, "yticklabels": names}
    sns.heatmap(shares.fillna(0), vmin=0, vmax=1, ax=axes, cbar_kws=bar, **written, **look)
    axes.tick_params(length=0, labelrotation=0)
    axes.set(xlabel="the detector says", ylabel="the annotation says")
    return figure


@mpl.rc_context(STYLE)
def plot_scores(scores: pd.DataFrame, axis: ScoreAxis, threshold: float) -> Figure:
    """Draw the distribution of scores, one row per AAMI class, with the threshold through all rows.

    ``scores`` has a row per beat, with the columns ``aami_class``, ``anomaly_score`` and ``flagged``. Those to the
    right of the threshold are flagged.
    """
    classes = [name for name in CLASSES if (scores["aami_class"] == name).any()]
    positions = axis.position(scores["anomaly_score"].to_numpy(dtype=float))
    lowest, highest = scores["anomaly_score"].clip(upper=0).min(), scores["anomaly_score"].clip(lower=0).max()
    if lowest == highest:
        highest += axis.unit
    edges = np.linspace(float(axis.position(lowest)), float(axis.position(highest)), _BINS + 1)
    figure = _figure(1.0 + 1.25 * len(classes))
    panels = figure.subplots(len(classes), 1, sharex=True, squeeze=False)[:, 0]
    for panel, aami_class in zip(panels, classes, strict=True):
        chosen, colour = (scores["aami_class"] == aami_class).to_numpy(), styles.CLASS_COLOURS[aami_class]
        shares = np.histogram(positions[chosen], edges)[0] / chosen.sum()
        some = shares > 0
        # The edge shows bars that are lower than a point.
        look: dict[str, Any] = {"color": colour, "edgecolor": colour, "linewidth": 1.0}
        panel.bar(edges[:-1][some], shares[some], np.diff(edges)[some], align="edge", **look)
        panel.axvline(axis.position(threshold), color=styles.INK, linewidth=1.3, linestyle="--")
        share = scores["flagged"].to_numpy(dtype=bool)[chosen].mean()
        count = words.count_text(int(chosen.sum()), "beat")
        name = f"{styles.class_name(aami_class)}\n{count}\n{share:.1%} flagged"
        panel.set_ylabel(name, rotation=0, ha="right", va="center")
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_locator(MaxNLocator(2))
        panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panels[-1].set_xticks(*axis.ticks(lowest, highest, 14))
    panels[-1].set_xlabel("anomaly score (linear up to the threshold, logarithmic above; height: share of the class)")
    return figure


@mpl.rc_context(STYLE)
def plot_history(history: pd.DataFrame) -> Figure:
    """Draw losses and learning rate over the epochs of ``history.csv``."""
    figure = _figure(4.6, width_in=8.0)
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    epochs = history["epoch"].to_numpy()
    losses.plot(epochs, history["loss"], color=styles.BLUE, marker="o", markersize=4, label="training loss")
    look: dict[str, Any] = {"color": styles.VERMILLION, "linestyle": "--", "marker": "s", "markersize": 4}
    losses.plot(epochs, history["val_loss"], label="loss of patients left out", **look)
    rates.step(epochs, history["learning_rate"], where="mid", color=styles.GREEN, marker="^", markersize=4)
    losses.set(yscale="log", ylabel="loss")
    rates.set(ylabel="learning rate", ylim=(0, None))
    losses.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=10, borderaxespad=0.2)
    rates.set(xlabel="epoch", xlim=(epochs.min() - 0.5, epochs.max() + 0.5))
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@mpl.rc_context(_SMALL)
def plot_examples(examples: Sequence[ExampleBeat]) -> Figure:
    """Draw beats that stand for their class beside their reconstructions: one row of panels per class."""
    classes = list(dict.fromkeys(beat.example.aami_class for beat in examples))
    columns = [rule for rule in _COLUMNS if any(beat.example.rules[0] == rule for beat in examples)]
    places = [(classes.index(beat.example.aami_class), columns.index(beat.example.rules[0])) for beat in examples]
    titles = [
        f"{beat.example.aami_class}: {beat.rules}\n{styles.plain(beat.words)}\n{beat.verdict}" for beat in examples
    ]
    return _grid(examples, places, titles, max(2, len(columns)) * _WIDTH_IN / len(_COLUMNS), around=False)


@mpl.rc_context(_SMALL)
def plot_mistakes(mistakes: Sequence[ExampleBeat]) -> Figure:
    """Draw false alarms and missed beats, each beneath the signal around it."""
    if not mistakes:
        figure = _figure(1.0)
        _say(figure.subplots(), "no false alarm and no missed beat")
        return figure
    places: list[tuple[int, int]] = []
    for _, of_a_kind in itertools.groupby(mistakes, key=lambda beat: beat.example.rules):
        first = 1 + places[-1][0] if places else 0  # each kind begins a row
        places += [(first + n // _MISTAKES_IN_ROW, n % _MISTAKES_IN_ROW) for n, _ in enumerate(of_a_kind)]
    titles = [
        f"{beat.rules}, class {beat.example.aami_class}, {'called ' + beat.called if beat.called else 'not flagged'}\n"
        f"{styles.plain(beat.words)}\n{beat.intervals}"
        for beat in mistakes
    ]
    columns = 1 + max(column for _, column in places)
    return _grid(mistakes, places, titles, 3.6 * max(2, columns), around=True)


@mpl.rc_context(_SMALL)
def plot_example(beat: ExampleBeat) -> Figure:
    """Draw a beat beside its reconstruction, the error shaded, one panel per lead; above it the signal around it."""
    figure = _figure(1.95 + 1.15 * max(1, len(beat.leads)), width_in=3.8)
    panels = _draw_example(figure, GridSpec(1, 1, figure)[0], beat, around=True)
    panels[-1].set_xlabel("time from the fiducial point (s)")
    return figure


@mpl.rc_context(STYLE)
def plot_parts(examples: Sequence[ExampleBeat]) -> Figure:
    """Draw each component's part of the score of the examples that were flagged, as stacked bars."""
    flagged = [beat for beat in examples if beat.flagged]
    figure = _figure(1.2 + 0.46 * max(2, len(flagged)))
    axes = figure.subplots()
    axes.set(xlabel="share of the anomaly score", xlim=(0, 1.005))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if not flagged:
        _say(axes, "no example beat was flagged")
        return figure
    # What lies below zero is no part of anything.
    parts = pd.DataFrame([beat.parts for beat in flagged]).clip(lower=0)
    shares = parts.div(parts.sum(axis=1).clip(lower=1e-12), axis=0)
    lefts = shares.cumsum(axis=1) - shares
    for component, (colour, hatch) in zip(shares, _PART_LOOKS, strict=False):
        its, asked = shares[component], styles.question(str(component))
        look: dict[str, Any] = {"color": colour, "hatch": hatch, "edgecolor": "#6b6b6b", "linewidth": 0}
        bars = axes.barh(np.arange(len(flagged)), its, 0.7, left=lefts[component], label=asked, **look)
        texts = np.where(its < _NARROWEST, "", parts[component].map(words.score_text))
        box = {"facecolor": colour, "linewidth": 0, "pad": 2}
        axes.bar_label(bars, texts, label_type="center", color="black", fontsize=10, bbox=box)
    names = [
        f"{beat.example.aami_class}: {beat.example.rules[0]}, score {words.score_text(beat.score)}\n"
        f"{styles.plain(beat.record)} {words.clock(beat.time_s)}"
        for beat in flagged
    ]
    axes.set_yticks(np.arange(len(flagged)), names, fontsize=9)
    axes.set_ylim(len(flagged) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return figure


@mpl.rc_context(STYLE)
def plot_strip(strip: RecordOverTime, axis: ScoreAxis) -> Figure:
    """Draw one record over time: the score of each beat, and beneath it an excerpt of the signal."""
    leads = len(strip.leads)
    figure = _figure(4.6 + 1.5 * leads)
    panels = figure.subplots(1 + max(1, leads), 1, height_ratios=[2.4, *[1.0] * max(1, leads)])
    unit, unit_s = strip.unit
    top = panels[0]
    for name, sign, its in figure_data.by_outcome(strip.beats):
        size = 4 if name == styles.NOT_FLAGGED else 6
        label = name if strip.thinned else f"{name} ({len(its):,})"
        places = its["time_s"] / unit_s, axis.position(its["anomaly_score"])
        top.plot(*places, markersize=size, label=label, **sign.look)
    top.axhline(axis.position(strip.threshold), color=styles.INK, linewidth=1.2, linestyle="--", label="threshold")
    start, end = strip.excerpt_s[[0, -1]] / unit_s
    top.axvspan(start, end, color=styles.SKY, alpha=0.3, linewidth=1.5, label="excerpt beneath")
    top.set_yticks(*strip.score_ticks(axis))
    top.set(xlabel=f"time from the start of the record ({unit})", ylabel=styles.SCORE)
    top.margins(x=0.01)
    top.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, fontsize=9, columnspacing=1.2, handletextpad=0.4)
    for panel in panels[2:]:
        panel.sharex(panels[1])
    for panel, lead, lead_mv in zip(panels[1:], strip.leads, strip.excerpt_mv.T, strict=False):
        panel.plot(strip.excerpt_s, lead_mv, color=styles.INK, linewidth=0.9)
        panel.set_ylabel(f"lead {lead} (mV)")
        panel.margins(x=0.005)
        panel.tick_params(labelbottom=lead == strip.leads[-1])
    if leads:
        _mark_beats(panels[1:], strip.excerpt_beats)
    panels[-1].set_xlabel("time from the start of the record (s); gaps: no window reaches there")
    return figure


@mpl.rc_context({**STYLE, "font.size": 10})
def plot_records(ranked: pd.DataFrame) -> Figure:
    """Draw the AUC of each record with its number of anomalous beats, from top to bottom as in ``ranked``."""
    figure = _figure(1.2 + 0.24 * max(8, len(ranked)))
    axes = figure.subplots()
    axes.set_xlabel("AUC within the record")
    if not len(ranked):
        _say(axes, "no record has normal and anomalous beats")
        return figure
    few, height = (ranked["anomalous"] <= FEW_ANOMALOUS).to_numpy(), np.arange(len(ranked))
    low = min(0.5, float(ranked["auc"].min()))
    axes.hlines(height, low, ranked["auc"], color=styles.GREY, alpha=0.5, linewidth=1.2, zorder=2)
    for chosen, face, marker, name in (
        (~few, styles.BLUE, "o", f"more than {FEW_ANOMALOUS} anomalous beats"),
        (few, styles.GROUND, "s", f"{FEW_ANOMALOUS} or fewer: shaky"),
    ):
        if chosen.any():
            look: dict[str, Any] = {"marker": marker, "facecolor": face, "edgecolor": styles.BLUE, "linewidth": 1.4}
            axes.scatter(ranked["auc"][chosen], height[chosen], s=46, zorder=3, label=name, **look)
    axes.axvline(0.5, color=styles.GREY, linestyle=(0, (2, 4)), label="chance")
    names = [
        f"{styles.plain(name)} ({count:,})" for name, count in zip(ranked["record"], ranked["anomalous"], strict=True)
    ]
    axes.set_yticks(height, names)
    axes.set_ylabel("record, and its anomalous beats")
    axes.set(xlim=(low - 0.02, 1.01), ylim=(len(ranked) - 0.3, -0.7))
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@mpl.rc_context(STYLE)
def plot_noise(noise: pd.DataFrame) -> Figure:
    """Draw figures of ``noise.csv``, records pooled, against the signal-to-noise ratio, one line per kind of noise."""
    figure = _figure(4.6)
    figures = pooled(noise).sort_values("snr_db")
    panels = figure.subplots(1, len(_NOISE_FIGURES))
    for panel, (column, title) in zip(panels, _NOISE_FIGURES.items(), strict=True):
        clean = figures.loc[figures["noise"] == CLEAN, column].item()
        panel.axhline(clean, color=styles.INK, linewidth=1.2, linestyle=":", label="without added noise", zorder=3)
        for kind, line in styles.NOISE_LINES.items():
            its = figures[figures["noise"] == kind]
            panel.plot(its["snr_db"], its[column], label=styles.NOISE_NAMES[kind], marker=line.marker, **line.look)
        panel.set(title=title, xlabel="signal-to-noise ratio (dB)", xticks=np.unique(figures["snr_db"].dropna()))
        panel.set_ylim(bottom=0)
        if column != "false_alarms_per_hour":
            panel.set_ylim(-0.02, 1.03)
            panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(handles), handlelength=3.2)
    return figure


def _figure(height_in: float, width_in: float = _WIDTH_IN) -> Figure:
    return Figure((width_in, height_in), layout="constrained")


def _grid(
    beats: Sequence[ExampleBeat],
    places: Sequence[tuple[int, int]],
    titles: Sequence[str],
    width_in: float,
    around: bool,
) -> Figure:
    """Draw beats at their rows and columns of a grid, each beneath its title."""
    rows, columns = (1 + max(numbers) for numbers in zip(*places, strict=True))
    strips = max(1, *(len(beat.leads) for beat in beats)) + around
    panel_in, gap_in, top_in, bottom_in = 1.15 * strips, 1.0 + 0.35 * around, 1.05 + 0.35 * around, 0.55
    height_in = top_in + bottom_in + panel_in * rows + gap_in * (rows - 1)
    figure = Figure((width_in, height_in))
    left, right, bottom, top = 0.72 / width_in, 1 - 0.12 / width_in, bottom_in / height_in, 1 - top_in / height_in
    place: dict[str, Any] = {"left": left, "right": right, "bottom": bottom, "top": top}
    grid = figure.add_gridspec(rows, columns, hspace=gap_in / panel_in, wspace=0.3, **place)
    for beat, (row, column), title in zip(beats, places, titles, strict=True):
        panels = _draw_example(figure, grid[row, column], beat, around)
        panels[0].set_title(title, pad=_MARKS_PT if around else None)
        panels[-1].set_xlabel("time from the fiducial point (s)" if row == rows - 1 else "")
    handles, labels = panels[-1].get_legend_handles_labels()
    corner = (0.06 / width_in, 1 + 0.06 / height_in)
    figure.legend(handles, labels, loc="upper left", ncols=3, fontsize=11, bbox_to_anchor=corner)
    return figure


def _draw_example(figure: Figure, cell: SubplotSpec, beat: ExampleBeat, around: bool) -> Sequence[Axes]:
    count = max(1, len(beat.leads))
    rows = cell.subgridspec(2, 1, height_ratios=[1, count], hspace=0.5 / (1 + count)) if around else [cell, cell]
    panels = rows[1].subgridspec(count, 1, hspace=0.12).subplots(sharex=True, squeeze=False)[:, 0]
    error: dict[str, Any] = {"color": styles.ORANGE, "alpha": 0.45, "linewidth": 0, "label": "error"}
    curves = zip(panels, beat.leads, beat.beat_mv.T, beat.reconstruction_mv.T, strict=False)
    for panel, lead, lead_mv, rebuilt_mv in curves:
        panel.plot(beat.window_s, lead_mv, color=styles.INK, linewidth=1.3, label="beat")
        panel.plot(beat.window_s, rebuilt_mv, "--", color=styles.BLUE, linewidth=1.3, label="reconstruction")
        panel.fill_between(beat.window_s, lead_mv, rebuilt_mv, **error)
        panel.set_ylabel(f"lead {lead} (mV)")
        panel.yaxis.set_major_locator(MaxNLocator(3))
        panel.tick_params(labelbottom=lead == beat.leads[-1])
        panel.margins(x=0)
    return [_draw_around(figure.add_subplot(rows[0]), beat), *panels] if around else list(panels)


def _draw_around(axes: Axes, beat: ExampleBeat) -> Axes:
    """Draw the signal around a beat in the first lead that is shown, the beat's own window emphasized."""
    if beat.leads:
        axes.plot(beat.around_s, beat.around_mv[:, 0], color=styles.GREY, linewidth=0.9)
        axes.plot(beat.window_s, beat.beat_mv[:, 0], color=styles.INK, linewidth=1.3)
        _mark_beats([axes], beat.around)
        axes.set_ylabel(f"lead {beat.leads[0]} (mV)")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.margins(x=0)
    return axes


def _mark_beats(panels: Sequence[Axes], beats: pd.DataFrame) -> None:
    """Write the symbol of each beat above the signal, and mark what became of it."""
    top = panels[0]
    above = top.get_xaxis_transform()  # seconds along the axis, shares of the panel upwards
    for name, sign, its in figure_data.by_outcome(beats):
        weight = "normal" if name == styles.NOT_FLAGGED else "bold"
        place: dict[str, Any] = {"transform": above, "ha": "center", "va": "bottom", "fontsize": 10}
        for time_s, symbol in zip(its["fiducial_s"], its["symbol"], strict=True):
            top.text(time_s, 1.16, styles.plain(str(symbol)), fontweight=weight, **place)
            if name != styles.NOT_FLAGGED:
                top.plot(time_s, 1.09, transform=above, clip_on=False, markersize=7, **sign.look)
            if name in (styles.FOUND, styles.FALSE_ALARM):
                for panel in panels:
                    panel.axvspan(time_s - 0.2, time_s + 0.2, color=sign.colour, alpha=0.2, linewidth=0)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12)
