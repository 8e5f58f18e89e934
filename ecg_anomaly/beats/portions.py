"""The beats of a record in portions, in memory or in a file: a record may last for weeks."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

# Beats that follow each other: their rows without labels, and their windows, of shape (beats, samples, leads), float32:
# scaled; all zeros where a lead is missing.
Portion = tuple[pd.DataFrame, np.ndarray]


class Portions(Protocol):
    """Where portions of beats are kept: a list, `PortionsOnDisk`, or a deque of no length."""

    def append(self, portion: Portion, /) -> None:
        """Keep the next ones."""

    def __iter__(self) -> Iterator[Portion]:
        """Give them again."""


@dataclass(frozen=True)
class PortionsOnDisk:
    """Portions in a file, of which one at a time is in memory."""

    path: Path

    def append(self, portion: Portion) -> None:
        """Write the next one."""
        with self.path.open("ab") as file:
            pickle.dump(portion, file)

    def __iter__(self) -> Iterator[Portion]:
        with self.path.open("rb") as file, contextlib.suppress(EOFError):
            while True:
                yield pickle.load(file)
