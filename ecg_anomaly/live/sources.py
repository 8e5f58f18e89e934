"""What all sources of a live signal have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from ecg_anomaly.config import Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import find_leads
from ecg_anomaly.records.wfdb_records import lead_order

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


def choose_leads(names: Sequence[str], asked: Sequence[str], settings: Records, path: Path | str) -> list[int]:
    """Choose the leads of a signal of which nothing has come yet.

    Parameters
    ----------
    names
        Names of the leads that are there, each once.
    asked
        Names of those that are wanted; empty: ``records.leads`` first, then as they come.
    settings
        The preferred leads, and how many are taken at most.
    path
        The source, for messages.

    Returns
    -------
    list of int
        Where each of them stands in ``names``.

    Raises
    ------
    UserError
        When a lead that is asked for is not there, or the model takes fewer.
    """
    if len(asked) > settings.lead_count:
        raise UserError(f"{path}: --leads names {len(asked)} leads, the model takes {settings.lead_count}")
    return find_leads(names, asked, path) if asked else lead_order(names, settings.leads)[: settings.lead_count]
