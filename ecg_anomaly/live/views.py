"""Shows what there is to tell: line by line, or below it the signal itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.live.session import Message, News, Tally
from ecg_anomaly.live.sources import Source


class View(AbstractContextManager["View"], Protocol):
    """Shows a live signal inside a ``with`` block."""

    def say(self, stamp: str, message: Message) -> None:
        """Write a message and when it happened."""

    def show(self, signals_mv: np.ndarray, news: News, tally: Tally, now_s: float) -> None:
        """Take in the next portion.

        Parameters
        ----------
        signals_mv
            Shape ``(samples, leads)``.
        news
            What it has brought.
        tally
            How much there was so far.
        now_s
            The time on any clock that goes evenly.
        """


class LineView:
    """Writes a line per message, and draws nothing.

    Parameters
    ----------
    write
        Takes a line of text.
    """

    def __init__(self, write: Callable[[str], object]):
        self._write = write

    def __enter__(self) -> LineView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, stamp: str, message: Message) -> None:
        """Write a message."""
        self._write(f"{stamp}  {message.text}")

    def show(self, signals_mv: np.ndarray, news: News, tally: Tally, now_s: float) -> None:
        """Draw nothing."""


def open_view(kind: str | None, name: str, source: Source, write: Callable[[str], object]) -> View:
    """Open the view of a kind; of none: lines that ``write`` takes.

    Raises
    ------
    UserError
        When standard output cannot show it.
    """
    if kind is None:
        return LineView(write)
    if not sys.stdout.isatty():
        raise UserError("--view terminal draws on a terminal, and standard output is none; leave the option out")
    from rich.console import Console

    from ecg_anomaly.live.terminal_view import TerminalView

    return TerminalView(name, source.leads, float(source.sampling_rate_hz), Console())
