"""Plays signals as they come: the same session as ``detect_live.py``, in a thread, with what a screen shows."""

from __future__ import annotations

import dataclasses
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import numpy as np

from ecg_anomaly.detector.scorer import TrainedDetector
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.live.messages import SOURCE, Message, Tally
from ecg_anomaly.live.session import News, Session
from ecg_anomaly.live.sources import LiveSignal, Portion, Recorded, Replay
from ecg_anomaly.words import clock

SHOWN_S = 10.0  # what the screen shows

_NEWS = 12  # messages that are kept
_UNWATCHED_S = 15.0  # after which a signal is no longer played: its page was left
# A signal at ten times its speed takes about a tenth of a core; an analysis of a recording needs its share, too.
_PER_CORE, _MOST = 4, 8
_RATE_DIGITS = 1000  # the largest denominator of a sampling rate
_LOADING, _PLAYING, _PAUSED, _STOPPED = "Opening it, once the model is loaded", "Playing", "Paused", "Stopped"
_LATE = "Playing, more slowly than asked, as this machine is busy"
_ENDED, _BROKEN = "The record has ended", "Playing has failed; the terminal says why"


@dataclass(frozen=True)
class Shown:
    """What the screen shows of a signal that is played: its last seconds, and in words how much there was so far."""

    leads: tuple[str, ...]
    times_s: np.ndarray  # shape (samples,)
    signals_mv: np.ndarray  # shape (samples, leads)
    beat_s: np.ndarray  # shape (beats,): when the beats within them are
    flagged: np.ndarray  # shape (beats,): which of them are
    news: tuple[Message, ...] = ()  # the newest first
    said: int = 0  # how many messages there were, with those that are not kept
    from_s: float = 0.0  # since when what came is analysed
    end_s: float = 0.0
    until: datetime | None = None  # the time of day at its end, of a stream
    counts: str = ""
    state: str = _LOADING

    @property
    def goes_on(self) -> bool:
        """Whether more will come."""
        return self.state in (_LOADING, _PLAYING, _LATE, _PAUSED)

    @property
    def is_paused(self) -> bool:
        """Whether it waits until it is to go on."""
        return self.state == _PAUSED

    @property
    def words(self) -> str:
        """How much there was so far; empty before anything was."""
        if not self.counts:
            return ""
        since = f", since {clock(self.from_s)}" if self.from_s else ""
        day_time = "" if self.until is None else f"{self.until:%H:%M:%S}, "
        return f"{day_time}{clock(self.end_s)}: {self.counts}{since}."

    def after(
        self, signals_mv: np.ndarray, news: News, tally: Tally, rate_hz: float, until: datetime | None = None
    ) -> Shown:
        """Give what the screen shows when more has come."""
        signals_mv = np.concatenate([self.signals_mv, signals_mv])[-round(SHOWN_S * rate_hz) :]
        beat_s, flagged, found = self.beat_s, self.flagged, news.findings.beats
        if len(found):
            beat_s = np.append(beat_s, found["time_s"])
            flagged = np.append(flagged, found["flagged"].to_numpy(dtype=bool))
        seen = beat_s > tally.duration_s - SHOWN_S
        heart = "" if tally.heart_rate_bpm is None else f", heart rate {tally.heart_rate_bpm:.0f} bpm"
        return dataclasses.replace(
            self.saying(*news.messages),
            times_s=tally.duration_s + np.arange(-len(signals_mv), 0) / rate_hz,
            signals_mv=signals_mv,
            beat_s=beat_s[seen],
            flagged=flagged[seen],
            end_s=tally.duration_s,
            until=until or self.until,
            counts=tally.counts() + heart,
        )

    def saying(self, *messages: Message) -> Shown:
        """Give what the screen shows when there is more to say."""
        news = (*reversed(messages), *self.news)[:_NEWS]
        return dataclasses.replace(self, news=news, said=self.said + len(messages))


def _empty(leads: tuple[str, ...] = ()) -> Shown:
    nothing = np.empty(0)
    return Shown(leads, nothing, np.empty((0, len(leads))), nothing, nothing.astype(bool))


