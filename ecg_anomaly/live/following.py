"""Follows live signals: analyses what comes of each, shows and keeps what is found.

Each source is read by a thread of its own; one thread analyses what has come of all, as much at once as there is. So
portions are short while there is time, and longer, which takes less for the same signal, where many signals are
followed. What is found does not depend on them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.live.messages import SOURCE, Message
from ecg_anomaly.live.recorder import Recorder
from ecg_anomaly.live.session import News, Session, push_together
from ecg_anomaly.live.sources import LiveSignal, Portion, Replay
from ecg_anomaly.live.views import LineView
from ecg_anomaly.processes import ending_signals
from ecg_anomaly.words import GUESS, clock

_WAITING = 16  # portions of a source that waits itself
_LOOK_EVERY_S = 0.1  # whether a reader is to end
_GAP_S = 60.0  # of missing signal that is taken at once


@dataclass(eq=False)
class Followed:
    """A signal that is followed."""

    name: str  # what its files are called after
    source: LiveSignal
    session: Session
    recorder: Recorder | None  # if it is to be kept
    view: LineView
    error: str = ""  # why it has failed

    def start(self) -> None:
        """Say what begins; a recording that was cut off is taken up."""
        source = self.source
        start = f"{source.name}: {', '.join(source.leads)} at {float(source.sampling_rate_hz):g} Hz; Ctrl-C ends"
        portion = Portion(np.empty((0, len(source.leads))), (start, GUESS, *source.notes))
        self.show(portion, self.session.push(portion, time.monotonic()))
        if self.recorder and self.recorder.samples:
            self.recorder.take_up(self.session)
            self._say(f"goes on with what was kept until {clock(self.session.tally.duration_s)}")

    def within(self, portion: Portion, longest_s: float) -> tuple[Portion, bool]:
        """Give of what has come what is within so many seconds of signal, and whether more is to come.

        What nobody recorded before it has gone before.
        """
        rate_hz, leads = float(self.source.sampling_rate_hz), len(self.source.leads)
        if self.recorder and (missing := self.recorder.missing_before(portion)):
            self._say(f"nothing was recorded for {clock(missing / rate_hz)}, which is missing")
            for first in range(0, missing, round(_GAP_S * rate_hz)):
                nothing = np.full((min(round(_GAP_S * rate_hz), missing - first), leads), np.nan)
                self._keep(Portion(nothing), self.session.push(Portion(nothing), time.monotonic()))
        left = (longest_s - self.session.tally.duration_s) * rate_hz
        if len(portion.signals_mv) < left:
            return portion, True
        return Portion(portion.signals_mv[: max(0, round(left))], portion.notes, portion.until), False

    def end(self) -> None:
        """Tell the rest when nothing more comes."""
        nothing = Portion(np.empty((0, len(self.source.leads))))
        self.show(nothing, self.session.finish())

    def fail(self, error: str) -> None:
        """Say that nothing more comes, and why."""
        self.error = error
        self._say(f"ends: {error}")

    def finish(self, folder: Path) -> bool:
        """Sum up, and make the files; say whether there are some. Why they could not be made is its error."""
        try:
            notes = [*self.source.notes, *self.session.notes]
            return self.recorder is not None and self.recorder.finish(folder, self.name, notes) is not None
        except UserError as error:
            self.error = self.error or str(error)
            return False

    def show(self, portion: Portion, news: News) -> None:
        """Show and keep what has come, and what it has brought."""
        for message in news.messages:
            self._tell(message)
        self._keep(portion, news)
        self.view.show(portion.signals_mv, news, self.session.tally, time.monotonic())

    def _keep(self, portion: Portion, news: News) -> None:
        for text in self.recorder.add(portion, news.findings, self.source.notes) if self.recorder else ():
            self._say(text)

    def _say(self, text: str) -> None:
        self._tell(Message(self.session.tally.duration_s, SOURCE, text))

    def _tell(self, message: Message) -> None:
        now = None if isinstance(self.source, Replay) else datetime.now()
        self.view.say(self.session.tally.stamp(message.time_s, now), message)


def follow(all_followed: Sequence[Followed], longest_s: float = np.inf) -> None:
    """Follow signals until each has ended, or Ctrl-C, or ``longest_s`` seconds of it have come.

    One that fails says so and has its ``error``; the others go on.
    """
    arrived = threading.Event()
    with ending_signals() as ended, contextlib.ExitStack() as views:
        readers = {followed: _Reader(followed.source, arrived) for followed in all_followed}
        try:
            for followed in all_followed:
                views.enter_context(followed.view)
                followed.start()
            going = list(all_followed)
            while going and not ended.is_set():
                arrived.wait(_LOOK_EVERY_S)  # Ctrl-C does not wake it
                arrived.clear()
                going = _take_all([(each, readers[each]) for each in going], longest_s)
        finally:
            for reader in readers.values():
                reader.stop()
            for reader in readers.values():
                reader.join()
            for followed in all_followed:
                followed.end()


def _take_all(going: Sequence[tuple[Followed, _Reader]], longest_s: float) -> list[Followed]:
    """Take what has come of all signals; give those of which more is to come."""
    coming, go_on = [], []
    for followed, reader in going:
        portions, is_over = reader.portions()
        if portions:
            portion, goes_on = followed.within(Portion.joined(portions), longest_s)
            coming.append((followed, portion))
            is_over |= not goes_on
        if is_over:
            reader.stop()
        else:
            go_on.append(followed)
    told = push_together([(followed.session, portion) for followed, portion in coming], time.monotonic())
    for (followed, portion), news in zip(coming, told, strict=True):
        followed.show(portion, news)
    for followed, reader in going:
        if reader.error is not None and followed not in go_on:
            if not isinstance(reader.error, UserError | OSError):
                raise reader.error
            followed.fail(str(reader.error))
    return go_on


class _Reader:
    """Reads a source on a thread of its own."""

    def __init__(self, source: LiveSignal, arrived: threading.Event):
        self._source, self._arrived = source, arrived
        self._waiting: queue.Queue[Portion | None] = queue.Queue(_WAITING if source.waits else 0)
        self._stopped = threading.Event()
        self.error: Exception | None = None  # what has ended it
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def portions(self) -> tuple[list[Portion], bool]:
        """Give what has come, and whether that was all."""
        portions: list[Portion] = []
        with contextlib.suppress(queue.Empty):
            while (portion := self._waiting.get_nowait()) is not None:
                portions.append(portion)
            return portions, True
        return portions, False

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()

    def join(self) -> None:
        """Wait until nothing is read any more, but not for a source that waits itself: it ends with the script."""
        self._thread.join(2 * _LOOK_EVERY_S)

    def _read(self) -> None:
        try:
            for portion in self._source.portions():
                if not self._pass_on(portion):
                    return
        except Exception as error:  # is raised, or told, where the signal is followed
            self.error = error
        self._pass_on(None)

    def _pass_on(self, portion: Portion | None) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._waiting.put(portion, timeout=_LOOK_EVERY_S)
                self._arrived.set()
                return True
        return False
