"""The figures of ``plots/*.png``: arrays and tables in, Matplotlib figures out.

The figures are made without ``pyplot``: they need no display, and nobody has to close them.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from ecg_anomaly import words
from ecg_anomaly.reports import figure_data, styles
from ecg_anomaly.reports.examples import BORDERLINE, FALSE_ALARM, HIGHEST, MISSED, TYPICAL
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

DOTS_PER_INCH = 150
MOST_RECORDS = 80  # that fit below each other and can be read

_WIDTH_IN = 12.0
_HEAD_IN, _NOTE_IN = 0.42, 0.28  # what the title and the note below it take
# Each rule has a column, so that beats of different classes compare; the last is for what went wrong.
_COLUMNS = ((TYPICAL,), (BORDERLINE,), (HIGHEST,), (MISSED, FALSE_ALARM))
_STYLE = {
    **sns.axes_style("ticks"),
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib, so that figures look alike everywhere
}


def all_figures(results: Results) -> dict[str, Figure]:
    """Draw every figure, by the name of its file without the ending."""
    simulated = results.simulated
    judged, detectors = results.judged, results.detectors()
    anomalous = judged["anomalous"].to_numpy(dtype=bool)
    flagged = judged["flagged"].to_numpy(dtype=bool)
    axis, thresholds = results.score_axis, results.thresholds
    figures = {
        "roc_precision_recall": plot_curves(
            figure_data.roc_curves(anomalous, detectors),
            figure_data.precision_recall_curves(anomalous, detectors),
            anomalous,
            flagged,
            simulated,
        ),
        "sensitivity_false_alarms": plot_alarms(figure_data.alarm_curves(judged), simulated),
        "confusion_matrix": plot_confusion(results.confusion, simulated),
        "score_distribution": plot_score_histograms(
            figure_data.score_histograms(results.scores, axis), thresholds, simulated
        ),
        "training_history": plot_history(results.history, simulated),
        "reconstructions": plot_examples(results.examples, simulated),
        "record_strip": plot_strip(results.strip, axis, simulated),
        "auc_per_record": plot_records(results.per_record, simulated),
    }
    if results.noise is not None:
        figures["noise"] = plot_noise(
            figure_data.noise_curves(results.noise), results.noise["record"].nunique(), simulated
        )
    return figures


def plot_curves(
    roc: Sequence[Curve],
    precision_recall: Sequence[Curve],
    anomalous: np.ndarray,
    flagged: np.ndarray,
    simulated: bool = False,
) -> Figure:
    """Draw ROC and precision-recall curves side by side.

    Parameters
    ----------
    roc, precision_recall
        The detector first, then what it is compared with; empty when one kind of beats is missing.
    anomalous, flagged
        Shape ``(beats,)``: for the prevalence and the point that the threshold chooses.
    simulated
        Whether the figure says that its records are simulated.
    """
    figure = _figure("How well the score ranks beats", 6.0, simulated)
    with mpl.rc_context(_STYLE):
        left, right = figure.subplots(1, 2)
        for axes, curves, area in ((left, roc, "AUC"), (right, precision_recall, "AP")):
            for number, curve in enumerate(curves):
                line = styles.line(number)
                label = f"{curve.name}, {area} {curve.area:.3f}"
                axes.plot(
                    curve.x,
                    curve.y,
                    color=line.colour,
                    linestyle=line.style,
                    linewidth=line.width,
                    label=label,
                    zorder=3 if number else 4,
                )
            axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        left.set(xlabel="false-positive rate (1 - specificity)", ylabel="sensitivity")
        right.set(xlabel="sensitivity (recall)", ylabel="precision")
        if not roc:
            for axes in (left, right):
                _say(axes, "no curve: normal and anomalous\ntest beats are both needed")
            return figure
        prevalence = float(anomalous.mean())
        left.plot([0, 1], [0, 1], color=styles.GREY, linewidth=1, linestyle=(0, (2, 4)), label="chance")
        right.axhline(
            prevalence,
            color=styles.GREY,
            linewidth=1,
            linestyle=(0, (2, 4)),
            label=f"chance: prevalence {prevalence:.1%}",
        )
        sensitivity = float(flagged[anomalous].mean())
        point = {"color": "black", "marker": "D", "linestyle": "none", "zorder": 5, "label": "at the threshold"}
        left.plot(float(flagged[~anomalous].mean()), sensitivity, **point)
        if flagged.any():
            right.plot(sensitivity, float(anomalous[flagged].mean()), **point)
        for axes in (left, right):
            # Below the axes: no curve runs there.
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), borderaxespad=0, fontsize=10)
    return figure


def plot_alarms(curves: AlarmCurves | None, simulated: bool = False) -> Figure:
    """Draw the sensitivity to each class against false alarms per hour of recording.

    Parameters
    ----------
    curves
        What is drawn; ``None`` when it is not defined.
    simulated
        Whether the figure says that its records are simulated.
    """
    note = "Along each line all thresholds are raised or lowered by the same amount"
    figure = _figure("What is found for how many false alarms", 5.0, simulated, note)
    with mpl.rc_context(_STYLE):
        axes = figure.subplots()
        axes.set(xlabel="false alarms per hour of recording", ylabel="sensitivity", ylim=(-0.02, 1.03))
        if curves is None:
            _say(axes, "no curve: normal and anomalous\ntest beats are both needed")
            return figure
        alarms = curves.per_hour_at_threshold
        for name, sensitivity in curves.sensitivity.items():
            line, sign = styles.CLASS_LINES[name], styles.CLASS_SIGNS[name]
            axes.step(
                curves.position(curves.per_hour),
                sensitivity,
                where="post",
                color=line.colour,
                linestyle=line.style,
                linewidth=line.width,
            )
            axes.plot(
                curves.position(alarms),
                curves.at_threshold[name],
                color=line.colour,
                linestyle=line.style,
                marker=sign.marker,
                markersize=9,
                markeredgecolor="black",
                zorder=4,
                label=f"{styles.class_name(name)}: {curves.at_threshold[name]:.1%} at the threshold",
            )
        axes.axvline(
            float(curves.position(alarms)),
            color="black",
            linewidth=1.0,
            linestyle=":",
            label=f"the threshold: {words.score_text(alarms)} false alarms per hour",
        )
        axes.set_xscale("log")
        axes.set_xticks(*curves.ticks())
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.margins(x=0.01)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), handlelength=3.2)
    return figure


def plot_confusion(confusion: pd.DataFrame, simulated: bool = False) -> Figure:
    """Draw the confusion matrix: counts, and shares of each row.

    Parameters
    ----------
    confusion
        Counts: rows true normal and anomalous, columns predicted normal and flagged.
    simulated
        Whether the figure says that its records are simulated.
    """
    figure = _figure("Confusion matrix at the threshold", 4.6, simulated, width_in=8.0)
    counts = confusion.to_numpy(dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    texts = [
        [f"{count:,.0f}\n{share:.1%}" if total else "0\n-" for count, share in zip(row, row_shares, strict=True)]
        for row, row_shares, total in zip(counts, shares, totals[:, 0], strict=True)
    ]
    with mpl.rc_context({**_STYLE, "axes.grid": False}):
        axes = figure.subplots()
        rows = [f"{name}\n({total:,.0f})" for name, total in zip(confusion.index, totals[:, 0], strict=True)]
        sns.heatmap(
            shares,
            annot=np.array(texts),
            fmt="",
            cmap=sns.light_palette(styles.BLUE, as_cmap=True),
            vmin=0,
            vmax=1,
            linewidths=2,
            ax=axes,
            xticklabels=list(confusion.columns),
            yticklabels=rows,
            annot_kws={"fontsize": 15},
            cbar_kws={"label": "share of the row", "format": PercentFormatter(1)},
        )
        axes.tick_params(length=0)
        axes.set_yticklabels(axes.get_yticklabels(), rotation=0)
        axes.set(xlabel="the detector says", ylabel="the annotation says")
    return figure


def plot_score_histograms(histograms: ScoreHistograms, thresholds: ThresholdSpread, simulated: bool = False) -> Figure:
    """Draw the distribution of scores, one row per AAMI class, with the threshold through all rows.

    Parameters
    ----------
    histograms
        The distributions.
    thresholds
        Scores to the right are flagged; a band where the threshold follows the patient.
    simulated
        Whether the figure says that its records are simulated.
    """
    classes = list(histograms.counts)
    note = f"Dashed: {thresholds.words}" + ("" if thresholds.follows else "; beats to its right are flagged")
    figure = _figure("Anomaly scores of each class", 1.0 + 1.25 * max(1, len(classes)), simulated, note)
    axis, edges = histograms.axis, histograms.axis.position(histograms.edges)
    ticks = axis.ticks(histograms.edges[0], histograms.edges[-1], 14)
    with mpl.rc_context(_STYLE):
        panels = figure.subplots(max(1, len(classes)), 1, sharex=True, squeeze=False)[:, 0]
        for panel, aami_class in zip(panels, classes, strict=False):
            some = histograms.shares[aami_class] > 0
            panel.bar(
                edges[:-1][some],
                histograms.shares[aami_class][some],
                np.diff(edges)[some],
                align="edge",
                color=styles.CLASS_COLOURS[aami_class],
                edgecolor=styles.CLASS_COLOURS[aami_class],
                linewidth=1.0,
            )
            panel.axvline(float(axis.position(thresholds.median)), color="black", linewidth=1.3, linestyle="--")
            if thresholds.follows:
                low, high = axis.position(np.array([thresholds.low, thresholds.high]))
                panel.axvspan(low, high, color=styles.ORANGE, alpha=0.25, linewidth=0, zorder=0)
            count = words.count_text(histograms.counts[aami_class], "beat")
            panel.set_ylabel(
                f"{styles.class_name(aami_class)}\n{count}\n{histograms.flagged[aami_class]:.1%} flagged",
                rotation=0,
                ha="right",
                va="center",
            )
            panel.set_ylim(bottom=0)
            panel.yaxis.set_major_locator(MaxNLocator(2))
            panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        panels[-1].set_xticks(axis.position(ticks), [words.score_text(tick) for tick in ticks])
        panels[-1].set_xlabel(
            "anomaly score (linear up to the threshold, logarithmic above; height: share of the class)"
        )
    return figure


def plot_history(history: pd.DataFrame, simulated: bool = False) -> Figure:
    """Draw losses and learning rate over the epochs, the best epoch marked.

    Parameters
    ----------
    history
        One row per epoch: ``epoch, loss, val_loss, learning_rate``.
    simulated
        Whether the figure says that its records are simulated.
    """
    figure = _figure("Training", 6.0, simulated)
    with mpl.rc_context(_STYLE):
        losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        epochs = history["epoch"].to_numpy()
        losses.plot(epochs, history["loss"], color=styles.BLUE, marker="o", markersize=4, label="training loss")
        losses.plot(
            epochs,
            history["val_loss"],
            color=styles.VERMILLION,
            linestyle="--",
            marker="s",
            markersize=4,
            label="validation loss",
        )
        best = figure_data.best_epoch(history)
        if best is not None:
            loss = history["val_loss"].iloc[best]
            for panel in (losses, rates):
                panel.axvline(epochs[best], color=styles.GREY, linestyle=":", linewidth=1.4)
            losses.plot(
                epochs[best],
                loss,
                color="black",
                marker="D",
                linestyle="none",
                markersize=8,
                fillstyle="none",
                label=f"kept: epoch {epochs[best]}, validation loss {loss:.3g}",
            )
        rates.step(epochs, history["learning_rate"], where="mid", color=styles.GREEN, marker="^", markersize=4)
        for panel, name in ((losses, "mean squared error"), (rates, "learning rate")):
            panel.set(yscale="log", ylabel=name)
        losses.legend()
        steps = figure_data.learning_rate_ticks(history)
        rates.set_yticks(steps, [f"{rate:.2g}" for rate in steps])
        rates.yaxis.set_minor_locator(NullLocator())
        rates.set(xlabel="epoch", xlim=(epochs.min() - 0.5, epochs.max() + 0.5))
        rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def plot_examples(examples: Sequence[ExampleBeat], simulated: bool = False) -> Figure:
    """Draw beats beside their reconstructions, one row of panels per class, the error shaded.

    Parameters
    ----------
    examples
        Beats chosen by rule, class by class.
    simulated
        Whether the figure says that its records are simulated.
    """
    classes = list(dict.fromkeys(beat.example.aami_class for beat in examples))
    rows = [[beat for beat in examples if beat.example.aami_class == aami_class] for aami_class in classes]
    leads = max((len(beat.leads) for beat in examples), default=1)
    columns = sorted({_column(beat) for beat in examples}) or [0]
    panel_in, gap_in, top_in, bottom_in = 1.15 * leads, 1.0, 1.05, 0.55
    width_in = _WIDTH_IN / len(_COLUMNS) * max(2, len(columns))
    height_in = top_in + bottom_in + panel_in * max(1, len(rows)) + gap_in * max(0, len(rows) - 1)
    figure = _figure("Beats and their reconstructions", height_in, simulated, width_in=width_in, constrained=False)
    height_in = float(figure.get_size_inches()[1])
    grid = figure.add_gridspec(
        max(1, len(rows)),
        len(columns),
        left=0.72 / width_in,
        right=1 - 0.12 / width_in,
        bottom=bottom_in / height_in,
        top=1 - (top_in + _HEAD_IN) / height_in,
        hspace=gap_in / panel_in,
        wspace=0.3,
    )
    with mpl.rc_context({**_STYLE, "font.size": 9, "axes.titlesize": 9}):
        panels = [
            _draw_example(figure, grid[number, columns.index(_column(beat))], beat, is_last=row is rows[-1])
            for number, row in enumerate(rows)
            for beat in row
        ]
        if panels:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(
                handles,
                labels,
                loc="upper left",
                ncols=3,
                fontsize=11,
                bbox_to_anchor=(0.06 / width_in, 1 - 0.36 / height_in),
            )
    return figure


def plot_strip(strip: Strip, axis: ScoreAxis, simulated: bool = False) -> Figure:
    """Draw one record over time: the score of each beat, and beneath it an excerpt of the signal.

    Parameters
    ----------
    strip
        The record.
    axis
        The axis of the scores.
    simulated
        Whether the figure says that its records are simulated.
    """
    leads = len(strip.leads)
    note = f"Chosen because {strip.reason}"
    figure = _figure(f"Record {_plain(strip.record)} over time", 4.6 + 1.5 * leads, simulated, note)
    with mpl.rc_context(_STYLE):
        panels = figure.subplots(1 + max(1, leads), 1, height_ratios=[2.4, *[1.0] * max(1, leads)])
        _draw_scores_over_time(panels[0], strip, axis)
        for panel in panels[2:]:
            panel.sharex(panels[1])
        for number, panel in enumerate(panels[1 : 1 + leads]):
            panel.plot(strip.excerpt_s, strip.excerpt_mv[:, number], color="black", linewidth=0.9)
            panel.set_ylabel(f"lead {strip.leads[number]} (mV)")
            panel.margins(x=0.005)
            if number < leads - 1:
                panel.tick_params(labelbottom=False)
        if leads:
            _mark_beats(panels[1 : 1 + leads], strip.excerpt_beats)
        panels[-1].set_xlabel("time from the start of the record (s); gaps: no window reaches there")
    return figure


def plot_records(per_record: pd.DataFrame, simulated: bool = False) -> Figure:
    """Draw the AUC of each record, sorted, with its number of anomalous beats.

    Parameters
    ----------
    per_record
        ``record, beats, anomalous, auc``; records without an AUC are counted in the title.
    simulated
        Whether the figure says that its records are simulated.
    """
    ranked = figure_data.ranked_records(per_record)
    shown = ranked.iloc[:MOST_RECORDS][::-1].reset_index(drop=True)
    note = figure_data.records_note(per_record, len(shown))
    figure = _figure("AUC of each record", 1.2 + 0.24 * max(8, len(shown)), simulated, note)
    with mpl.rc_context({**_STYLE, "font.size": 10}):
        axes = figure.subplots()
        axes.set_xlabel("AUC within the record")
        if not len(shown):
            _say(axes, "no record has normal and anomalous beats")
            return figure
        few = (shown["anomalous"] <= figure_data.FEW_ANOMALOUS).to_numpy()
        height = np.arange(len(shown))
        low = min(0.5, float(shown["auc"].min()))
        axes.hlines(height, low, shown["auc"], color="#c8c8c8", linewidth=1.2, zorder=2)
        for chosen, face, marker, name in (
            (~few, styles.BLUE, "o", f"more than {figure_data.FEW_ANOMALOUS} anomalous beats"),
            (few, "white", "s", f"{figure_data.FEW_ANOMALOUS} or fewer: shaky"),
        ):
            if chosen.any():
                axes.scatter(
                    shown["auc"][chosen],
                    height[chosen],
                    s=46,
                    marker=marker,
                    facecolor=face,
                    edgecolor=styles.BLUE,
                    linewidth=1.4,
                    zorder=3,
                    label=name,
                )
        axes.axvline(0.5, color=styles.GREY, linestyle=(0, (2, 4)), label="chance")
        names = [f"{_plain(name)}   {count:,}" for name, count in zip(shown["record"], shown["anomalous"], strict=True)]
        axes.set_yticks(height, names)
        axes.set_ylabel("record, and its anomalous beats")
        axes.set(xlim=(low - 0.02, 1.01), ylim=(-0.7, len(shown) - 0.3))
        axes.grid(visible=False, axis="y")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_noise(curves: Sequence[NoiseCurve], records: int, simulated: bool = False) -> Figure:
    """Draw figures against the signal-to-noise ratio, one panel each, one line per kind of noise.

    Parameters
    ----------
    curves
        What is drawn.
    records
        How many records the figures pool.
    simulated
        Whether the figure says that its records are simulated.
    """
    note = f"Noise added to {words.count_text(records, 'record')}, whose beats the QRS detector then had to find"
    figure = _figure("What noise does", 4.6, simulated, note)
    with mpl.rc_context(_STYLE):
        panels = figure.subplots(1, len(curves))
        for panel, curve in zip(panels, curves, strict=True):
            panel.axhline(
                curve.clean, color="black", linewidth=1.2, linestyle=":", label="without added noise", zorder=3
            )
            for kind, values in curve.by_kind.items():
                line, sign = styles.NOISE_LINES[kind], styles.NOISE_SIGNS[kind]
                panel.plot(
                    curve.snr_db,
                    values,
                    color=line.colour,
                    linestyle=line.style,
                    linewidth=line.width,
                    marker=sign.marker,
                    label=styles.NOISE_NAMES[kind],
                )
            panel.set(title=curve.name, xlabel="signal-to-noise ratio (dB)", xticks=curve.snr_db)
            panel.set_ylim(bottom=0)
            if curve.is_share:
                panel.set_ylim(-0.02, 1.03)
                panel.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=len(handles), handlelength=3.2)
    return figure


def _figure(
    title: str, height_in: float, simulated: bool, note: str = "", width_in: float = _WIDTH_IN, constrained: bool = True
) -> Figure:
    """Make an empty figure with its title, a note below it, and the mark of simulated records."""
    head_in = _HEAD_IN + (_NOTE_IN if note else 0)
    height_in += head_in
    with mpl.rc_context(_STYLE):
        # Room for the title, which stands at the left, where constrained layout would not keep any.
        rect = (0.005, 0.01, 0.99, 0.99 - head_in / height_in)
        figure = Figure((width_in, height_in), layout=ConstrainedLayoutEngine(rect=rect) if constrained else None)
        figure.text(0.01, 1 - 0.12 / height_in, title, fontsize=14, fontweight="bold", va="top")
        figure.text(0.01, 1 - (0.02 + _HEAD_IN) / height_in, note, fontsize=11, va="top")
        if simulated:
            box = {"boxstyle": "round,pad=0.3", "facecolor": "#fff2cc", "edgecolor": styles.ORANGE}
            figure.text(0.99, 1 - 0.14 / height_in, styles.SIMULATED, fontsize=11, ha="right", va="top", bbox=box)
    return figure


def _column(beat: ExampleBeat) -> int:
    return next(number for number, rules in enumerate(_COLUMNS) if beat.example.rules[0] in rules)


def _draw_example(figure: Figure, cell: SubplotSpec, beat: ExampleBeat, is_last: bool) -> Axes:
    rules, which = figure_data.example_title(beat)
    count = max(1, len(beat.leads))
    panels = cell.subgridspec(count, 1, hspace=0.12).subplots(sharex=True, squeeze=False)[:, 0]
    for number, panel in enumerate(panels[: len(beat.leads)]):
        original, reconstructed = beat.beat_mv[:, number], beat.reconstruction_mv[:, number]
        panel.plot(beat.window_s, original, color="black", linewidth=1.3, label="beat")
        panel.plot(
            beat.window_s, reconstructed, color=styles.BLUE, linewidth=1.3, linestyle="--", label="reconstruction"
        )
        panel.fill_between(
            beat.window_s, original, reconstructed, color=styles.ORANGE, alpha=0.45, linewidth=0, label="error"
        )
        panel.set_ylabel(f"lead {beat.leads[number]} (mV)", fontsize=8)
        panel.yaxis.set_major_locator(MaxNLocator(3))
        panel.tick_params(labelsize=8, labelbottom=number == len(beat.leads) - 1)
        panel.margins(x=0)
    panels[0].set_title(f"{beat.example.aami_class}: {rules}\n{_plain(which)}\n{beat.verdict}", fontsize=9)
    if is_last:
        panels[-1].set_xlabel("time from the fiducial point (s)", fontsize=8)
    first: Axes = panels[0]
    return first


def _draw_scores_over_time(axes: Axes, strip: Strip, axis: ScoreAxis) -> None:
    times, unit = figure_data.time_axis(strip.beats["time_s"].to_numpy(dtype=float))
    scores = strip.beats["anomaly_score"].to_numpy(dtype=float)
    for name, sign in styles.OUTCOMES.items():
        chosen = (strip.beats["outcome"] == name).to_numpy()
        axes.plot(
            times[chosen],
            axis.position(scores[chosen]),
            linestyle="none",
            marker=sign.marker,
            color=sign.colour,
            markersize=4 if name == styles.NOT_FLAGGED else 6,
            fillstyle="full" if sign.filled else "none",
            label=f"{name} ({chosen.sum():,})" if not strip.thinned else name,
        )
    thresholds, _ = figure_data.time_axis(strip.threshold_s, unit)
    axes.step(
        thresholds,
        axis.position(strip.thresholds),
        where="post",
        color="black",
        linewidth=1.2,
        linestyle="--",
        label="threshold",
    )
    excerpt, _ = figure_data.time_axis(strip.excerpt_s, unit)
    axes.axvspan(excerpt[0], excerpt[-1], color=styles.SKY, alpha=0.3, linewidth=1.5, label="excerpt beneath")
    ticks = axis.ticks(min(0.0, float(scores.min())), float(scores.max()), 7)
    axes.set_yticks(axis.position(ticks), [words.score_text(tick) for tick in ticks])
    axes.set(xlabel=f"time from the start of the record ({unit})", ylabel=styles.SCORE)
    axes.margins(x=0.01)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=6, fontsize=9, columnspacing=1.2, handletextpad=0.4)


def _mark_beats(panels: Sequence[Axes], beats: pd.DataFrame) -> None:
    """Write the symbol of each beat above the signal, and mark what became of it."""
    top = panels[0]
    above = top.get_xaxis_transform()  # seconds along the axis, shares of the panel upwards
    for beat in beats.itertuples():
        sign = styles.OUTCOMES[str(beat.outcome)]
        time_s = float(beat.fiducial_s)  # type: ignore[arg-type]
        ordinary = beat.outcome == styles.NOT_FLAGGED
        top.text(
            time_s,
            1.16,
            _plain(str(beat.symbol)),
            transform=above,
            ha="center",
            va="bottom",
            fontsize=10,
            color="black",
            fontweight="normal" if ordinary else "bold",
        )
        if ordinary:
            continue
        top.plot(
            time_s,
            1.09,
            transform=above,
            clip_on=False,
            marker=sign.marker,
            color=sign.colour,
            markersize=7,
            fillstyle="full" if sign.filled else "none",
        )
        if beat.flagged:
            for panel in panels:
                panel.axvspan(time_s - 0.2, time_s + 0.2, color=sign.colour, alpha=0.2, linewidth=0)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12)


def _plain(text: str) -> str:
    # A dollar sign would start a formula.
    return text.replace("$", r"\$")
