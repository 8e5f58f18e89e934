"""What there is to tell of a live signal while it is analysed."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

import pandas as pd

from ecg_anomaly.beats.events import FIBRILLATION, Event
from ecg_anomaly.detector.scorer import TrainedDetector
from ecg_anomaly.detector.stream import Analysis, Findings
from ecg_anomaly.live.sources import Portion
from ecg_anomaly.live.watches import LeadWatch, StallWatch, StartLook
from ecg_anomaly.reports import styles
from ecg_anomaly.words import clock, count_text, score_text

BEAT, EVENT, LEAD, SOURCE = "beat", "event", "lead", "source"

_RATE_BEATS = 8  # the heart rate is that of the median RR interval of so many beats
# A fibrillation is known some seconds after its beats, but those of the first seconds wait until after it.
_REMEMBERED_S = 60.0
_FIBRILLATIONS = 10
_NOTHING = Findings(pd.DataFrame(), [])


@dataclass(frozen=True)
class Message:
    """Something to tell.

    Attributes
    ----------
    time_s
        When it happened, in seconds of signal from the start.
    kind
        What it is about: ``beat``, ``event``, ``lead`` or ``source``.
    text
        What happened, in words.
    """

    time_s: float
    kind: str
    text: str


@dataclass(frozen=True)
class News:
    """What a portion of signal has brought: findings, and what there is to tell, in the order in which it came."""

    findings: Findings
    messages: list[Message]


class _Beat(NamedTuple):
    time_s: float
    rr_before_s: float
    readable: bool
    flagged: bool

    def within(self, event: Event) -> bool:
        return event.start_s <= self.time_s < event.end_s


@dataclass
class Tally:
    """How much there was so far.

    Attributes
    ----------
    duration_s
        Seconds of signal.
    beats, flagged, unreadable
        Number of beats; what lies within a fibrillation is none, once that is over.
    events
        How many events are over.
    heart_rate_bpm
        The latest; ``None`` before a beat could be read.
    """

    duration_s: float = 0.0
    beats: int = 0
    flagged: int = 0
    unreadable: int = 0
    events: int = 0
    heart_rate_bpm: float | None = None

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
        counts = [
            count_text(self.beats, "beat"),
            f"{self.flagged:,} flagged",
            f"{self.unreadable:,} not readable",
            count_text(self.events, "event"),
        ]
        return f"{clock(self.duration_s)} of signal: {', '.join(counts)}"


class Session:
    """Analyses a live signal in portions; what it says about beats and events does not depend on the portions.

    Parameters
    ----------
    detector
        A trained detector.
    sampling_rate_hz
        Samples per second of the signal.
    leads
        Names of its leads, at most ``records.lead_count``.
    look_at_start
        Whether to say what is odd about the leads (gain, polarity, clipping), once the first minute shows it.

    Attributes
    ----------
    tally
        How much there was so far.
    notes
        What the user should know of the signal, up to now.
    """

    def __init__(
        self, detector: TrainedDetector, sampling_rate_hz: Fraction, leads: Sequence[str], look_at_start: bool = True
    ):
        self._analysis = Analysis(detector, sampling_rate_hz, len(leads))
        self._rate_hz = float(sampling_rate_hz)
        self._samples = 0
        self._stall = StallWatch()
        self._leads = LeadWatch(leads, self._rate_hz)
        self._start = StartLook(leads, sampling_rate_hz, detector.config) if look_at_start else None
        self._lasting: set[tuple[str, float]] = set()  # kind and start of events that were told and are not over
        self._fibrillations: deque[Event] = deque(maxlen=_FIBRILLATIONS)  # the latest that are over
        self._recent: list[_Beat] = []
        self._rr_s: deque[float] = deque(maxlen=_RATE_BEATS)
        self.tally = Tally()
        self.notes: list[str] = []

    def push(self, portion: Portion, now_s: float) -> News:
        """Take the next portion.

        Parameters
        ----------
        portion
            What has come; perhaps nothing.
        now_s
            The time on any clock that goes evenly, by which a source that stalls is noticed.
        """
        came = len(portion.signals_mv) > 0
        self._samples += len(portion.signals_mv)
        self.tally.duration_s = self._samples / self._rate_hz
        told = [self._now(SOURCE, text) for text in (*portion.notes, *self._stall.look(came, now_s))]
        if not came:
            return News(_NOTHING, told)
        told += [Message(time_s, LEAD, text) for time_s, text in self._leads.push(portion.signals_mv)]
        if self._start is not None:
            told += self._note(self._start.push(portion.signals_mv))
        findings = self._analysis.push(portion.signals_mv)
        return News(findings, told + self._tell(findings, self._analysis.ongoing))

    def finish(self) -> News:
        """Tell the rest when the signal has ended."""
        if not self._samples:
            return News(_NOTHING, [])
        told = self._note(self._start.finish()) if self._start is not None else []
        findings = self._analysis.finish()
        return News(findings, told + self._tell(findings, []))

    def _now(self, kind: str, text: str) -> Message:
        return Message(self.tally.duration_s, kind, text)

    def _note(self, texts: Sequence[str]) -> list[Message]:
        self.notes += texts
        return [self._now(LEAD, text) for text in texts]

    def _tell(self, findings: Findings, lasting: Sequence[Event]) -> list[Message]:
        told: list[Message] = []
        if len(findings.beats):
            self._count(findings.beats)
            told += _tell_beats(findings.beats)
        return told + list(self._tell_events(findings.events, lasting))

    def _count(self, beats: pd.DataFrame) -> None:
        came = list(map(_Beat, *(beats[name].tolist() for name in _Beat._fields)))
        self._recent += came
        within = [beat for beat in came if any(map(beat.within, self._fibrillations))]
        self.tally.add(came)
        self.tally.add(within, -1)
        self._rr_s.extend(beat.rr_before_s for beat in came if beat.readable)
        if self._rr_s:
            self.tally.heart_rate_bpm = 60 / statistics.median(self._rr_s)

    def _tell_events(self, over: Sequence[Event], lasting: Sequence[Event]) -> Iterator[Message]:
        for event in over:
            self.tally.events += 1
            self._lasting.discard((event.kind, event.start_s))
            words, start = styles.EVENT_WORDS[event.kind], clock(event.start_s)
            text = f"over: {words}, from {start} for {event.end_s - event.start_s:.1f} s"
            yield Message(event.end_s, EVENT, text + self._take_back(event))
        began = {(event.kind, event.start_s) for event in lasting}
        for kind, start_s in sorted(self._lasting - began):
            # What looked like silence may turn out to be the onset of fibrillation, or of noise.
            words = styles.EVENT_WORDS[kind]
            yield self._now(EVENT, f"taken back: {words} at {clock(start_s)} was none, as what followed shows")
        for kind, start_s in sorted(began - self._lasting):
            yield Message(start_s, EVENT, f"lasts: {styles.EVENT_WORDS[kind]}")
        self._lasting = began
        since_s = min([self.tally.duration_s - _REMEMBERED_S, *(start_s for _, start_s in began)])
        self._recent = [beat for beat in self._recent if beat.time_s >= since_s]

    def _take_back(self, event: Event) -> str:
        """Count no beat within a fibrillation, as `results.conclude` does."""
        if event.kind != FIBRILLATION:
            return ""
        self._fibrillations.append(event)
        within = [beat for beat in self._recent if beat.within(event)]
        self.tally.add(within, -1)
        flagged = sum(beat.flagged for beat in within)
        return f"; {count_text(flagged, 'beat')} flagged within are none" if flagged else ""


def _tell_beats(beats: pd.DataFrame) -> Iterator[Message]:
    columns = ("flagged", "time_s", "anomaly_score", "threshold", "reason")
    for flagged, time_s, score, threshold, reason in zip(*(beats[name].tolist() for name in columns), strict=True):
        if flagged:
            words = f"score {score_text(score)} (threshold {score_text(threshold)})"
            yield Message(time_s, BEAT, f"beat flagged, {words}, {styles.question(reason)}")
