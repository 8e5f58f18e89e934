"""Full disclosure: hours of a recording with every beat, a line for each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.findings.marks import RIGHT
from ecg_anomaly.findings.review import Review

LINE_MM, WIDTH_MM, LABEL_MM = 3.9, 190.0, 14.0  # height of a line, its width, and what of that its time takes
MM_PER_MV = 1.5
HOUR_S = 3600
GRID_MM = 0.05  # to which curves are rounded, as whole numbers

_LINE_S = 60
_COLUMN_MM = 0.15  # the lowest and the highest value of so much time are drawn: as fine as a pen
_BASELINE_S = 2.0  # what wanders more slowly than this median is left out
_REACH_MM = 1.5 * LINE_MM  # what is higher is cut off there


@dataclass(frozen=True)
class Line:
    """A minute: an SVG path in steps of `GRID_MM`, and where beats are marked right or flagged."""

    label: str
    path: str
    right_mm: list[float]
    flagged_mm: list[float]


@dataclass(frozen=True)
class Hour:
    """An hour of a recording, and how many of its beats are marked right."""

    number: int  # from 0
    marked: int
    lines: list[Line]

    @property
    def size(self) -> int:
        """Characters that it takes on a page, about."""
        return sum(len(line.path) + 24 * len(line.right_mm + line.flagged_mm) + 200 for line in self.lines)


def marked_hours(beats: pd.DataFrame) -> dict[int, int]:
    """Count the beats that are marked right in each hour that has any, the most first."""
    times_s = beats.loc[beats["mark"] == RIGHT, "time_s"].to_numpy(dtype=float)
    counts = np.bincount((times_s // HOUR_S).astype(int))
    return {int(hour): int(counts[hour]) for hour in np.argsort(-counts, kind="stable") if counts[hour]}


def draw_hour(number: int, reviewed: Review) -> Hour:
    """Draw an hour of a recording, counted from 0, in the first lead that was judged."""
    stored, beats, rate_hz = reviewed.stored, reviewed.beats, reviewed.stored.sampling_rate_hz
    start_s = number * HOUR_S
    end_s = min(start_s + HOUR_S, stored.duration_s)
    times_s = beats["time_s"].to_numpy(dtype=float)
    its = beats[(times_s >= start_s) & (times_s < end_s)]
    right, minute = (its["mark"] == RIGHT).to_numpy(), (its["time_s"].to_numpy(dtype=float) // _LINE_S).astype(int)
    flagged = its["flagged"].to_numpy(dtype=bool) & ~right
    x_mm = _x_mm(its["time_s"].to_numpy(dtype=float) % _LINE_S).round(1)
    signal_mv = stored.read_mv(start_s, end_s, stored.judged[:1])[:, 0]
    lines = []
    for line_s in np.arange(start_s, end_s, _LINE_S):
        first = round((line_s - start_s) * rate_hz)
        part_mv = signal_mv[first : first + round(_LINE_S * rate_hz)]
        here = minute == line_s // _LINE_S
        marks = (x_mm[here & rows].tolist() for rows in (right, flagged))
        lines.append(Line(words.clock(line_s), _path(part_mv, rate_hz), *marks))
    return Hour(number, int(right.sum()), lines)


def _x_mm(seconds: np.ndarray) -> np.ndarray:
    return LABEL_MM + (WIDTH_MM - LABEL_MM) / _LINE_S * seconds


def _path(part_mv: np.ndarray, rate_hz: float) -> str:
    """Write a minute as an SVG path in steps of the grid, from the left end of its line and its middle."""
    column_s = _COLUMN_MM / (WIDTH_MM - LABEL_MM) * _LINE_S
    column = (np.arange(len(part_mv)) / rate_hz // column_s).astype(int)
    columns = pd.Series(part_mv).groupby(column).agg(["min", "max"])
    middle = columns.mean(axis=1)
    baseline = middle.rolling(round(_BASELINE_S / column_s), center=True, min_periods=1).median()
    y_mm = columns.rsub(baseline, axis=0).mul(MM_PER_MV).clip(-_REACH_MM, _REACH_MM)
    present = y_mm.notna().all(axis=1).to_numpy()
    grid = np.rint(y_mm[present].to_numpy() / GRID_MM).astype(int)
    return _strokes(columns.index.to_numpy()[present] * round(_COLUMN_MM / GRID_MM), grid)


def _strokes(x: np.ndarray, low_high: np.ndarray) -> str:
    """Walk through columns, to the nearer end of each first; a new walk begins where columns are missing."""
    text, at_x, at_y, step = [], -1, 0, round(_COLUMN_MM / GRID_MM)
    for its_x, low, high in zip(x.tolist(), *low_high.T.tolist(), strict=True):
        near, far = (low, high) if abs(low - at_y) <= abs(high - at_y) else (high, low)
        if its_x - at_x == step and at_x >= 0:
            text.append(f"l{step}{near - at_y:+d}v{far - near}" if near != at_y else f"h{step}v{far - near}")
        else:
            text.append(f"M{its_x} {near}v{far - near}")
        at_x, at_y = its_x, far
    return "".join(text).replace("v0", "")
