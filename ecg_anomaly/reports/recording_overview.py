"""A whole recording at a glance: heart rate, anomaly score and events over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ecg_anomaly import words
from ecg_anomaly.beats.events import Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.findings.heart_rate import readable_intervals
from ecg_anomaly.findings.rhythms import COUPLET, PAUSE, TRIPLET
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.figure_data import ScoreAxis, time_unit

_RANGE = {"mode": "lines", "name": "lowest to highest", "hoverinfo": "skip", "line": {"width": 0, "color": styles.SKY}}
_FILL = {"fill": "toself", "fillcolor": "rgba(86, 180, 233, 0.35)"}
_RATE = {"mode": "lines", "name": "heart rate", "line": {"width": 1.2, "color": styles.BLUE}}

_POINTS = 1500  # of a curve over the whole recording: more than a screen has room for
_LONGEST_LINE_S = 10.0  # between two beats: a line across a longer pause would say that the heart beat on
SHADES = 500  # side by side over the whole recording: narrower ones are not seen
NOT_SHADED = (COUPLET, TRIPLET, PAUSE)  # too short to be seen; their beats are marked, or the heart rate shows them


def overview_figure(
    beats: pd.DataFrame,
    events: Sequence[Event],
    duration_s: float,
    when: Callable[[float], str] = words.clock,
) -> go.Figure:
    """Draw heart rate and anomaly score over the whole recording, with events shaded; ``when`` says times in words.

    A long recording is cut into many short stretches: the heart rate is the median of each, between the lowest and the
    highest; of the scores that are not flagged the highest of each is drawn, and of those that are flagged the lowest
    too, so that none seems to be missing next to the threshold. ``events`` may be rhythms.
    """
    unit, unit_s = time_unit(duration_s)
    lost = beats["event"] == FIBRILLATION
    beats = beats[~lost] if lost.any() else beats
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    _add_heart_rate(figure, beats, duration_s, unit_s)
    _add_scores(figure, beats, duration_s, unit_s, when)
    _add_events(figure, events, duration_s, unit_s)
    figure.update_xaxes(range=[0, duration_s / unit_s])
    figure.update_xaxes(title=f"time from the start of the recording ({unit})", row=2)
    # Above the plot, which makes room for as many lines as the legend takes.
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
    return figure.update_layout({**styles.layout(520), "legend": legend})


def _stretches(times_s: np.ndarray, duration_s: float, stretches: int = _POINTS) -> np.ndarray:
    """Give each beat the number of its stretch; where there are few beats, each is one of its own."""
    if len(times_s) <= _POINTS:
        return np.arange(len(times_s))
    return (times_s * (stretches / duration_s)).astype(int)


def _extremes(beats: pd.DataFrame, duration_s: float) -> pd.DataFrame:
    """Choose the lowest and the highest score of each stretch."""
    times_s = beats["time_s"].to_numpy(dtype=float)
    scores = beats.reset_index(drop=True)["anomaly_score"].groupby(_stretches(times_s, duration_s, _POINTS // 2))
    return beats.iloc[np.unique([scores.idxmin(), scores.idxmax()])]


def heart_rate_curve(beats: pd.DataFrame, duration_s: float) -> pd.DataFrame:
    """Give the heart rate of stretches: columns ``time_s``, ``lowest``, ``median`` and ``highest``; NaN in a pause."""
    rows, rr_s, _ = readable_intervals(beats)
    times_s = beats["time_s"].to_numpy(dtype=float)[rows]
    stretches = pd.DataFrame({"time_s": times_s, "bpm": 60 / rr_s}).groupby(_stretches(times_s, duration_s))
    rate = stretches.agg(
        time_s=("time_s", "mean"), lowest=("bpm", "min"), median=("bpm", "median"), highest=("bpm", "max")
    )
    pauses = np.flatnonzero(np.diff(rate["time_s"]) > max(_LONGEST_LINE_S, 2 * duration_s / _POINTS))
    breaks = pd.DataFrame({"time_s": rate["time_s"].iloc[pauses] + 1e-3})
    return pd.concat([rate, breaks]).sort_values("time_s", ignore_index=True)


def _add_heart_rate(figure: go.Figure, beats: pd.DataFrame, duration_s: float, unit_s: float) -> None:
    rate = heart_rate_curve(beats, duration_s)
    times = (rate["time_s"].to_numpy() / unit_s).round(5)
    if not rate["lowest"].equals(rate["highest"]):
        outline = _outline(times, rate["lowest"].to_numpy(), rate["highest"].to_numpy())
        figure.add_scatter(x=outline[:, 0], y=outline[:, 1].astype(np.float32), **_RANGE, **_FILL, row=1, col=1)
    median, words = rate["median"].to_numpy(dtype=np.float32), "%{y:.0f} bpm<extra></extra>"
    figure.add_scatter(x=times, y=median, hovertemplate=words, **_RATE, row=1, col=1)
    figure.update_yaxes(title="heart rate (bpm)", rangemode="tozero", row=1)


def _outline(times: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """Walk around a band, shape ``(points, 2)``: there along its lower edge and back along its upper one.

    Where the band is broken by NaN, each part is walked around by itself, with NaN between them.
    """
    lower, upper = np.column_stack([times, lowest]), np.column_stack([times, highest])
    walks = []
    for part in np.split(np.arange(len(times)), np.flatnonzero(np.isnan(lowest))):
        rows = part[~np.isnan(lowest[part])]
        walks += [lower[rows], upper[rows[::-1]], np.full((1, 2), np.nan)]
    return np.concatenate(walks)


@dataclass(frozen=True)
class ShownScores:
    """The beats whose scores are drawn: of many those that stand out."""

    axis: ScoreAxis
    threshold: float  # NaN without any beat
    others: pd.DataFrame  # that are not flagged: the highest of each stretch
    flagged: pd.DataFrame  # the highest and the lowest of each
    name_of_flagged: str  # says so
    highest: float

    @classmethod
    def of(cls, beats: pd.DataFrame, duration_s: float) -> ShownScores:
        """Choose among the beats that can be read."""
        # Of a long recording all columns of all beats are too much to copy.
        judged = beats[["time_s", "anomaly_score", "flagged"]][beats["readable"].to_numpy(dtype=bool)]
        judged = judged.astype({"anomaly_score": float})
        flagged = judged["flagged"].to_numpy(dtype=bool)
        threshold = float(beats["threshold"].iloc[0]) if len(beats) else np.nan
        axis = ScoreAxis(np.fmax(1.0, threshold))
        others, stretch = judged[~flagged], _stretches(judged.loc[~flagged, "time_s"].to_numpy(dtype=float), duration_s)
        highest = others.groupby(stretch)["anomaly_score"].idxmax() if len(others) else others.index
        marked = _extremes(judged[flagged], duration_s).index if flagged.any() else others.index[:0]
        some = f" (lowest and highest of each {2 * duration_s / _POINTS:.0f} s)"
        name_of_flagged = "flagged" + (some if len(marked) < flagged.sum() else "")
        reach = float(judged["anomaly_score"].max()) if len(judged) else axis.unit
        return cls(axis, threshold, beats.loc[highest], beats.loc[marked], name_of_flagged, max(reach, axis.unit))

    def ticks(self) -> tuple[np.ndarray, list[str]]:
        """Positions and labels of the axis."""
        return self.axis.ticks(0.0, self.highest, 6)


def _add_scores(
    figure: go.Figure, beats: pd.DataFrame, duration_s: float, unit_s: float, when: Callable[[float], str]
) -> None:
    shown = ShownScores.of(beats, duration_s)
    axis = shown.axis
    for beat_rows, name, sign, size in (
        (shown.others, "not flagged", styles.OUTCOMES[styles.NOT_FLAGGED], 3),
        (shown.flagged, shown.name_of_flagged, styles.OUTCOMES[styles.FOUND], 8),
    ):
        figure.add_scatter(
            x=(beat_rows["time_s"].to_numpy(dtype=float) / unit_s).round(5),
            y=axis.position(beat_rows["anomaly_score"].to_numpy(dtype=float)).astype(np.float32),
            mode="markers",
            name=name,
            marker={"symbol": sign.symbol, "color": sign.colour, "size": size},
            text=styles.beat_words(beat_rows, when),
            hovertemplate="%{text}<extra></extra>",
            row=2,
            col=1,
        )
    ends, positions = [0, duration_s / unit_s], axis.position(np.full(2, shown.threshold))
    figure.add_scatter(x=ends, y=positions, hoverinfo="skip", **styles.THRESHOLD, row=2, col=1)
    positions, labels = shown.ticks()
    figure.update_yaxes(title=styles.SCORE, tickvals=positions, ticktext=labels, row=2)


def _add_events(figure: go.Figure, events: Sequence[Event], duration_s: float, unit_s: float) -> None:
    """Shade events over both plots; each kind has an empty curve so that it stands in the legend."""
    shapes = []
    for kind, colour in styles.EVENT_COLOURS.items():
        if kind in NOT_SHADED:
            continue
        spans = visible_spans([event for event in events if event.kind == kind], duration_s, duration_s / SHADES)
        if not spans:
            continue
        marker = {"symbol": "square", "size": 12, "color": colour, "opacity": 0.4}
        figure.add_scatter(x=[None], y=[None], mode="markers", name=styles.EVENT_WORDS[kind], marker=marker)
        shapes += [styles.shade(start_s / unit_s, end_s / unit_s, colour, 0.3) for start_s, end_s in spans]
    figure.update_layout(shapes=shapes)  # all at once: Plotly checks the whole list each time


def visible_spans(events: Sequence[Event], duration_s: float, narrowest_s: float) -> list[tuple[float, float]]:
    """Merge events that would touch on a screen, and widen those that it would not show, in order of their start."""
    spans: list[tuple[float, float]] = []
    for event in events:
        end_s = min(max(event.end_s, event.start_s + narrowest_s), duration_s)
        if spans and event.start_s - spans[-1][1] < narrowest_s / 2:
            spans[-1] = spans[-1][0], max(spans[-1][1], end_s)
        else:
            spans.append((event.start_s, end_s))
    return spans
