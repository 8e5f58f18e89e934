"""Plays records as if they came in: the same session as ``detect_live.py``, in a thread, with what a screen shows."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

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
    """What the screen shows of a record that is played: its last seconds, and in words how much there was so far."""

    leads: tuple[str, ...]
    times_s: np.ndarray  # shape (samples,)
    signals_mv: np.ndarray  # shape (samples, leads)
    beat_s: np.ndarray  # shape (beats,): when the beats within them are
    flagged: np.ndarray  # shape (beats,): which of them are
    news: tuple[Message, ...] = ()  # the newest first
    end_s: float = 0.0
    counts: str = ""
    state: str = _LOADING

    @property
    def goes_on(self) -> bool:
        """Whether more will come."""
        return self.state in (_LOADING, _PLAYING)

    @property
    def words(self) -> str:
        """Whether it plays, and how much there was so far."""
        return f"{self.state}: {self.counts}." if self.end_s else f"{self.state}."

    def after(self, signals_mv: np.ndarray, news: News, tally: Tally, rate_hz: float) -> Shown:
        """Give what the screen shows when more has come."""
        signals_mv = np.concatenate([self.signals_mv, signals_mv])[-round(SHOWN_S * rate_hz) :]
        beat_s, flagged, found = self.beat_s, self.flagged, news.findings.beats
        if len(found):
            beat_s = np.append(beat_s, found["time_s"])
            flagged = np.append(flagged, found["flagged"].to_numpy(dtype=bool))
        seen = beat_s > tally.duration_s - SHOWN_S
        heart = "" if tally.heart_rate_bpm is None else f", heart rate {tally.heart_rate_bpm:.0f} bpm"
        return Shown(
            self.leads,
            tally.duration_s + np.arange(-len(signals_mv), 0) / rate_hz,
            signals_mv,
            beat_s[seen],
            flagged[seen],
            (*reversed(news.messages), *self.news)[:_NEWS],
            tally.duration_s,
            tally.words() + heart,
            _PLAYING,
        )


@dataclass
class _Play:
    """A record that is played."""

    shown: Shown
    watched_s: float  # when it was looked at last
    stopped: bool = False

    def goes_on(self) -> bool:
        """Say whether more will come: it is neither over nor stopped, and somebody watches."""
        return self.shown.goes_on and not self.stopped and time.monotonic() - self.watched_s <= _UNWATCHED_S


class Players:
    """The records that are played, by keys that cannot be guessed; the detector is read when the first one is."""

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
        nothing, nothing_mv = np.empty(0), np.empty((0, len(source.leads)))
        shown = Shown(source.leads, nothing, nothing_mv, nothing, nothing.astype(bool))
        key, play = secrets.token_urlsafe(16), _Play(shown, time.monotonic())
        self._plays[key] = play
        threading.Thread(target=self._run, args=(play, source), daemon=True).start()
        return key

    def shown(self, key: str | None) -> Shown | None:
        """Give what the screen shows of a record, which is watched by that; ``None`` when it is no longer played."""
        if key not in self._plays:
            return None
        play = self._plays[key]
        play.watched_s = time.monotonic()
        return dataclasses.replace(play.shown, state=_STOPPED) if play.stopped else play.shown

    def stop(self, key: str | None) -> None:
        """Stop playing a record; it need not be played."""
        if key in self._plays:
            self._plays[key].stopped = True

    def close(self) -> None:
        """Stop all."""
        for key in self._plays:
            self.stop(key)

    def _run(self, play: _Play, source: LiveSignal) -> None:
        rate_hz = float(source.sampling_rate_hz)
        try:
            with self._lock:
                self._detector = self._detector or self._read_detector()
            session = Session(self._detector, source.sampling_rate_hz, source.leads, look_at_start=False)
            for portion in source.portions():
                news = session.push(portion, time.monotonic())
                play.shown = play.shown.after(portion.signals_mv, news, session.tally, rate_hz)
                if not play.goes_on():
                    return
            rest = play.shown.after(play.shown.signals_mv[:0], session.finish(), session.tally, rate_hz)
            play.shown = dataclasses.replace(rest, state=_ENDED)
        except Exception:
            play.shown = dataclasses.replace(play.shown, state=_BROKEN)
            raise  # for the terminal
