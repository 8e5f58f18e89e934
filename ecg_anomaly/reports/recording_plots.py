"""A recording in Matplotlib's figures: the whole at a glance, and ten seconds of it on ECG paper."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MultipleLocator

from ecg_anomaly import words
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import ecg_paper, styles
from ecg_anomaly.reports.ecg_paper import MARGIN_MM, MARKS_MM, MM_PER_S, Lane, Strip
from ecg_anomaly.reports.episodes import Episode
from ecg_anomaly.reports.figure_data import time_unit
from ecg_anomaly.reports.recording_overview import SHADES, ShownScores, heart_rate_curve, visible_spans

_OVERVIEW_IN = (11.0, 5.0)
_LANE_IN = 0.22  # of a kind of events
_MM_PER_IN, _PT_PER_MM = 25.4, 72 / 25.4
_TITLE_MM = 8.0  # above the paper
_SHEET, _THIN, _THICK, _PEN = "#fffaf7", "#f3c9c0", "#e39a8b", "#101418"  # as in ecg_paper.jinja
_WORD = "#a84300"
_PULSE_MM = 5.0  # a fifth of a second


class ShownFigure(Figure):
    """A figure that a notebook shows by itself, once, whether or not pyplot is in use."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=96)
        return picture.getvalue()


@mpl.rc_context(styles.FIGURE)
def plot_overview(review: Review, figure: Figure | None = None) -> Figure:
    """Draw heart rate and anomaly score over the whole recording, and when there were events and rhythms.

    Of a long recording what stands out is drawn, as on its page. Without a ``figure`` to draw in, a new one is made.
    """
    stored = review.stored
    beats = review.beats[review.beats["event"] != FIBRILLATION]
    kinds = [kind for kind in styles.EVENT_COLOURS if any(event.kind == kind for event in review.events)]
    lanes_in = _LANE_IN * len(kinds)
    width_in, height_in = _OVERVIEW_IN
    figure = figure or ShownFigure((width_in, height_in + lanes_in), layout="constrained")
    heights = [2.0, 3.0, *([5.0 * lanes_in / height_in] if kinds else [])]
    rate, scores, *lanes = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    unit, unit_s = time_unit(stored.duration_s)
    _draw_rate(rate, heart_rate_curve(beats, stored.duration_s), unit_s)
    _draw_scores(scores, ShownScores.of(beats, stored.duration_s), unit_s)
    if kinds:
        _draw_lanes(lanes[0], review, kinds, unit_s)
    bottom = lanes[0] if kinds else scores
    bottom.set(xlabel=f"time from the start ({unit})", xlim=(0, stored.duration_s / unit_s))
    flagged = f"{review.summary['flagged']:,} of {words.count_text(review.summary['beats'], 'beat')} flagged"
    rate.set_title(f"{styles.plain(stored.name)} ({styles.plain(', '.join(stored.judged_leads))}): {flagged}")
    return figure


def _draw_rate(axes: Axes, rate: Any, unit_s: float) -> None:
    times = rate["time_s"].to_numpy() / unit_s
    axes.fill_between(times, rate["lowest"], rate["highest"], color=styles.SKY, alpha=0.35, linewidth=0)
    axes.plot(times, rate["median"], color=styles.BLUE, linewidth=1.2)
    axes.set_ylabel("heart rate (bpm)")
    axes.set_ylim(bottom=0)


def _draw_scores(axes: Axes, shown: ShownScores, unit_s: float) -> None:
    for beats, name, outcome, size in (
        (shown.others, "not flagged", styles.NOT_FLAGGED, 3),
        (shown.flagged, shown.name_of_flagged, styles.FOUND, 5),
    ):
        positions = shown.axis.position(beats["anomaly_score"].to_numpy(dtype=float))
        times = beats["time_s"].to_numpy(dtype=float) / unit_s
        axes.plot(times, positions, label=name, markersize=size, **styles.OUTCOMES[outcome].look)
    if np.isfinite(shown.threshold):
        label = f"threshold ({words.score_text(shown.threshold)})"
        level = float(shown.axis.position(shown.threshold))
        axes.axhline(level, color=styles.ORANGE, linestyle="--", linewidth=1.5, label=label)
    axes.set_yticks(*shown.ticks())
    axes.set_ylabel(styles.SCORE)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0, fontsize=9)


