"""The signal as a figure: a stretch of all leads on one scale, with flagged beats, events and rhythms above it."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ecg_anomaly.findings.extremes import lowest_and_highest
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import Review
from ecg_anomaly.findings.store import COARSE, Stored
from ecg_anomaly.records.lead_names import standard_order
from ecg_anomaly.reports import styles
from ecg_anomaly.web import bands
from ecg_anomaly.web.times import clock_s, ticks, when

SHORTEST_VIEW_S = 1.0
FIRST_VIEW_S = 60.0
BEAT_VIEW_S = 10.0  # around the chosen beat, and at least around an event

MARKS, BANDS = 0, 1  # places of the curves that change while one marks

_COLUMNS = 1000  # of a lead on the screen, each drawn from its lowest to its highest value
_MARGIN = 1.0  # screens that are drawn on either side of what is seen: nothing is white while one drags
_MOST_MARKS = 600  # on the screen: of as many stretches the highest score of each
_SPAN = (0.002, 0.998)  # quantiles of what is drawn: a single jolt does not flatten the rest
_LOUD = 3.0  # times the usual span of a lead: one that is louder, a loose electrode, does not flatten the others
# Height of a row in millivolts, and how far its lines are apart, which divides it.
_ROWS_MV = ((1, 0.5), (1.5, 0.5), (2, 0.5), (3, 1), (4, 1), (5, 1), (10, 5), (20, 5), (50, 10), (100, 20))
_ALL_ROWS, _HIGH_ROW, _LOW_ROW, _MARK_ROW, _LANE, _GAP = 480, 150, 56, 24, 13, 6  # in pixels
_MARK_SYMBOLS = {RIGHT: "circle", WRONG: "x-thin-open", "": "triangle-down"}

Figure = dict[str, Any]  # of Plotly: its data and layout


def signal(review: Review, seen_s: Sequence[float], beat_s: float | None = None) -> Figure:
    """Draw a stretch of the signal, one row per lead below flagged beats and events, to be zoomed and moved.

    Parameters
    ----------
    review
        The recording.
    seen_s
        Start and end of the stretch. As much again is drawn before and after, and of all that no more than a screen
        can show, extremes included.
    beat_s
        When the chosen beat is, which is shaded.
    """
    stored, drawn_s = review.stored, _drawn(seen_s, review.stored.duration_s)
    order = standard_order(stored.leads)
    curves = [_curve(stored, lead, drawn_s, (seen_s[1] - seen_s[0]) / _COLUMNS) for lead in order]
    ends_mv = [_ends_mv(y_mv) for _, _, y_mv in curves]
    row_mv, line_mv = _row_mv(ends_mv)
    data = above(review, seen_s)
    for row, (lead, (first_s, step_s, y_mv)) in enumerate(zip(order, curves, strict=True)):
        offset_mv = -row * row_mv - sum(ends_mv[row]) / 2
        look = {"mode": "lines", "line": {"width": 1, "color": styles.BLUE}, "showlegend": False, "hoverinfo": "skip"}
        place = {"x0": first_s, "dx": step_s, "y": _packed(y_mv + np.float32(offset_mv))}
        pairs = step_s > 1.5 / stored.sampling_rate_hz  # of the lowest and the highest value
        data.append({"meta": {"lead": stored.leads[lead], "offset_mv": offset_mv, "pairs": pairs}, **place, **look})
    layout = {**_rows(review, order, row_mv, line_mv), "shapes": shades(review, seen_s, beat_s)}
    times, title = ticks(stored, *seen_s)
    layout["xaxis"] = {**times, "title": {"text": title}, "range": list(seen_s), "anchor": "y", "zeroline": False}
    return {"data": data, "layout": layout}


def above(review: Review, seen_s: Sequence[float]) -> list[dict[str, Any]]:
    """Draw what stands above the leads: the flagged beats (`MARKS`), and the events and rhythms (`BANDS`)."""
    drawn_s = _drawn(seen_s, review.stored.duration_s)
    return [_marks(review, drawn_s), bands.bars(review, bands.spans(review, drawn_s))]


def shades(review: Review, seen_s: Sequence[float], beat_s: float | None) -> list[dict[str, Any]]:
    """Shade events and rhythms, and the window of the chosen beat if there is one: shapes of the layout."""
    shapes = [
        styles.shade(start_s, end_s, styles.EVENT_COLOURS[kind], 0.13)
        for kind, start_s, end_s in bands.spans(review, _drawn(seen_s, review.stored.duration_s))
    ]
    if beat_s is not None:
        window_s = review.stored.window_s
        outline = {"width": 1, "dash": "dot", "color": styles.VERMILLION}
        shapes.append(
            {**styles.shade(beat_s + window_s[0], beat_s + window_s[-1], styles.ORANGE, 0.25), "line": outline}
        )
    return shapes


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


def _drawn(seen_s: Sequence[float], duration_s: float) -> tuple[float, float]:
    """Give start and end of what is drawn."""
    margin_s = _MARGIN * (seen_s[1] - seen_s[0])
    return max(0.0, seen_s[0] - margin_s), min(duration_s, seen_s[1] + margin_s)


def _curve(stored: Stored, lead: int, drawn_s: tuple[float, float], column_s: float) -> tuple[float, float, np.ndarray]:
    """Give the time of the first point of a curve, the time between two, and their values in millivolts.

    Where a column of the screen has many samples, it has two points, its lowest value and its highest.
    """
    rate_hz = stored.sampling_rate_hz
    first, last = max(0, int(drawn_s[0] * rate_hz)), math.ceil(drawn_s[1] * rate_hz) + 1
    samples = int(column_s * rate_hz)
    if samples < 4:
        return first / rate_hz, 1 / rate_hz, np.asarray(stored.signals_mv[lead][first:last])
    seen, each = (stored.signals_mv[lead], stored.signals_mv[lead]), 1
    if samples >= 2 * COARSE:
        seen, each = stored.coarse_mv[lead], COARSE
    width = samples // each  # of a column; columns are counted from the start, so that they do not flicker
    begin, end = first // (width * each) * width, math.ceil(last / each)
    columns = lowest_and_highest(seen[0][begin:end], seen[1][begin:end], width)
    step_s = width * each / rate_hz / 2
    return begin * each / rate_hz + step_s / 2, step_s, np.stack(columns, axis=1).ravel()


def _packed(values: np.ndarray) -> dict[str, str]:
    """Write numbers as Plotly reads them fastest."""
    return {"dtype": "f4", "bdata": base64.b64encode(values.astype("<f4").tobytes()).decode()}


def _ends_mv(curve_mv: np.ndarray) -> tuple[float, float]:
    """Give what nearly all of a curve lies between."""
    present = curve_mv[np.isfinite(curve_mv)]
    low, high = np.quantile(present, _SPAN) if len(present) else (0.0, 0.0)
    return float(low), float(high)


def _row_mv(ends_mv: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Choose the height of all rows, and how far their lines are apart."""
    spans_mv = [high - low for low, high in ends_mv]
    needed_mv = 1.05 * min(max(spans_mv), _LOUD * float(np.median(spans_mv)))
    return next((row for row in _ROWS_MV if row[0] >= needed_mv), _ROWS_MV[-1])


