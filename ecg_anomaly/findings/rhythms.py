"""The rhythm of what was found: premature beats one by one and in rows, pauses, slow, fast and irregular rhythm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event

COUPLET, TRIPLET, RUN = "couplet", "triplet", "run"
BIGEMINY, TRIGEMINY = "bigeminy", "trigeminy"
PAUSE, SLOW, FAST, IRREGULAR = "pause", "slow rhythm", "fast rhythm", "irregular rhythm"
KINDS = (RUN, TRIPLET, COUPLET, BIGEMINY, TRIGEMINY, PAUSE, SLOW, FAST, IRREGULAR)


@dataclass(frozen=True)
class Rhythm(Event):
    """A stretch whose beats follow each other in a way that is worth a look."""

    beats: int = 0  # that it is made of: premature ones, or all of a slow, fast or irregular rhythm
    rate_bpm: float | None = None  # of them
    called: str = ""  # what its premature beats are called: V, S, or empty where they differ or there are none


def find_rhythms(beats: pd.DataFrame) -> list[Rhythm]:
    """Find the rhythms of beats, which have `summary.TABLE_COLUMNS`; in order of their start."""
    flagged, times_s = beats["flagged"].to_numpy(dtype=bool), beats["time_s"].to_numpy(dtype=float)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flagged, [False]]).astype(int))).reshape(-1, 2)
    kinds = {2: COUPLET, 3: TRIPLET}
    return [
        Rhythm(kinds.get(past - first, RUN), float(times_s[first]), float(times_s[past - 1]), int(past - first))
        for first, past in edges
        if past - first > 1
    ]


def figures(rhythms: list[Rhythm]) -> dict[str, Any]:
    """Give the figures of rhythms, ready for JSON."""
    return {kind: sum(rhythm.kind == kind for rhythm in rhythms) for kind in KINDS}