def _draw_lanes(axes: Axes, review: Review, kinds: Sequence[str], unit_s: float) -> None:
    """Give each kind of events a lane, in which they are bars; what is too short to be seen is widened."""
    duration_s = review.stored.duration_s
    for lane, kind in enumerate(kinds):
        its = [event for event in review.events if event.kind == kind]
        spans = visible_spans(its, duration_s, duration_s / SHADES)
        bars = [(start_s / unit_s, (end_s - start_s) / unit_s) for start_s, end_s in spans]
        axes.broken_barh(bars, (lane - 0.35, 0.7), color=styles.EVENT_COLOURS[kind])
    names = [f"{styles.EVENT_WORDS[kind]}" for kind in kinds]
    axes.set_yticks(range(len(kinds)), names, fontsize=9)
    axes.set_ylim(len(kinds) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


@mpl.rc_context(styles.FIGURE)
def plot_strip(
    review: Review,
    time_s: float,
    row: int | None = None,
    leads: Sequence[int] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw ten seconds around a time on ECG paper, 25 mm for a second and 10 mm for a millivolt.

    Parameters
    ----------
    review, time_s
        The recording, and where in it.
    row
        The beat whose window is framed, and whose score the title tells.
    leads
        As for `ecg_paper.draw_strip`.
    figure
        Where to draw; without, a new one that is true to scale where it is printed as large as it is.
    """
    strip = ecg_paper.draw_strip(Episode(time_s, time_s, time_s, "", 0, 0.0), 0, review, leads)
    height_mm = strip.height_mm + _TITLE_MM
    figure = figure or ShownFigure((strip.width_mm / _MM_PER_IN, height_mm / _MM_PER_IN))
    axes = figure.add_axes((0, 0, 1, strip.height_mm / height_mm))
    axes.set(xlim=(0, strip.width_mm), ylim=(strip.height_mm, 0), facecolor=_SHEET)
    _rule(axes)
    for left_mm, width_mm, kind in strip.shades:
        _shade(axes, strip, left_mm, width_mm, styles.EVENT_COLOURS[kind])
    if row is not None:
        window_s = review.stored.window_s
        left_mm = MARGIN_MM + MM_PER_S * (time_s + window_s[0] - strip.start_s)
        frame: dict[str, Any] = {"facecolor": "none", "edgecolor": styles.BLUE, "linewidth": 1.2}
        axes.add_patch(
            Rectangle((left_mm, MARKS_MM), MM_PER_S * np.ptp(window_s), strip.height_mm - 2 * MARKS_MM, **frame)
        )
    for lane in strip.lanes:
        _draw_lane(axes, lane, strip.mm_per_mv)
    _write(axes, strip)
    figure.text(0.004, 1 - 0.5 * _TITLE_MM / height_mm, _title(review, strip, row), va="center", fontsize=10)
    return figure


def _rule(axes: Axes) -> None:
    for ruled in (axes.xaxis, axes.yaxis):
        ruled.set_minor_locator(MultipleLocator(1))
        ruled.set_major_locator(MultipleLocator(5))
    axes.grid(which="minor", color=_THIN, linewidth=0.1 * _PT_PER_MM)
    axes.grid(which="major", color=_THICK, linewidth=0.2 * _PT_PER_MM)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    axes.spines[:].set_visible(False)
    axes.set_axisbelow(True)


def _shade(axes: Axes, strip: Strip, left_mm: float, width_mm: float, colour: str) -> None:
    axes.add_patch(Rectangle((left_mm, 0), width_mm, strip.height_mm, color=colour, alpha=0.18, linewidth=0))


def _draw_lane(axes: Axes, lane: Lane, mm_per_mv: float) -> None:
    pen: dict[str, Any] = {"color": _PEN, "linewidth": 0.3 * _PT_PER_MM, "solid_joinstyle": "round"}
    room = Rectangle((0, lane.top_mm), axes.get_xlim()[1], lane.height_mm, transform=axes.transData)
    for points in ecg_paper.points_of(lane.path):
        axes.plot(*points.T, clip_path=room, **pen)
    pulse_mm = np.array(
        [[0, 0], [2, 0], [2, -mm_per_mv], [2 + _PULSE_MM, -mm_per_mv], [2 + _PULSE_MM, 0], [4 + _PULSE_MM, 0]]
    )
    axes.plot(3 + pulse_mm[:, 0], lane.y_mm + pulse_mm[:, 1], **pen)
    look: dict[str, Any] = {"fontsize": 3.2 * _PT_PER_MM, "fontweight": "bold", "color": _PEN}
    halo = withStroke(linewidth=0.8 * _PT_PER_MM, foreground=_SHEET)
    axes.text(1, lane.top_mm + 3.5, styles.plain(lane.name), path_effects=[halo], **look)


def _write(axes: Axes, strip: Strip) -> None:
    """Mark flagged beats above the signal, and write the times below it."""
    for mark in strip.marks:
        axes.plot(mark.x_mm, MARKS_MM - 1.2, marker="v", color=_WORD, markersize=6)
        above_mm = MARKS_MM - 3 - 3.2 * mark.row
        axes.text(
            mark.word_mm, above_mm, mark.word, ha="center", fontsize=2.6 * _PT_PER_MM, color=_WORD, fontweight="bold"
        )
    for x_mm, time in strip.times:
        axes.text(x_mm, strip.height_mm - 1.2, time, fontsize=2.8 * _PT_PER_MM, color=styles.INK)


def _title(review: Review, strip: Strip, row: int | None) -> str:
    if row is None:
        return styles.plain(f"{review.stored.name}, from {words.clock(strip.start_s)}")
    (beat,) = styles.beat_words(review.beats.iloc[[row]])
    return styles.plain(f"{review.stored.name}, beat {row} at {beat}")
