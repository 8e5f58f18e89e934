"""What is asked of an analysis of recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NO_PAGES, FLAGGED_PAGES, ALL_PAGES = PAGES = ("none", "flagged", "all")
CSV, PARQUET = TABLES = ("csv", "parquet")


@dataclass(frozen=True)
class Request:
    """How the recordings are to be read, and where the results go."""

    folder: Path
    leads: tuple[str, ...] = ()  # those to analyse; empty: chosen by records.leads
    sampling_rate_hz: float | None = None  # of tables without times
    gain: float | None = None  # units per millivolt, of channels whose unit is no voltage
    force: bool = False  # whether files that are there may be replaced, whoever wrote them
    resume: bool = False  # whether results that match are kept, and others of an analysis replaced
    pages: str = ALL_PAGES  # which recordings get one; one of PAGES
    table: str = CSV  # what tables are written as; one of TABLES


@dataclass(frozen=True)
class Named:
    """A recording, and what its results are called, with folders below that of all results: ``day 1/100``."""

    path: Path
    name: str
