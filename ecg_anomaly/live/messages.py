"""What was found of a live signal in words, and counted."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import ASYSTOLE_S, Event
from ecg_anomaly.beats.swings import FIBRILLATION
from ecg_anomaly.config import RhythmEvents
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.detector.stream import Findings
from ecg_anomaly.findings.rhythms import PAUSE, RUN, TRIPLET, describe, find_rows_and_pauses
from ecg_anomaly.reports import styles
from ecg_anomaly.words import CALLED, clock, count_text, score_text

BEAT, EVENT, LEAD, SOURCE = "beat", "event", "lead", "source"

_RATE_BEATS = 8  # the heart rate is that of the median RR interval of so many beats
# A fibrillation is known some seconds after its beats, but those of the first seconds wait until after it.
_REMEMBERED_S = 60.0
_FIBRILLATIONS = 10
_RHYTHM = ("time_s", "rr_before_s", "readable", "flagged", "called")  # columns that runs and pauses are told from,
_TOLD = ("anomaly_score", "threshold", "reason")  # and what else is told of a flagged beat


@dataclass(frozen=True)
class Message:
    """Something to say: when it happened, what it is about, and what happened, in words."""

    time_s: float  # from the start of the signal
    kind: str  # BEAT, EVENT, LEAD or SOURCE
    text: str


class _Beat(NamedTuple):
    time_s: float
    rr_before_s: float
    readable: bool
    flagged: bool

    def within(self, event: Event) -> bool:
        return event.start_s <= self.time_s < event.end_s


@dataclass
class Tally:
    """How much there was so far; what lies within a fibrillation is no beat, once that is over."""

    duration_s: float = 0.0  # of signal
    beats: int = 0
    flagged: int = 0
    unreadable: int = 0
    events: int = 0  # that are over
    heart_rate_bpm: float | None = None  # the latest; None before a beat could be read

    def add(self, beats: Sequence[_Beat], sign: int = 1) -> None:
        """Count beats, or count them no longer."""
        self.beats += sign * len(beats)
        self.unreadable += sign * sum(not beat.readable for beat in beats)
        self.flagged += sign * sum(beat.flagged for beat in beats)

    def stamp(self, time_s: float, now: datetime | None = None) -> str:
        """Write a time in the signal as a clock, after the time of day when it came if that of ``now`` is given."""
        shown = f"{clock(time_s)}.{int(time_s * 10) % 10}"
        return shown if now is None else f"{now - timedelta(seconds=self.duration_s - time_s):%H:%M:%S}  {shown}"

    def words(self) -> str:
        """Sum up in a line."""
        return f"{clock(self.duration_s)} of signal: {self.counts()}"

    def counts(self) -> str:
        """Say in words how many beats and events there were."""
        beats, events = count_text(self.beats, "beat"), count_text(self.events, "event")
        return f"{beats}, {self.flagged:,} flagged, {self.unreadable:,} not readable, {events}"


class Announcer:
    """Says what was found, each thing once: flagged beats, and events when they are certain and when they are over.

    Runs of premature beats are told when they are over, and pauses.
    """

    def __init__(self, limits: RhythmEvents) -> None:
        self._limits = limits
        self._latest: dict[str, np.ndarray] = {}  # columns of the beats from the last that is not premature on
        self.tally = Tally()  # how much there was so far; whoever takes the signal sets its ``duration_s``
        self._lasting: set[tuple[str, float]] = set()  # kind and start of events that were announced and are not over
        self._fibrillations: deque[Event] = deque(maxlen=_FIBRILLATIONS)  # the latest that are over
        self._recent: list[_Beat] = []
        self._rr_s: deque[float] = deque(maxlen=_RATE_BEATS)

    def announce(self, findings: Findings, ongoing: Sequence[Event]) -> list[Message]:
        """Say what is new in what has become known, and of events that are certain but not over."""
        messages: list[Message] = []
        if len(findings.beats):
            columns = _columns(findings.beats)
            self._count(columns)
            messages += [*_flagged_beats(columns), *self._rhythms(columns, [*findings.events, *ongoing])]
        messages += [self._over(event) for event in findings.events]
        return messages + list(self._changes({(event.kind, event.start_s) for event in ongoing}))

    def _rhythms(self, beats: dict[str, np.ndarray], events: Sequence[Event]) -> Iterator[Message]:
        """Say which runs are over and which pauses were."""
        until_s = self._latest["time_s"][-1] if self._latest else 0.0
        table = {name: np.append(self._latest.get(name, beats[name][:0]), beats[name]) for name in _RHYTHM}
        table["event"] = np.full(len(table["time_s"]), "")
        ends_s = table["time_s"][-1]
        for rhythm in find_rows_and_pauses(table, [*events, *self._fibrillations], self._limits):
            is_over = rhythm.kind in (RUN, TRIPLET) and rhythm.end_s < ends_s
            is_new = rhythm.kind == PAUSE and until_s < rhythm.end_s < rhythm.start_s + ASYSTOLE_S
            if is_over or is_new:
                yield Message(rhythm.end_s, EVENT, f"over: {describe(rhythm)}, from {clock(rhythm.start_s)}")
        early = np.isin(table["called"], (V, S))
        kept = slice(max([0, *np.flatnonzero(~early)[-1:]]), None)
        self._latest = {name: values[kept] for name, values in table.items()}

    def _count(self, beats: dict[str, np.ndarray]) -> None:
        came = list(map(_Beat, *(beats[name].tolist() for name in _Beat._fields)))
        self._recent += came
        self.tally.add(came)
        self.tally.add([beat for beat in came if any(map(beat.within, self._fibrillations))], -1)
        self._rr_s.extend(beat.rr_before_s for beat in came if beat.readable and math.isfinite(beat.rr_before_s))
        if self._rr_s:
            self.tally.heart_rate_bpm = 60 / statistics.median(self._rr_s)

    def _over(self, event: Event) -> Message:
        self.tally.events += 1
        self._lasting.discard((event.kind, event.start_s))
        lasted = f"from {clock(event.start_s)} for {event.end_s - event.start_s:.1f} s"
        text = f"over: {styles.EVENT_WORDS[event.kind]}, {lasted}"
        if event.kind == FIBRILLATION:  # no beats lie within, as `summary.conclude` says
            self._fibrillations.append(event)
            within = [beat for beat in self._recent if beat.within(event)]
            self.tally.add(within, -1)
            flagged = sum(beat.flagged for beat in within)
            text += f"; {count_text(flagged, 'beat')} flagged within are none" if flagged else ""
        return Message(event.end_s, EVENT, text)

    def _changes(self, lasting: set[tuple[str, float]]) -> Iterator[Message]:
        for kind, start_s in sorted(self._lasting - lasting):
            # What looked like silence may turn out to be the onset of fibrillation, or of noise.
            text = f"{styles.EVENT_WORDS[kind]} at {clock(start_s)} was none, as what followed shows"
            yield Message(self.tally.duration_s, EVENT, f"taken back: {text}")
        for kind, start_s in sorted(lasting - self._lasting):
            yield Message(start_s, EVENT, f"lasts: {styles.EVENT_WORDS[kind]}")
        self._lasting = lasting
        since_s = min([self.tally.duration_s - _REMEMBERED_S, *(start_s for _, start_s in lasting)])
        self._recent = [beat for beat in self._recent if beat.time_s >= since_s]


def _columns(beats: pd.DataFrame) -> dict[str, np.ndarray]:
    """Take the columns that something is told from: most portions bring one beat, for which tables take long."""
    return {name: beats[name].to_numpy() for name in (*_RHYTHM, *_TOLD)}


def _flagged_beats(beats: dict[str, np.ndarray]) -> Iterator[Message]:
    for beat in np.flatnonzero(beats["flagged"]):
        score, threshold = (score_text(beats[name][beat]) for name in ("anomaly_score", "threshold"))
        called, question = CALLED[beats["called"][beat]], styles.question(beats["reason"][beat])
        words = f"beat flagged, score {score} (threshold {threshold}), {called}, {question}"
        yield Message(float(beats["time_s"][beat]), BEAT, words)
