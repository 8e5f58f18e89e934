"""Find the records that a run needs; download or simulate those that are missing."""

from __future__ import annotations

from collections.abc import Callable

from ecg_anomaly.config import Config
from ecg_anomaly.records import RecordFiles, find_record, names_on_disk
from ecg_anomaly.splits import assign_records


def locate_records(config: Config, report: Callable[[str], None]) -> dict[RecordFiles, str]:
    """Find all records of the splits, each with the split that it is assigned to."""
    folders = config.paths.record_folders
    assigned = assign_records(config.split, lambda database: names_on_disk(database, folders))
    found = {name: find_record(name, folders, config.records.annotator) for name in assigned}
    return {files: assigned[name] for name, files in found.items()}
