"""The rhythm of what was found: premature beats one by one and in rows, pauses, slow, fast and irregular rhythm.

The rules, and how they do on annotated records, stand in ``docs/explanation/rhythms.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bottleneck
import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.config import RhythmEvents
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.findings.heart_rate import RATE_BEATS
from ecg_anomaly.findings.irregularity import are_irregular
from ecg_anomaly.words import count_text

COUPLET, TRIPLET, RUN = "couplet", "triplet", "run"
BIGEMINY, TRIGEMINY = "bigeminy", "trigeminy"
PAUSE, SLOW, FAST, IRREGULAR = "pause", "slow rhythm", "fast rhythm", "irregular rhythm"
KINDS = (RUN, TRIPLET, COUPLET, BIGEMINY, TRIGEMINY, PAUSE, SLOW, FAST, IRREGULAR)

SUSPECTED = "atrial fibrillation suspected from RR intervals alone"  # of an irregular rhythm

_ROWS = {2: COUPLET, 3: TRIPLET}  # by their premature beats; with more it is a run
_PERIODS = {BIGEMINY: 2, TRIGEMINY: 3}  # every so many beats one is premature
_CYCLES = 3  # at least: both need that many premature beats
_LEAST_IRREGULAR_S = 30.0  # of atrial fibrillation: Hindricks et al., ESC guidelines, Eur Heart J 42:373-498, 2021
# Stretches of slow, fast or irregular rhythm with no more between them are one.
_BRIDGED_BEATS, _BRIDGED_S = RATE_BEATS, 10.0


@dataclass(frozen=True)
class Rhythm(Event):
    """A stretch whose beats follow each other in a way that is worth a look."""

    beats: int = 0  # that it is made of: premature ones, or all of a slow, fast or irregular rhythm
    rate_bpm: float | None = None  # from the first to the last of them; in bigeminy and trigeminy of all beats
    called: str = ""  # what its premature beats are called: V, S, or empty where they differ or there are none


def find_rhythms(beats: pd.DataFrame, events: Sequence[Event], limits: RhythmEvents) -> list[Rhythm]:
    """Find the rhythms of a recording.

    Parameters
    ----------
    beats
        One row per beat, with `summary.TABLE_COLUMNS`. Premature are those that are flagged and called V or S; no
        rhythm reaches over beats that cannot be read, a gap in the signal, or fibrillation, but for at most ten seconds
        of it in a slow, fast or irregular rhythm.
    events
        What is no beats: a pause that is one of those already is not told twice.
    limits
        What is a pause, slow and fast.

    Returns
    -------
    list of Rhythm
        In order of their start. They may overlap: a fast rhythm may be irregular, and hold runs.
    """
    heard = _Heard.of(beats, events)
    lasting = [*_irregular(heard), *_slow_and_fast(heard, limits)]
    early = _premature(heard, lasting)
    found = [*lasting, *_rows(heard, early), *_cycles(heard, early), *_pauses(heard, events, limits.pause_s)]
    return sorted(found, key=lambda rhythm: rhythm.start_s)


def find_rows_and_pauses(beats: pd.DataFrame, events: Sequence[Event], limits: RhythmEvents) -> list[Rhythm]:
    """Find couplets, triplets, runs and pauses alone, as `find_rhythms` does, whatever the rhythm around them."""
    heard = _Heard.of(beats, events)
    found = [*_rows(heard, _premature(heard, [])), *_pauses(heard, events, limits.pause_s)]
    return sorted(found, key=lambda rhythm: rhythm.start_s)


def describe(rhythm: Rhythm) -> str:
    """Say in words what a rhythm is: ``run of 5 premature beats (V), 150 bpm``."""
    called = f" ({rhythm.called or f'{S} and {V}'})"
    words = {
        RUN: f"run of {count_text(rhythm.beats, 'premature beat')}{called}",
        **dict.fromkeys((COUPLET, TRIPLET), f"{rhythm.kind}{called}"),
        **dict.fromkeys((BIGEMINY, TRIGEMINY), f"{rhythm.kind}{called}, {count_text(rhythm.beats, 'premature beat')}"),
        PAUSE: f"pause of {rhythm.end_s - rhythm.start_s:.1f} s",
        **dict.fromkeys((SLOW, FAST), f"{rhythm.kind}, {count_text(rhythm.beats, 'beat')}"),
        IRREGULAR: f"irregular rhythm, {SUSPECTED}",
    }[rhythm.kind]
    return words if rhythm.kind == PAUSE or rhythm.rate_bpm is None else f"{words}, {rhythm.rate_bpm:.0f} bpm"


def premature(beats: pd.DataFrame, events: Sequence[Event], rhythms: Sequence[Rhythm]) -> tuple[np.ndarray, np.ndarray]:
    """Say which beats of a recording are premature.

    In an irregular rhythm no beat is called S: where none is expected at a certain time, none is early.

    Returns
    -------
    early : ndarray
        Shape ``(beats,)``: V, S, or empty where a beat is not premature.
    single : ndarray
        Shape ``(beats,)``, bool: it is, and neither the beat before nor the one after.
    """
    heard = _Heard.of(beats, events)
    early = _premature(heard, rhythms)
    single = np.zeros(len(early), dtype=bool)
    single[_alone(_in_a_row(heard, early))] = True
    return early, single


def longest_rr(beats: pd.DataFrame, events: Sequence[Event]) -> tuple[float, float] | None:
    """Give the longest RR interval in seconds, and the time of the beat that ends it; ``None`` where there is none."""
    heard = _Heard.of(beats, events)
    if not heard.follows.any():
        return None
    longest = int(np.nanargmax(heard.rr_s))
    return float(heard.rr_s[longest]), float(heard.time_s[longest])


def stretches_of(rows: np.ndarray) -> np.ndarray:
    """Give the first of each stretch of true values and one past its last; shape ``(stretches, 2)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    return np.asarray(edges.reshape(-1, 2))


