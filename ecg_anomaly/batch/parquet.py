"""Tables of many recordings as Parquet: folders with a file for each, which pandas, DuckDB and Spark read as one."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.errors import UserError, missing_extra
from ecg_anomaly.findings.files import rounded
from ecg_anomaly.findings.rhythms import Rhythm, describe
from ecg_anomaly.findings.summary import TABLE_COLUMNS, Summary

FOLDERS = BEATS, EVENTS, SUMMARY = ("beats", "events", "summary")
_ENDING = ".parquet"

# Types of columns, by their names in pyarrow; others are numbers. No type is taken from values: it must be one for all
# recordings, also for those without a beat.
_TYPES = {
    **dict.fromkeys(("sample", "beats", "flagged_beats", "flagged_V", "flagged_S", "events", "group"), "int64"),
    **dict.fromkeys(("readable", "flagged"), "bool_"),
    **dict.fromkeys(
        ("recording", "called", "reason", "event", "kind", "words", "start_time", "notes", "leads"), "string"
    ),
}


def files_of(name: str) -> list[str]:
    """List the files of a recording of this name.

    It is the file's name, without folders, so that engines need not look below; a column has it, too. A folder
    ``recording=100`` would say it twice, and be read as a number.
    """
    # What begins with a dot or an underscore is passed over.
    quoted = re.sub(r"[%/]|^[._]", lambda found: f"%{ord(found[0]):02X}", name)
    return [f"{folder}/{quoted}{_ENDING}" for folder in FOLDERS]


def library() -> Any:
    """Import what writes Parquet.

    Raises
    ------
    UserError
        When it is not installed: how to install it.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise missing_extra("--table parquet", "pyarrow", "parquet") from None


def check_names(names: Sequence[str]) -> None:
    """Check that no results of a recording lie among the tables, where they would be taken for some.

    Raises
    ------
    UserError
        With the folder in question.
    """
    for name in names:
        if "/" in name and (folder := name.partition("/")[0].lower()) in FOLDERS:
            raise UserError(
                f"{name}: recordings in a folder named {folder} would lie among the tables of that name; "
                "rename it, or take --table csv"
            )


def write(folder: Path, name: str, beats: pd.DataFrame, events: Sequence[Event], summary: Summary) -> None:
    """Write the tables of a recording of this name: its beats, its events with its rhythms, and a row that sums it up.

    ``beats`` have `summary.TABLE_COLUMNS` and ``group``.
    """
    tables = (rounded(beats)[[*TABLE_COLUMNS, "group"]], _events_table(events), _summary_table(summary))
    for file, table in zip(files_of(name), tables, strict=True):
        (folder / file).parent.mkdir(exist_ok=True)
        _write(folder / file, table.assign(recording=name))


def _write(path: Path, table: pd.DataFrame) -> None:
    parquet, arrow = library(), importlib.import_module("pyarrow")
    columns = ["recording", *(str(column) for column in table if column != "recording")]
    schema = arrow.schema([(column, getattr(arrow, _TYPES.get(column, "float64"))()) for column in columns])
    made = arrow.Table.from_pandas(table[columns], schema, preserve_index=False).replace_schema_metadata(None)
    parquet.write_table(made, path, compression="zstd")


def _events_table(events: Sequence[Event]) -> pd.DataFrame:
    """Tabulate events: beats and their rate are those of rhythms."""
    rows = [
        {
            "kind": event.kind,
            "start_s": event.start_s,
            "end_s": event.end_s,
            "beats": event.beats if isinstance(event, Rhythm) else None,
            "rate_bpm": event.rate_bpm if isinstance(event, Rhythm) else None,
            "called": event.called if isinstance(event, Rhythm) else "",
            "words": describe(event) if isinstance(event, Rhythm) else event.kind,
        }
        for event in events
    ]
    columns = ["kind", "start_s", "end_s", "beats", "rate_bpm", "called", "words"]
    return pd.DataFrame(rows, columns=columns).astype({"beats": "Int64", "rate_bpm": float})


def _summary_table(summary: Summary) -> pd.DataFrame:
    """Tabulate a summary in one row, without what has a table of its own."""
    rate = summary["heart_rate_bpm"]
    row = {
        "start_time": summary["start_time"],
        "duration_s": summary["duration_s"],
        "sampling_rate_hz": summary["sampling_rate_hz"],
        "leads": ", ".join(summary["leads"]),
        "beats": summary["beats"],
        "flagged_beats": summary["flagged"],
        "flagged_per_hour": summary["flagged_per_hour"],
        "flagged_V": summary["called"].get(V, 0),
        "flagged_S": summary["called"].get(S, 0),
        **{f"{name}_bpm": rate[name] for name in ("median", "lowest", "highest")},
        "events": len(summary["events"]),
        "unreadable_share": summary["unreadable_share"],
        "notes": "; ".join(summary["notes"]),
    }
    return pd.DataFrame([row])
