"""Follows a live signal: analyses what comes, shows and keeps what is found."""

from __future__ import annotations

import time
from datetime import datetime

import numpy as np

from ecg_anomaly.live.recorder import Recorder
from ecg_anomaly.live.session import News, Session
from ecg_anomaly.live.sources import LiveSignal, Portion, Replay
from ecg_anomaly.live.views import LineView
from ecg_anomaly.processes import ending_signals
from ecg_anomaly.words import GUESS


def follow(
    source: LiveSignal, session: Session, recorder: Recorder | None, view: LineView, longest_s: float = np.inf
) -> None:
    """Follow a source until it ends, or Ctrl-C, or ``longest_s`` seconds of signal have come.

    The session analyses the signal, the view shows it, the recorder keeps it if it is to be kept.
    """

    def take(signals_mv: np.ndarray, news: News) -> None:
        if recorder:
            recorder.add(signals_mv, news.findings)
        now = None if isinstance(source, Replay) else datetime.now()
        for message in news.messages:
            view.say(session.tally.stamp(message.time_s, now), message)
        view.show(signals_mv, news, session.tally, time.monotonic())

    start = f"{source.name}: {', '.join(source.leads)} at {float(source.sampling_rate_hz):g} Hz; Ctrl-C ends"
    nothing = np.empty((0, len(source.leads)))
    with ending_signals() as ended, view:
        take(nothing, session.push(Portion(nothing, (start, GUESS, *source.notes)), time.monotonic()))
        try:
            for portion in source.portions():
                take(portion.signals_mv, session.push(portion, time.monotonic()))
                if ended.is_set() or session.tally.duration_s >= longest_s:
                    break
        finally:
            take(nothing, session.finish())