class StoredSignal:
    """The signals of an analysed recording, in the leads that were judged, to be replayed; a `Recorded`."""

    def __init__(self, stored: Stored):
        self._stored, self.samples = stored, stored.samples
        self.name, self.leads, self.notes = stored.name, tuple(stored.judged_leads), tuple(stored.notes)
        self.sampling_rate_hz = Fraction(stored.sampling_rate_hz).limit_denominator(_RATE_DIGITS)

    def blocks(self, seconds: float) -> Iterator[np.ndarray]:
        """Read the signals from the start, of shape ``(samples, leads)`` in millivolts."""
        start_s = 0.0
        while start_s < self._stored.duration_s:
            yield self._stored.read_mv(start_s, start_s + seconds)
            start_s += seconds


def replay(recording: Recorded, speed: float, at_s: float) -> Replay:
    """Replay a recording from a time of it; `UserError` if it does not last so long."""
    duration_s = _duration_s(recording)
    if not 0 <= at_s < duration_s:
        raise UserError(f"the recording lasts from 0:00:00 to {clock(duration_s)}; name a time within")
    return Replay(recording, speed, at_s)


def _place(source: LiveSignal) -> tuple[float, float]:
    """Say where in its recording a source is shown from, and where it starts."""
    return (source.at_s, source.from_s) if isinstance(source, Replay) else (0.0, 0.0)


def _duration_s(recording: Recorded) -> float:
    return recording.samples / float(recording.sampling_rate_hz)


@dataclass
class _Play:
    """A signal that is played."""

    shown: Shown
    watched_s: float  # when it was looked at last
    source: LiveSignal | None = None  # what it comes from, once that is open
    sought: Replay | None = None  # what it is to come from instead
    stopped: bool = False

    def goes_on(self) -> bool:
        """Say whether more will come: it is neither over nor stopped, and somebody watches."""
        return self.shown.goes_on and not self.stopped and time.monotonic() - self.watched_s <= _UNWATCHED_S

    def state(self) -> str:
        """Say whether it plays."""
        source = self.source
        if self.stopped:
            return _STOPPED
        if self.shown.state == _PLAYING and isinstance(source, Replay):
            return _PAUSED if source.is_paused else _LATE if source.is_late else _PLAYING
        return self.shown.state

    def begin(self, source: LiveSignal) -> None:
        """Show that a source is played from now on, which may be the same one from another place."""
        texts = list(source.notes) if self.source is None else []
        at_s, from_s = _place(source)
        if at_s:
            texts.append(
                f"plays from here; the analysis starts anew at {clock(from_s)} and learns this patient's own "
                f"beat again, so that scores may differ from those of the whole recording"
            )
        self.source, shown = source, _empty(source.leads)
        shown = dataclasses.replace(shown, news=self.shown.news, said=self.shown.said, from_s=from_s, state=_PLAYING)
        self.shown = shown.saying(*(Message(at_s, SOURCE, text) for text in texts))

    def follow(self, source: LiveSignal, detector: TrainedDetector) -> Replay | None:
        """Play a source until it ends or is stopped, or until it is to be played from elsewhere: give that."""
        self.begin(source)
        rate_hz = float(source.sampling_rate_hz)
        replayed = isinstance(source, Replay)
        at_s, from_s = _place(source)
        session = Session(detector, source.sampling_rate_hz, source.leads, look_at_start=not replayed, from_s=from_s)
        for portion in source.portions():
            sought, self.sought = self.sought, None
            if sought is not None:
                return sought
            if not self.goes_on():
                self.stopped = True  # nobody watched
                return None
            if len(portion.signals_mv) or not replayed:  # nothing comes of a replay that is paused
                news = session.push(portion, time.monotonic())
                messages = [message for message in news.messages if message.time_s >= at_s]
                news = dataclasses.replace(news, messages=messages)
                self.shown = self.shown.after(portion.signals_mv, news, session.tally, rate_hz, portion.until)
        rest = self.shown.after(self.shown.signals_mv[:0], session.finish(), session.tally, rate_hz)
        self.shown = dataclasses.replace(rest, state=_ENDED)
        return None


