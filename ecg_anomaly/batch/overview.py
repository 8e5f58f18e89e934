"""The table of all recordings that were analysed to a folder: ``recordings.summary.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.manifest import write_whole

OVERVIEW = "recordings.summary.csv"


@dataclass(frozen=True)
class Figures:
    """What is kept of a recording until the end of a batch; what nothing defines is ``None``."""

    duration_s: float | None = None
    beats: int | None = None
    flagged: int | None = None
    flagged_per_hour: float | None = None
    median_bpm: float | None = None
    events: int | None = None
    unreadable_share: float | None = None
    error: str = ""  # why there is no result

    @classmethod
    def of(cls, summary: Summary) -> Figures:
        """Take them from a summary; rhythms are no events here."""
        alike = {field.name: summary.get(field.name) for field in fields(cls) if field.name in summary}
        figures = {**alike, "events": len(summary["events"]), "median_bpm": summary["heart_rate_bpm"]["median"]}
        return cls(**figures)  # type: ignore[arg-type]


_COLUMNS = ("recording", *(field.name for field in fields(Figures)))


def is_overview(path: Path) -> bool:
    """Tell whether a file is what `write_overview` writes."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip() == ",".join(_COLUMNS)


def write_overview(folder: Path, figures: Mapping[str, Figures]) -> None:
    """Write a row for each recording, by its name; what earlier runs wrote of others stays."""
    path, rows = folder / OVERVIEW, {}
    if path.is_file() and is_overview(path):
        with path.open(encoding="utf-8", newline="") as file:
            rows = {row["recording"]: row for row in csv.DictReader(file)}
    for name, its in figures.items():
        rows[name] = {"recording": name, **asdict(its)}
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[name] for name in sorted(rows))
    write_whole(path, text.getvalue())
