"""Silence what native libraries write past Python while they are imported."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.RLock()


@contextmanager
def quiet_native_output() -> Iterator[None]:
    """Send what is written to file descriptor 2 inside the block to nowhere; exceptions pass through.

    One thread does so at a time: the other would take nowhere for what was there before.
    """
    with _LOCK:
        sys.stderr.flush()
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
