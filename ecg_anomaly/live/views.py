"""Shows a live signal: a line per message, or below the messages its last seconds, heart rate and counts."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ecg_anomaly import words
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.messages import BEAT, EVENT, Message, Tally
from ecg_anomaly.live.session import News
from ecg_anomaly.live.sources import LiveSignal

_SHOWN_S = 10.0
_LEADS = 2  # more do not fit on a usual screen
_LINES = 6  # of each lead
_EVERY_S = 0.2  # of wall time
_LEAST_SPAN_MV = 1.0  # so that noise of a loose lead does not fill the view
_FLAGGED, _READ, _UNREADABLE = "▼", "·", "?"
_STYLES = {BEAT: "bold red", EVENT: "bold magenta"}  # of messages; others are about the source
# Braille characters are four dots high and two wide.
_BLANK = 0x2800  # the first of them in Unicode
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of the dots, by row and column


class LineView:
    """Shows messages inside a ``with`` block, a line each, and draws nothing.

    Lines begin with ``name``, where several signals are shown.
    """

    def __init__(self, name: str = ""):
        self._before = f"{name}  " if name else ""

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, stamp: str, message: Message) -> None:
        """Write a message and when it happened."""
        print(f"{self._before}{stamp}  {message.text}", flush=True)

    def show(self, signals_mv: np.ndarray, news: News, tally: Tally, now_s: float) -> None:
        """Take in the next portion, of shape ``(samples, leads)``, what it has brought, and how much there was so far.

        ``now_s`` is the time on any clock that goes evenly.
        """


class TerminalView(LineView):
    """Draws a signal below the messages, which scroll away above it."""

    def __init__(self, name: str, leads: Sequence[str], sampling_rate_hz: float, console: Console):
        super().__init__()
        self._name, self._leads = name, list(leads[:_LEADS])
        self._signals_mv = np.full((round(_SHOWN_S * sampling_rate_hz), len(self._leads)), np.nan)
        self._marks: deque[tuple[float, str]] = deque()  # times of beats, and how they are marked
        self._drawn_s = -np.inf
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> TerminalView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, stamp: str, message: Message) -> None:
        """Write a message above the view."""
        self._live.console.print(Text(f"{stamp}  {message.text}", style=_STYLES.get(message.kind, "yellow")))

    def show(self, signals_mv: np.ndarray, news: News, tally: Tally, now_s: float) -> None:
        """Take in the next portion, and draw if it is time; arguments as for `LineView`."""
        kept = len(self._signals_mv)
        self._signals_mv = np.concatenate([self._signals_mv, signals_mv[:, : len(self._leads)]])[-kept:]
        beats = news.findings.beats
        if len(beats):
            for time_s, readable, flagged in beats[["time_s", "readable", "flagged"]].itertuples(index=False):
                self._marks.append((time_s, _FLAGGED if flagged else _READ if readable else _UNREADABLE))
        while self._marks and self._marks[0][0] < tally.duration_s - _SHOWN_S:
            self._marks.popleft()
        if now_s - self._drawn_s >= _EVERY_S:
            self._drawn_s = now_s
            self._live.update(self._draw(tally), refresh=True)

    def _draw(self, tally: Tally) -> Panel:
        width = max(20, self._live.console.width - 4)
        parts: list[Table | Text] = [_headline(tally), self._mark_line(tally.duration_s, width)]
        for lead, signal_mv in zip(self._leads, self._signals_mv.T, strict=True):
            valid = signal_mv[np.isfinite(signal_mv)]
            low, high = (float(valid.min()), float(valid.max())) if len(valid) else (0.0, 0.0)
            room = max(0.0, _LEAST_SPAN_MV - (high - low)) / 2
            curve = draw_curve(signal_mv, low - room, high + room, width, _LINES)
            parts += [Text(f"{lead}, {high - low:.1f} mV", style="dim"), Text("\n".join(curve), style="green")]
        title = f"{self._name}, last {_SHOWN_S:g} s"
        return Panel(Group(*parts), title=title, subtitle=f"{_FLAGGED} flagged   {_UNREADABLE} cannot be read")

    def _mark_line(self, end_s: float, width: int) -> Text:
        line = [" "] * width
        for time_s, mark in self._marks:
            column = min(width - 1, max(0, int((time_s - end_s + _SHOWN_S) / _SHOWN_S * width)))
            line[column] = mark if line[column] != _FLAGGED else _FLAGGED
        return Text("".join(line), style="bold red")


def open_view(kind: str | None, name: str, source: LiveSignal, of_many: bool = False) -> LineView:
    """Open the view of a kind; of none: lines, which say of which signal where it is one of many.

    Raises
    ------
    UserError
        When standard output cannot show it.
    """
    if kind is None:
        return LineView(name if of_many else "")
    if of_many:
        raise UserError("--view terminal draws one signal; leave it out where several are followed")
    if not sys.stdout.isatty():
        raise UserError("--view terminal draws on a terminal, and standard output is none; leave the option out")
    return TerminalView(name, source.leads, float(source.sampling_rate_hz), Console())


def draw_curve(values: np.ndarray, low: float, high: float, width: int, height: int) -> list[str]:
    """Draw a curve in braille characters.

    Parameters
    ----------
    values
        Shape ``(samples,)``, at least two for each dot of the width; NaN leaves a gap.
    low, high
        What the lower and the upper edge mean; values beyond are drawn at the edge.
    width, height
        Size in characters: the length of a line, and how many there are, from top to bottom.
    """
    edges = np.linspace(0, len(values), 2 * width, endpoint=False).astype(int)
    before = values[np.maximum(edges - 1, 0)]  # each column of dots starts where the one before it ended
    lowest = np.fmin(np.fmin.reduceat(values, edges), before)
    highest = np.fmax(np.fmax.reduceat(values, edges), before)
    rows = np.arange(4 * height)[:, np.newaxis]
    last = 4 * height - 1
    top, bottom = (np.round((high - np.clip(edge, low, high)) / (high - low) * last) for edge in (highest, lowest))
    dots = (rows >= top) & (rows <= bottom)  # NaN compares as false
    codes = (dots.reshape(height, 4, width, 2) * _BITS[:, np.newaxis]).sum(axis=(1, 3)) + _BLANK
    return ["".join(map(chr, line)) for line in codes]


def _headline(tally: Tally) -> Table:
    rate = "--" if tally.heart_rate_bpm is None else f"{tally.heart_rate_bpm:.0f}"
    cells = [
        Text(words.clock(tally.duration_s)),
        Text(f"♥ {rate}/min", style="bold"),
        Text(words.count_text(tally.beats, "beat")),
        Text(f"{tally.flagged:,} flagged", style="bold red" if tally.flagged else ""),
        Text(f"{tally.unreadable:,} unreadable"),
        Text(words.count_text(tally.events, "event"), style="bold magenta" if tally.events else ""),
    ]
    line = Table.grid(expand=True)
    for _ in cells:
        line.add_column(justify="center")
    line.add_row(*cells)
    return line
