"""Episodes of a recording on ECG paper: 25 mm for a second, 10 mm for a millivolt."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tsdownsample import NaNMinMaxDownsampler

from ecg_anomaly import words
from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.episodes import STRIP_S, Episode, strip_start_s

MM_PER_S, MM_PER_MV = 25.0, 10.0
MARGIN_MM = 15.0  # left of the signal, for the calibration pulse
MARKS_MM = 10.0  # above the leads, for the marks of flagged beats
PAPER = {  # what the template of a strip knows
    "mm_per_s": MM_PER_S,
    "mm_per_mv": MM_PER_MV,
    "margin_mm": MARGIN_MM,
    "marks_mm": MARKS_MM,
    "colours": styles.EVENT_COLOURS,
    "judged": (),  # leads that are named as those, where others are drawn, too
}

_STRIP_RATE_HZ = 250  # pairs of points a second on paper, 0.1 mm apart: a pen is wider
_STEP_MM = 0.1
_TIMES_MM = 5.0  # below the leads, for the time
_LANE_MM = (20.0, 60.0)  # least and greatest height of a lead
_MANY_LEADS, _LOW_LANE_MM = 3, 15.0  # with more leads than so many they may be lower
# A beat on paper has room for so much; one that is like neither has its reason alone.
_SHORT_NAMES = {V: "V ", S: "S "}
_SHORT_REASONS = {"reconstruction": "shape", "patient": "unlike own"}
_LETTER_MM = 1.7  # at most, of many in a row


@dataclass(frozen=True)
class Lane:
    """One lead on paper; ``path`` is an SVG path in millimetres."""

    name: str
    top_mm: float
    height_mm: float
    y_mm: float  # of the line on which its median lies
    zero_mm: float  # of 0 mV, which may be far off
    path: str


@dataclass(frozen=True)
class Mark:
    """A flagged beat on paper: ``row`` keeps the words of close beats apart."""

    x_mm: float
    word_mm: float  # the middle of its word, which ends on the paper
    row: int
    word: str
    words: str


@dataclass(frozen=True)
class Strip:
    """An episode on paper, in millimetres from its upper left corner."""

    key: str
    title: str
    note: str
    start_s: float
    mm_per_mv: float
    width_mm: float
    height_mm: float
    lanes: list[Lane]
    marks: list[Mark]
    shades: list[tuple[float, float, str]]  # left, width and kind of an event
    times: list[tuple[float, str]]
    unit_mm: float = 1.0  # of the numbers in the paths of its lanes

    def in_steps(self) -> Strip:
        """Give the strip with curves in whole steps of a tenth of a millimetre, for pages that no script reads.

        A pen is wider, and they take less than a third of the room.
        """
        lanes = [dataclasses.replace(lane, path=_in_steps(lane.path)) for lane in self.lanes]
        return dataclasses.replace(self, lanes=lanes, unit_mm=_STEP_MM)


def draw_strip(
    episode: Episode,
    number: int,
    reviewed: Review,
    leads: Sequence[int] | None = None,
    length_s: float = STRIP_S,
    mm_per_mv: float = MM_PER_MV,
    when: Callable[[float], str] = words.clock,
) -> Strip:
    """Draw an episode on ECG paper, 25 mm for a second.

    Parameters
    ----------
    episode, number
        What to draw, and its number on the page.
    reviewed
        The recording.
    leads
        Which of its leads, in what order; without, those that were judged.
    length_s
        Of the strip; a shorter recording has a shorter one.
    mm_per_mv
        Height of a millivolt.
    when
        Says a time in words.
    """
    stored, leads = reviewed.stored, reviewed.stored.judged if leads is None else leads
    duration_s, sampling_rate_hz = stored.duration_s, stored.sampling_rate_hz
    start_s = min(strip_start_s(episode, length_s), max(0.0, np.floor(duration_s - length_s)))
    end_s = min(start_s + length_s, duration_s)
    # The first sample need not stand at the start exactly.
    offset_s = round(start_s * sampling_rate_hz) / sampling_rate_hz - start_s
    signals_mv, names = stored.read_mv(start_s, end_s, leads), [stored.leads[lead] for lead in leads]
    lanes = _lanes(signals_mv, names, offset_s, sampling_rate_hz, mm_per_mv)
    seconds = np.arange(0, end_s - start_s + 1e-9)
    return Strip(
        key=f"strip-{number}",
        title=_title(episode, when),
        note=_note(episode, start_s, end_s, when),
        start_s=start_s,
        mm_per_mv=mm_per_mv,
        width_mm=MARGIN_MM + MM_PER_S * (end_s - start_s),
        height_mm=MARKS_MM + sum(lane.height_mm for lane in lanes) + _TIMES_MM,
        lanes=lanes,
        marks=_marks(reviewed.beats, start_s, end_s, when),
        shades=_shades(reviewed.events, start_s, end_s),
        times=[(_x_mm(second), when(start_s + second)) for second in seconds[::2]],
    )


def _lanes(
    signals_mv: np.ndarray, leads: Sequence[str], offset_s: float, sampling_rate_hz: float, mm_per_mv: float
) -> list[Lane]:
    lanes: list[Lane] = []
    top_mm = MARKS_MM
    least_mm, greatest_mm = _LANE_MM if len(leads) <= _MANY_LEADS else (_LOW_LANE_MM, _LANE_MM[1])
    limits_mm = least_mm / 2, greatest_mm / 2 * max(1.0, mm_per_mv / MM_PER_MV)
    for lead, lead_mv in zip(leads, signals_mv.T, strict=True):
        y_mm = -mm_per_mv * lead_mv.astype(float)
        valid = y_mm[np.isfinite(y_mm)]
        low, middle, high = (valid.min(), np.median(valid), valid.max()) if len(valid) else (0.0, 0.0, 0.0)
        above = _whole_squares(middle - low, limits_mm)
        height_mm = above + _whole_squares(high - middle, limits_mm)
        line_mm = top_mm + above
        x_mm = _x_mm(offset_s + np.arange(len(y_mm)) / sampling_rate_hz)
        path = _path(x_mm, line_mm + y_mm - middle, sampling_rate_hz)
        lanes.append(Lane(lead, top_mm, height_mm, line_mm, float(line_mm - middle), path))
        top_mm += height_mm
    return lanes


def _whole_squares(size_mm: float, limits_mm: tuple[float, float]) -> float:
    """Room on one side of the line of a lead, in squares of 5 mm, so that the lines of all leads are the paper's."""
    return float(5 * np.ceil(np.clip(size_mm + 1, *limits_mm) / 5))


