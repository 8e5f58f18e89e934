"""What a reader of any format gives: every channel of a file as the file describes it, and their values in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from ecg_anomaly.records.channels import Channel
from ecg_anomaly.words import StartTime


class Source(Protocol):
    """A file that is open for reading. Readers choose no leads: `channels.choose_ecg` does, for all formats."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels, in the order of the file; the column of times of a table is none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed, repaired or left out."""

    @property
    def start_time(self) -> StartTime | None:
        """When the first sample was taken; ``None`` if the file does not say."""

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels that have one sampling rate.

        Shape ``(length, columns)``, the last shorter; float64, in the units of the file, NaN where a sample is missing.
        Each belongs to who takes it, and may be changed.
        """