class Players:
    """The signals that are played, by keys that cannot be guessed; one detector, which is read once, judges all."""

    def __init__(self, read_detector: Callable[[], TrainedDetector]):
        self._read_detector = read_detector
        self._detector: TrainedDetector | None = None
        self._plays: dict[str, _Play] = {}
        self._loading, self._starting = threading.Lock(), threading.Lock()
        self._cores = os.cpu_count() or 1

    def load(self) -> TrainedDetector:
        """Give the detector, which is read when this is called first."""
        with self._loading:
            self._detector = self._detector or self._read_detector()
            return self._detector

    def warm_up(self, recording: Recorded) -> None:
        """Judge a recording that nobody sees: what is compiled at its first use is so then."""
        session = Session(self.load(), recording.sampling_rate_hz, recording.leads, look_at_start=False)
        for block in recording.blocks(SHOWN_S):
            session.push(Portion(block), 0.0)

    def play(self, open_source: Callable[[], LiveSignal]) -> str:
        """Play what is opened, in the background; give its key. Why it cannot be opened is shown.

        Raises
        ------
        UserError
            When too many are played already.
        """
        with self._starting:
            self._plays = {key: play for key, play in self._plays.items() if play.goes_on()}
            most = min(_MOST, _PER_CORE * self._cores)
            if len(self._plays) >= most:
                raise UserError(
                    f"{most} signals are being played, and this machine follows no more at once; "
                    "stop one, or try again in a moment"
                )
            key, play = secrets.token_urlsafe(16), _Play(_empty(), time.monotonic())
            self._plays[key] = play
        threading.Thread(target=self._run, args=(play, open_source), daemon=True).start()
        return key

    def shown(self, key: str | None) -> Shown | None:
        """Give what the screen shows of a signal, which is watched by that; ``None`` when it is no longer played."""
        if key not in self._plays:
            return None
        play = self._plays[key]
        play.watched_s = time.monotonic()
        return dataclasses.replace(play.shown, state=play.state())

    def stop(self, key: str | None) -> None:
        """Stop playing a signal; it need not be played."""
        if key in self._plays:
            self._plays[key].stopped = True

    def pause(self, key: str | None) -> None:
        """Let a recording wait, or go on if it waits; `UserError` if none is played."""
        source = self._replayed(key)[1]
        source.is_paused = not source.is_paused

    def change_speed(self, key: str | None, speed: float) -> None:
        """Change how fast a recording is played, if one is."""
        if key in self._plays and isinstance(source := self._plays[key].source, Replay):
            source.speed = speed

    def seek(self, key: str | None, time_s: float, from_here: bool = False) -> None:
        """Go on playing a recording at a time of it, or so much later than now (earlier: below 0).

        Its analysis starts anew shortly before.

        Raises
        ------
        UserError
            When none is played, or it does not last so long.
        """
        play, source = self._replayed(key)
        if from_here:
            last_s = max(0.0, _duration_s(source.recording) - 1)
            time_s = min(max(0.0, play.shown.end_s + time_s), last_s)
        sought = replay(source.recording, source.speed, time_s)
        sought.is_paused = source.is_paused
        play.sought = sought

    def close(self) -> None:
        """Stop all."""
        for key in self._plays:
            self.stop(key)

    def _replayed(self, key: str | None) -> tuple[_Play, Replay]:
        play = self._plays.get(key or "")
        if play is None or not play.goes_on():
            raise UserError("nothing is being played; press Play first")
        if not isinstance(play.source, Replay):
            raise UserError("a stream comes as it comes; only recordings can be paused, and played from elsewhere")
        return play, play.source

    def _run(self, play: _Play, open_source: Callable[[], LiveSignal]) -> None:
        try:
            source: LiveSignal | None = open_source()
            detector = self.load()
            while source is not None:
                source = play.follow(source, detector)
        except UserError as error:
            play.shown = dataclasses.replace(play.shown, state=f"Not played: {error}")
        except Exception:
            play.shown = dataclasses.replace(play.shown, state=_BROKEN)
            raise  # for the terminal
