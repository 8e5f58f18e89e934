"""What all sources of a live signal have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

PORTION_S = 0.1  # how long a source gathers samples before it passes them on: shorter ones cost more and tell no more


@dataclass(frozen=True)
class Portion:
    """What has come since the portion before.

    Attributes
    ----------
    signals_mv
        Shape ``(samples, leads)``, in millivolts, NaN where samples are missing; no samples when nothing came.
    notes
        What happened at the source, in words.
    """

    signals_mv: np.ndarray
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A live signal."""

    @property
    def name(self) -> str:
        """What outputs are called after."""

    @property
    def sampling_rate_hz(self) -> Fraction:
        """Samples per second of each lead."""

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that are passed on."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the source, up to now."""

    def portions(self) -> Iterator[Portion]:
        """Yield what comes, until the source ends; an empty portion at least every second when nothing does."""
