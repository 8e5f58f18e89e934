"""What there is to tell, line by line and without a picture."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

import numpy as np

from ecg_anomaly.live.session import Message, News, Tally


class LineView:
    """Writes a line per message; used as `terminal_view.TerminalView` is.

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