def _rows(review: Review, order: Sequence[int], row_mv: float, line_mv: float) -> dict[str, Any]:
    """Lay out the rows of leads, of events and of flagged beats, from below."""
    stored, kinds = review.stored, bands.kinds(review)
    row_px = min(_HIGH_ROW, max(_LOW_ROW, _ALL_ROWS // len(order)))
    heights_px = np.array([row_px * len(order), _GAP, _LANE * max(1, len(kinds)), _GAP, _MARK_ROW])
    edges = np.append(0, heights_px.cumsum()) / heights_px.sum()
    names = [styles.literal(stored.leads[lead]) + ("<br>judged" if lead in stored.judged else "") for lead in order]
    margin = {"l": 68, "r": 14, "t": 8, "b": 52}
    return {
        "height": int(heights_px.sum()) + margin["t"] + margin["b"],
        "autosize": True,
        "margin": margin,
        "dragmode": "pan",
        "barmode": "overlay",
        "showlegend": False,
        "meta": {"unit_s": 1.0, "clock_s": clock_s(stored)},
        "yaxis": {
            "domain": edges[:2].tolist(),
            "range": [(0.5 - len(order)) * row_mv, row_mv / 2],
            "tickvals": [-row * row_mv for row in range(len(order))],
            "ticktext": names,
            "minor": {"dtick": line_mv, "tick0": 0, "showgrid": True},
            "title": {"text": f"one line: {line_mv:g} mV"},
            "zeroline": False,
            "fixedrange": True,
        },
        "yaxis2": {"domain": edges[2:4].tolist(), **bands.lanes(kinds)},
        "yaxis3": {"domain": edges[4:].tolist(), "range": [-1, 1], "visible": False, "fixedrange": True},
    }


def _marks(review: Review, drawn_s: tuple[float, float]) -> dict[str, Any]:
    """Place the flagged beats, and those that the user has marked, above the signal."""
    beats, stored = review.beats, review.stored
    times_s = beats["time_s"].to_numpy()
    told = beats["flagged"].to_numpy(dtype=bool) | (beats["mark"] != "").to_numpy()
    rows = np.flatnonzero(told & (times_s >= drawn_s[0]) & (times_s <= drawn_s[1]))
    rows = _thinned(rows, times_s, beats["anomaly_score"].to_numpy(), (drawn_s[1] - drawn_s[0]) / (3 * _MOST_MARKS))
    shown = beats.iloc[rows]
    names = {group.number: f", group {group.number}: {group.name}" for group in review.groups}
    text = [
        said + names.get(group, "") + (f", marked {mark}" if mark else "")
        for said, group, mark in zip(styles.beat_words(shown, when(stored)), shown["group"], shown["mark"], strict=True)
    ]
    colour = styles.OUTCOMES[styles.FOUND].colour
    marker = {
        "symbol": [_MARK_SYMBOLS[mark] for mark in shown["mark"]],
        "color": [styles.GREY if mark == WRONG else colour for mark in shown["mark"]],
        "size": 10,
        "line": {"width": 2, "color": [styles.GREY if mark == WRONG else colour for mark in shown["mark"]]},
    }
    look = {"mode": "markers", "name": "flagged beat", "marker": marker, "hovertemplate": "%{text}<extra></extra>"}
    x_s, zeros = shown["time_s"].to_numpy(), np.zeros(len(shown))
    return {"x": x_s, "y": zeros, "yaxis": "y3", "text": text, "customdata": rows, **look}


def _thinned(rows: np.ndarray, times_s: np.ndarray, scores: np.ndarray, stretch_s: float) -> np.ndarray:
    """Keep of each stretch of time the beat with the highest score; all where there are few."""
    if len(rows) <= _MOST_MARKS:
        return rows
    by_score = rows[np.argsort(-scores[rows], kind="stable")]
    _, first = np.unique((times_s[by_score] / stretch_s).astype(int), return_index=True)
    return np.sort(by_score[first])