def _x_mm(seconds: Any) -> Any:
    return MARGIN_MM + MM_PER_S * seconds


def _path(x_mm: np.ndarray, y_mm: np.ndarray, sampling_rate_hz: float) -> str:
    """Write a curve as an SVG path that breaks where samples are missing."""
    width = math.ceil(sampling_rate_hz / _STRIP_RATE_HZ)
    if width > 2:  # the lowest and the highest of so many samples; where one is missing, that it is
        thinner = NaNMinMaxDownsampler()  # type: ignore[no-untyped-call]
        kept = thinner.downsample(y_mm, n_out=2 * max(2, len(y_mm) // width))
        x_mm, y_mm = x_mm[kept], y_mm[kept]
    present = np.isfinite(y_mm)
    starts = present & ~np.append(False, present[:-1])
    return "".join(
        f"{'M' if begins else 'L'}{x:.2f} {y:.2f}"
        for x, y, begins in zip(x_mm[present], y_mm[present], starts[present], strict=True)
    )


def points_of(path: str) -> Iterator[np.ndarray]:
    """Give the points of a lane's path in millimetres, of shape ``(points, 2)``, for each of its unbroken parts."""
    for walk in path.split("M")[1:]:
        yield np.array(walk.replace("L", " ").split(), dtype=float).reshape(-1, 2)


def _in_steps(path: str) -> str:
    """Write what `_path` gave in whole steps from point to point; what goes on straight ahead is one step."""
    text = []
    for points_mm in points_of(path):
        places = np.rint(points_mm / _STEP_MM).astype(int)
        x, y = places[0]
        level = np.append(False, np.diff(places[:, 1]) == 0)
        steps = np.diff(places[~(level & np.append(level[1:], False))], axis=0)
        moves = " ".join(f"{dx}{' ' if dy >= 0 else ''}{dy}" for dx, dy in steps[steps.any(axis=1)].tolist())
        text.append(f"M{x} {y}" + ("l" if moves else "h0") + moves)
    return "".join(text)


def _marks(beats: pd.DataFrame, start_s: float, end_s: float, when: Callable[[float], str]) -> list[Mark]:
    time_s = beats["time_s"].to_numpy(dtype=float)
    shown = beats[beats["flagged"].to_numpy(dtype=bool) & (time_s >= start_s) & (time_s < end_s)]
    short = [
        _SHORT_NAMES.get(called, "") + _SHORT_REASONS.get(reason, reason)
        for called, reason in zip(shown["called"], shown["reason"], strict=True)
    ]
    marks = zip(shown["time_s"], short, styles.beat_words(shown, when), strict=True)
    drawn, width_mm = [], _x_mm(end_s - start_s)
    for number, (beat_s, word, its_words) in enumerate(marks):
        x_mm = _x_mm(beat_s - start_s)
        drawn.append(Mark(x_mm, min(x_mm, width_mm - _LETTER_MM * len(word) / 2), number % 2, word, its_words))
    return drawn


def _shades(events: Sequence[Event], start_s: float, end_s: float) -> list[tuple[float, float, str]]:
    """Left, width and kind of each event on the strip."""
    seen = [(max(event.start_s, start_s), min(event.end_s, end_s), event.kind) for event in events]
    return [
        (_x_mm(first_s - start_s), MM_PER_S * (last_s - first_s), kind)
        for first_s, last_s, kind in seen
        if first_s < last_s
    ]


def _title(episode: Episode, when: Callable[[float], str]) -> str:
    if episode.kind:
        return f"{when(episode.start_s)}: {episode.words}"
    beats = words.count_text(episode.flagged, "flagged beat")
    return f"{when(episode.start_s)}: {beats}, {styles.SCORE} up to {words.score_text(episode.score)}"


def _note(episode: Episode, start_s: float, end_s: float, when: Callable[[float], str]) -> str:
    if episode.start_s >= start_s and episode.end_s <= end_s:
        return ""
    length_s = episode.end_s - episode.start_s
    return f"Lasts {length_s:.0f} s, until {when(episode.end_s)}; the strip shows {end_s - start_s:.0f} s."
