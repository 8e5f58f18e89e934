"""Plays records as if they came in: the same session as ``detect_live.py``, in a thread, with what a screen shows."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ecg_anomaly.detector.scorer import TrainedDetector
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.messages import Message, Tally
from ecg_anomaly.live.session import News, Session
from ecg_anomaly.live.sources import LiveSignal

SHOWN_S = 10.0  # what the screen shows

_NEWS = 30  # messages that are kept
_MOST = 4  # records that are played at once
_UNWATCHED_S = 15.0  # after which a record is no longer played: its page was left
_LOADING, _PLAYING, _STOPPED = "Loading the model", "Playing", "Stopped"
_ENDED, _BROKEN = "The record has ended", "Playing has failed; the terminal says why"


@dataclass(frozen=True)
class Shown:
    """What the screen shows of a record that is played.

    Attributes
    ----------
    words
        Whether it plays, and how much there was so far.
    goes_on
        Whether more will come.
    leads
        Their names.
    end_s
        Seconds of signal so far.
    times_s, signals_mv
        The last seconds: shape ``(samples,)`` and ``(samples, leads)``.
    beats
        The beats within them, with ``time_s``, ``flagged`` and ``reason``.
    news
        The last messages, the newest first.
    """

    words: str
    goes_on: bool
    leads: tuple[str, ...]
    end_s: float
    times_s: np.ndarray
    signals_mv: np.ndarray
    beats: pd.DataFrame
    news: list[Message]


@dataclass
class _Play:
    source: LiveSignal
    lock: threading.Lock = field(default_factory=threading.Lock)
    state: str = _LOADING
    watched_s: float = field(default_factory=time.monotonic)
    stopped: bool = False
    tally: Tally = field(default_factory=Tally)
    signals_mv: np.ndarray = field(init=False)
    beats: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"time_s": [], "flagged": [], "reason": []}))
    news: deque[Message] = field(default_factory=lambda: deque(maxlen=_NEWS))

    def __post_init__(self) -> None:
        self.signals_mv = np.empty((0, len(self.source.leads)))

    def run(self, read_detector: Callable[[], TrainedDetector]) -> None:
        """Play the record to its end, or until it is stopped or nobody watches."""
        try:
            session = Session(read_detector(), self.source.sampling_rate_hz, self.source.leads, look_at_start=False)
            self.state = _PLAYING
            for portion in self.source.portions():
                self._take(portion.signals_mv, session.push(portion, time.monotonic()), session)
                if self.stopped or time.monotonic() - self.watched_s > _UNWATCHED_S:
                    return
            self._take(np.empty((0, len(self.source.leads))), session.finish(), session)
            self.state = _ENDED
        except Exception:
            self.state = _BROKEN
            raise  # for the terminal

    def _take(self, signals_mv: np.ndarray, news: News, session: Session) -> None:
        kept = round(SHOWN_S * float(self.source.sampling_rate_hz))
        with self.lock:
            self.tally = session.tally
            self.signals_mv = np.concatenate([self.signals_mv, signals_mv])[-kept:]
            if len(news.findings.beats):
                found = news.findings.beats[["time_s", "flagged", "reason"]]
                both = pd.concat([self.beats, found], ignore_index=True) if len(self.beats) else found
                self.beats = both[both["time_s"] > session.tally.duration_s - SHOWN_S]
            self.news.extendleft(news.messages)

    def goes_on(self) -> bool:
        """Tell whether more will come."""
        watched = time.monotonic() - self.watched_s <= _UNWATCHED_S
        return self.state in (_LOADING, _PLAYING) and not self.stopped and watched

    def shown(self) -> Shown:
        """Give what the screen shows, which counts as being watched."""
        with self.lock:
            self.watched_s = time.monotonic()
            end_s, rate_hz = self.tally.duration_s, float(self.source.sampling_rate_hz)
            times_s = end_s - (len(self.signals_mv) - np.arange(len(self.signals_mv))) / rate_hz
            rate_bpm = self.tally.heart_rate_bpm
            heart = "" if rate_bpm is None else f", heart rate {rate_bpm:.0f} bpm"
            state = _STOPPED if self.stopped else self.state
            words = f"{state}." if not end_s else f"{state}: {self.tally.words()}{heart}."
            return Shown(
                words,
                self.goes_on(),
                tuple(self.source.leads),
                end_s,
                times_s,
                self.signals_mv,
                self.beats,
                list(self.news),
            )


class Players:
    """The records that are played, by keys that cannot be guessed.

    Parameters
    ----------
    read_detector
        Gives the detector; it is asked once, when the first record is played.
    """

    def __init__(self, read_detector: Callable[[], TrainedDetector]):
        self._read_detector = read_detector
        self._detector: TrainedDetector | None = None
        self._plays: dict[str, _Play] = {}
        self._lock = threading.Lock()

    def play(self, source: LiveSignal) -> str:
        """Play a record; give its key.

        Raises
        ------
        UserError
            When too many are played already.
        """
        self._plays = {key: play for key, play in self._plays.items() if play.goes_on()}
        if len(self._plays) >= _MOST:
            raise UserError(f"{_MOST} records are being played; stop one, or try again in a moment")
        key, play = secrets.token_urlsafe(16), _Play(source)
        self._plays[key] = play
        threading.Thread(target=play.run, args=(self._load,), daemon=True).start()
        return key

    def shown(self, key: object) -> Shown | None:
        """Give what the screen shows of a record; ``None`` when it is no longer played."""
        play = self._plays.get(key) if isinstance(key, str) else None
        return play.shown() if play is not None else None

    def stop(self, key: object) -> None:
        """Stop playing a record; it need not be played."""
        play = self._plays.get(key) if isinstance(key, str) else None
        if play is not None:
            play.stopped = True

    def close(self) -> None:
        """Stop all."""
        for play in self._plays.values():
            play.stopped = True

    def _load(self) -> TrainedDetector:
        with self._lock:
            if self._detector is None:
                self._detector = self._read_detector()
            return self._detector