@dataclass(frozen=True)
class _Heard:
    """What the rhythm is told from; arrays of shape ``(beats,)``."""

    time_s: np.ndarray
    rr_s: np.ndarray  # from the beat before; NaN where that cannot be read, or something else lies between
    called: np.ndarray  # V, S, other or empty

    @classmethod
    def of(cls, beats: pd.DataFrame, events: Sequence[Event]) -> _Heard:
        time_s, before_s = (beats[name].to_numpy(dtype=float) for name in ("time_s", "rr_before_s"))
        readable = beats["readable"].to_numpy(dtype=bool) & (beats["event"] != FIBRILLATION).to_numpy(dtype=bool)
        follows = readable & np.append(False, readable[:-1])[: len(beats)] & (before_s > 0)
        # Between the beats, since `rr_before_s` is cut off where a pause is very long.
        between_s = np.diff(time_s, prepend=np.nan).round(6)
        between_s[~follows | _torn(time_s, events)] = np.nan
        flagged = beats["flagged"].to_numpy(dtype=bool)
        return cls(time_s, between_s, np.where(flagged & readable, beats["called"], ""))

    @property
    def follows(self) -> np.ndarray:
        """Whether each beat follows the one before."""
        return np.asarray(np.isfinite(self.rr_s))


def _torn(time_s: np.ndarray, events: Sequence[Event]) -> np.ndarray:
    """Tell before which beats the signal cannot be read, or fibrillates."""
    torn = np.zeros(len(time_s), dtype=bool)
    for event in events:
        if event.kind in (UNREADABLE, FIBRILLATION):
            after = int(np.searchsorted(time_s, event.start_s, side="right"))
            torn[after : int(np.searchsorted(time_s, event.end_s)) + 1] = True
    return torn


def _premature(heard: _Heard, rhythms: Sequence[Rhythm]) -> np.ndarray:
    called = np.where(np.isin(heard.called, (V, S)), heard.called, "")
    for rhythm in rhythms:
        if rhythm.kind == IRREGULAR:
            within = slice(*np.searchsorted(heard.time_s, (rhythm.start_s, np.nextafter(rhythm.end_s, np.inf))))
            called[within][called[within] == S] = ""
    return called


def _irregular(heard: _Heard) -> Iterator[Rhythm]:
    beside = heard.called == V
    beside[1:] |= beside[:-1].copy()
    kept = np.flatnonzero(heard.follows & ~beside)
    irregular = are_irregular(heard.time_s[kept], heard.rr_s[kept])
    for first, past in _lasting(irregular, heard.time_s[kept], _LEAST_IRREGULAR_S):
        yield _of_all(IRREGULAR, heard, kept[first], kept[past - 1] + 1)


