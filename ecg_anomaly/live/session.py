"""A live signal while it is analysed: what is found, and what there is to say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.scorer import TrainedDetector
from ecg_anomaly.detector.stream import Analysis, Findings, Taken, score_together
from ecg_anomaly.live.messages import LEAD, SOURCE, Announcer, Message
from ecg_anomaly.live.sources import Portion
from ecg_anomaly.live.watches import LeadWatch, StallWatch, StartLook

_NOTHING = Findings(pd.DataFrame(), [])


@dataclass(frozen=True)
class News:
    """What a portion of signal has brought: findings, and what there is to say, in the order in which it came."""

    findings: Findings
    messages: list[Message]


class Session:
    """Analyses a live signal in portions; what it says about beats and events does not depend on the portions.

    Parameters
    ----------
    detector, sampling_rate_hz
        As for `stream.Analysis`.
    leads
        Names of the leads, at most ``records.lead_count``.
    look_at_start
        Whether to say what is odd about the leads (gain, polarity, clipping), once the first minute shows it.
    from_s
        Where in a recording the signal starts: the times of what is found and said are of that recording. The rows'
        ``sample`` is that of the signal all the same.
    """

    def __init__(
        self,
        detector: TrainedDetector,
        sampling_rate_hz: Fraction,
        leads: Sequence[str],
        look_at_start: bool = True,
        from_s: float = 0.0,
    ):
        self._analysis = Analysis(detector, sampling_rate_hz, len(leads))
        self._announcer = Announcer(detector.config.rhythm_events)
        self.tally = self._announcer.tally  # how much there was so far
        self._rate_hz, self._samples, self._from_s = float(sampling_rate_hz), 0, from_s
        self._stall = StallWatch()
        self._leads = LeadWatch(leads, self._rate_hz)
        self._start = StartLook(leads, sampling_rate_hz, detector.config) if look_at_start else None
        self.notes: list[str] = []  # what the user should know of the signal, up to now

    def push(self, portion: Portion, now_s: float) -> News:
        """Take what has come, perhaps nothing; by ``now_s``, on any clock that goes evenly, a stall is noticed."""
        return push_together([(self, portion)], now_s)[0]

    def take(self, portion: Portion, now_s: float) -> tuple[list[Message], Taken | None]:
        """Take what has come, as `push` does; what is found in it `push_together` tells."""
        came = len(portion.signals_mv) > 0
        self._samples += len(portion.signals_mv)
        self.tally.duration_s = self._from_s + self._samples / self._rate_hz
        messages = self._now(SOURCE, [*portion.notes, *self._stall.look(came, now_s)])
        if not came:
            return messages, None
        messages += [
            Message(self._from_s + time_s, LEAD, text) for time_s, text in self._leads.push(portion.signals_mv)
        ]
        if self._start is not None:
            messages += self._note(self._start.push(portion.signals_mv))
        return messages, self._analysis.take(portion.signals_mv)

    def announce(self, messages: list[Message], found: Findings) -> News:
        """Give what a portion has brought, after what was said of it before its beats were scored."""
        findings = self._in_recording(found)
        ongoing = [self._later(event) for event in self._analysis.ongoing]
        return News(findings, messages + self._announcer.announce(findings, ongoing))

    def finish(self) -> News:
        """Give the rest when the signal has ended."""
        if not self._samples:
            return News(_NOTHING, [])
        messages = self._note(self._start.finish()) if self._start is not None else []
        findings = self._in_recording(self._analysis.finish())
        return News(findings, messages + self._announcer.announce(findings, []))

    def _now(self, kind: str, texts: Sequence[str]) -> list[Message]:
        return [Message(self.tally.duration_s, kind, text) for text in texts]

    def _note(self, texts: Sequence[str]) -> list[Message]:
        self.notes += texts
        return self._now(LEAD, texts)

    def _in_recording(self, findings: Findings) -> Findings:
        """Bring the times of findings to those of the recording."""
        if not self._from_s:
            return findings
        beats = findings.beats
        if len(beats):
            beats = beats.assign(time_s=beats["time_s"] + self._from_s)
        return dataclasses.replace(findings, beats=beats, events=[self._later(event) for event in findings.events])

    def _later(self, event: Event) -> Event:
        return dataclasses.replace(event, start_s=event.start_s + self._from_s, end_s=event.end_s + self._from_s)


def push_together(coming: Sequence[tuple[Session, Portion]], now_s: float) -> list[News]:
    """Push to several sessions what has come of each, in a fraction of the time; they have one detector."""
    told = [session.take(portion, now_s) for session, portion in coming]
    found = iter(score_together([taken for _, taken in told if taken is not None]))
    return [
        News(_NOTHING, messages) if taken is None else session.announce(messages, next(found))
        for (session, _), (messages, taken) in zip(coming, told, strict=True)
    ]
