"""The rhythm of a recording in figures: what was found of each kind, premature beats, and what each hour holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, cast

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.findings.heart_rate import bpm, readable_intervals
from ecg_anomaly.findings.rhythms import IRREGULAR, KINDS, RUN, TRIPLET, Rhythm, longest_rr, premature


class Premature(TypedDict):
    """Premature beats of one kind."""

    beats: int
    per_hour: float | None
    single: int


class LongestRr(TypedDict):
    """The longest RR interval between beats that can both be read, and when it ends."""

    rr_s: float
    at_s: float


class Hour(TypedDict):
    """What lies in an hour of the recording; ``V`` and ``S`` count premature beats, rates are in beats per minute."""

    hour: int
    beats: int
    flagged: int
    V: int
    S: int
    mean_bpm: float | None
    lowest_bpm: float | None
    highest_bpm: float | None


class RhythmTimes(TypedDict):
    """One of the rhythms."""

    kind: str
    start_s: float
    end_s: float
    beats: int
    rate_bpm: float | None
    called: str


class RhythmFigures(TypedDict):
    """The rhythm in ``NAME.summary.json``.

    A triplet is a run of three: ``counts`` has it under ``run``, too. ``irregular_share`` is that of the recording;
    beats that were called S there are counted in ``early_in_irregular`` alone.
    """

    counts: dict[str, int]
    premature: dict[str, Premature]
    irregular_share: float | None
    early_in_irregular: int
    longest_rr: LongestRr | None
    hours: list[Hour]
    rhythms: list[RhythmTimes]


def rhythm_figures(
    beats: pd.DataFrame, events: Sequence[Event], rhythms: Sequence[Rhythm], duration_s: float, readable_h: float
) -> RhythmFigures:
    """Sum up the rhythm of a recording, ready for JSON.

    Parameters
    ----------
    beats, events, rhythms
        Its beats, with `summary.TABLE_COLUMNS`, its events, and what `rhythms.find_rhythms` finds of them.
    duration_s, readable_h
        Seconds that it lasts, and hours of it that can be read.
    """
    early, single = premature(beats, events, rhythms)
    counts = {kind: sum(rhythm.kind == kind for rhythm in rhythms) for kind in KINDS}
    irregular_s = sum(rhythm.end_s - rhythm.start_s for rhythm in rhythms if rhythm.kind == IRREGULAR)
    longest = longest_rr(beats, events)
    judged = (beats["event"] != FIBRILLATION).to_numpy(dtype=bool)
    return {
        "counts": counts | {RUN: counts[RUN] + counts[TRIPLET]},
        "premature": {name: _premature(early == name, single, readable_h) for name in (V, S)},
        "irregular_share": round(irregular_s / duration_s, 4) if duration_s else None,
        "early_in_irregular": int(((beats["called"] == S) & beats["flagged"].astype(bool) & (early == "")).sum()),
        "longest_rr": None if longest is None else {"rr_s": round(longest[0], 3), "at_s": round(longest[1], 3)},
        "hours": _hours(beats[judged], early[judged], duration_s),
        "rhythms": [_times(rhythm) for rhythm in rhythms],
    }


def _premature(rows: np.ndarray, single: np.ndarray, readable_h: float) -> Premature:
    count = int(rows.sum())
    per_hour = round(count / readable_h, 2) if readable_h > 0 else None
    return {"beats": count, "per_hour": per_hour, "single": int((rows & single).sum())}


def _hours(beats: pd.DataFrame, early: np.ndarray, duration_s: float) -> list[Hour]:
    """Count what each hour from the start of the recording holds."""
    hour = (beats["time_s"].to_numpy(dtype=float) // 3600).astype(int)
    count = max(1, int(np.ceil(duration_s / 3600)), *(hour + 1)[-1:])
    flagged = beats["flagged"].to_numpy(dtype=bool)
    chosen = (np.ones(len(hour), dtype=bool), flagged, early == V, early == S)
    counts = [np.bincount(hour[rows], minlength=count).tolist() for rows in chosen]
    rows, rr_s, smooth_s = readable_intervals(beats)
    rates = pd.DataFrame({"rr_s": rr_s, "smooth_s": smooth_s}).groupby(hour[rows])
    seconds = rates.agg({"rr_s": "mean", "smooth_s": ["max", "min"]}).reindex(range(count)).to_numpy(dtype=float)
    names = ("beats", "flagged", "V", "S", "mean_bpm", "lowest_bpm", "highest_bpm")
    columns = [*counts, *([bpm(its_s) if its_s > 0 else None for its_s in column] for column in seconds.T)]
    return [
        cast(Hour, {"hour": hour, **dict(zip(names, row, strict=True))})
        for hour, row in enumerate(zip(*columns, strict=True))
    ]


def _times(rhythm: Rhythm) -> RhythmTimes:
    rate_bpm = None if rhythm.rate_bpm is None else round(rhythm.rate_bpm, 1)
    start_s, end_s = round(rhythm.start_s, 3), round(rhythm.end_s, 3)
    return cast(RhythmTimes, {**vars(rhythm), "start_s": start_s, "end_s": end_s, "rate_bpm": rate_bpm})
