"""Libraries that only some formats need: extras of the package, loaded when such a file is opened."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecg_anomaly.errors import UserError, missing_extra


def library(name: str, path: Path, kind: str) -> Any:
    """Import a library that reads one kind of file.

    Parameters
    ----------
    name
        What to import.
    path, kind
        The file and what it is, for the message.

    Raises
    ------
    UserError
        When the library is not installed: how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise missing(name, path, kind) from None


def missing(name: str, path: Path, kind: str) -> UserError:
    """Say that a library is not installed, and how to install it."""
    return missing_extra(f"{path}: is {kind}, and reading it", name.partition(".")[0], "formats")


@contextlib.contextmanager
def listening(name: str) -> Iterator[list[str]]:
    """Collect what a library logs as warnings and errors, instead of letting it write to the terminal."""
    told: list[str] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: told.append(" ".join(record.getMessage().split()))  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    handlers, propagate = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [listener], False
    try:
        yield told
    finally:
        logger.handlers, logger.propagate = handlers, propagate