def _slow_and_fast(heard: _Heard, limits: RhythmEvents) -> Iterator[Rhythm]:
    if len(heard.rr_s) < RATE_BEATS:
        return
    # Centred, and of whole windows: the rhythm ends where a beat does not follow.
    usual_s = np.roll(bottleneck.move_median(heard.rr_s, RATE_BEATS), -(RATE_BEATS // 2))
    for kind, beyond in ((SLOW, usual_s > 60 / limits.slow_bpm), (FAST, usual_s < 60 / limits.fast_bpm)):
        for first, past in _lasting(beyond, heard.time_s, limits.sustained_s):
            yield _of_all(kind, heard, first, past)


def _lasting(beyond: np.ndarray, time_s: np.ndarray, least_s: float) -> np.ndarray:
    """Give the stretches, as `stretches_of` does, that last; those with hardly anything between are one."""
    stretches = stretches_of(beyond)
    if not len(stretches):
        return stretches
    far = (
        np.flatnonzero(beyond[1:] & beyond[:-1] & (np.diff(time_s) > _BRIDGED_S)) + 1
    )  # what lies between was left out
    first, past = (np.sort(np.append(ends, far)) for ends in stretches.T)
    apart = (first[1:] - past[:-1] > _BRIDGED_BEATS) | (time_s[first[1:]] - time_s[past[:-1] - 1] > _BRIDGED_S)
    first, past = first[np.append(True, apart)], past[np.append(apart, True)]
    lasts = time_s[past - 1] - time_s[first] >= least_s
    return np.stack([first[lasts], past[lasts]], axis=1)


def _of_all(kind: str, heard: _Heard, first: int, past: int) -> Rhythm:
    """Make a rhythm of all beats of a stretch."""
    rate_bpm = 60 / float(np.nanmean(heard.rr_s[first:past]))
    return Rhythm(kind, float(heard.time_s[first]), float(heard.time_s[past - 1]), int(past - first), rate_bpm)


def _rows(heard: _Heard, early: np.ndarray) -> Iterator[Rhythm]:
    """Find couplets, triplets and runs."""
    names = early.tolist()  # lists are faster where rows are looked at one by one
    for first, past in _in_a_row(heard, early).tolist():
        if past - first > 1:
            yield _of_premature(_ROWS.get(past - first, RUN), heard, names, (first, first, past), past - first)


def _in_a_row(heard: _Heard, early: np.ndarray) -> np.ndarray:
    """Give the stretches of premature beats of which each follows the one before, as `stretches_of` does."""
    is_early = early != ""
    goes_on = is_early & np.append(False, is_early[:-1])[: len(early)] & heard.follows
    firsts = np.flatnonzero(is_early & ~goes_on)
    lasts = np.flatnonzero(is_early & ~np.append(goes_on[1:], False)[: len(early)])
    return np.stack([firsts, lasts + 1], axis=1)


def _alone(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows[rows[:, 1] - rows[:, 0] == 1, 0])


def _cycles(heard: _Heard, early: np.ndarray) -> Iterator[Rhythm]:
    """Find bigeminy and trigeminy."""
    alone = _alone(_in_a_row(heard, early))
    names = early.tolist()
    torn = np.cumsum(~heard.follows)  # beats up to each that follow none
    for kind, period in _PERIODS.items():
        cycle = (np.diff(alone) == period) & (np.diff(torn[alone]) == 0)
        for first, last in stretches_of(cycle).tolist():
            count = last - first + 1
            if count >= _CYCLES:
                before = max(0, alone[first] - period + 1)  # the cycle of the first one
                start = before if torn[before] == torn[alone[first]] else alone[first]
                yield _of_premature(kind, heard, names, (int(start), int(alone[first]), int(alone[last]) + 1), count)


def _of_premature(kind: str, heard: _Heard, names: list[str], rows: tuple[int, int, int], count: int) -> Rhythm:
    """Make a rhythm of premature beats: ``rows`` are its start, its first premature beat, and one past the last."""
    start, first, past = rows
    called = {*names[first:past]} - {""}
    start_s, end_s = float(heard.time_s[start]), float(heard.time_s[past - 1])
    rate_bpm = 60 * (past - 1 - start) / (end_s - start_s) if end_s > start_s else None
    return Rhythm(kind, start_s, end_s, count, rate_bpm, called.pop() if len(called) == 1 else "")


def _pauses(heard: _Heard, events: Sequence[Event], pause_s: float) -> Iterator[Rhythm]:
    known = [event for event in events if event.kind == ASYSTOLE]
    for beat in np.flatnonzero(heard.rr_s > pause_s):
        start_s, end_s = float(heard.time_s[beat - 1]), float(heard.time_s[beat])
        if not any(event.start_s < end_s and event.end_s > start_s for event in known):
            yield Rhythm(PAUSE, start_s, end_s, 2, 60 / (end_s - start_s))
