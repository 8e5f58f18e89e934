"""Lets a run that has no end be ended: with Ctrl-C, or by whoever started it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_signals() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or termination signal inside the block into an event; the next one interrupts as usual."""
    ended = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
