"""Have the records that a run needs: find them, download or simulate those that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from ecg_anomaly.config import Config, Simulation
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records import simulate
from ecg_anomaly.records.catalogue import (
    RecordFiles,
    annotator_of,
    candidates,
    find_or_explain,
    find_record,
    listed_records,
    names_on_disk,
)
from ecg_anomaly.records.physionet import RECORDS, PhysioNetDatabase
from ecg_anomaly.records.simulate import SIMULATED_DATABASE, is_simulated
from ecg_anomaly.records.splits import assign_records, database_of, named_one_by_one
from ecg_anomaly.words import count_text

SIMULATED_WITH = "simulation.json"


def locate_records(config: Config, report: Callable[[str], None]) -> dict[RecordFiles, str]:
    """Find the records of the splits, each with its split as `splits.assign_records` gives it.

    What is missing is downloaded or simulated; ``report`` is called with a line for each thing that takes time.

    Raises
    ------
    UserError
        When a record is not there and cannot be had: with what is missing and where it was sought.
    """
    folders = config.paths.record_folders
    assigned = assign_records(config.split, lambda database: _list_records(database, config))
    by_pattern = assigned.keys() - named_one_by_one(config.split)
    if any(is_simulated(name) for name in assigned):
        _check_simulated(folders, config.simulation)
    missing = [name for name in assigned if find_record(name, folders, annotator_of(name, config)) is None]
    for database in dict.fromkeys(map(database_of, missing)):
        if database == SIMULATED_DATABASE:
            _simulate(folders[0] / database, config.simulation, report)
        elif database in config.physionet.databases:
            files = [
                replace(candidates(name, folders, annotator_of(name, config))[0], by_pattern=name in by_pattern)
                for name in missing
                if database_of(name) == database
            ]
            listed = {name for folder in folders for name in listed_records(database, folder)}
            _download([record for record in files if _may_come(record, folders, listed)], database, config, report)
    found = [find_or_explain(name, "split", config, name in by_pattern) for name in assigned]
    for database in sorted(set(map(database_of, by_pattern))):
        _check_annotated(database, [files for files in found if database_of(files.name) == database])
    return dict(zip(found, assigned.values(), strict=True))


def _list_records(database: str, config: Config) -> list[str]:
    """List a database: what is on disk, or else what would be made or downloaded."""
    if names := names_on_disk(database, config.paths.record_folders):
        return names
    if database == SIMULATED_DATABASE:
        patients = range(1, config.simulation.patients + 1)
        return [f"{database}/{simulate.record_name(patient)}" for patient in patients]
    if database in config.physionet.databases:
        try:
            names = _physionet(database, config).list_records()
        except UserError as error:
            raise _not_to_be_had(f"records are missing ({database}/*", database, config, error) from None
        _keep_list(names, config.paths.record_folders[0] / database)
        return names
    return []


def _keep_list(names: Sequence[str], folder: Path) -> None:
    """Keep the list of a database beside its records: where a run is killed, the next one goes on with all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{RECORDS}.part"
    part.write_text("".join(f"{name.partition('/')[2]}\n" for name in names), encoding="utf-8")
    part.replace(folder / RECORDS)


def _check_annotated(database: str, records: Sequence[RecordFiles]) -> None:
    """Check that a database that a pattern names has annotations."""
    if not any(files.annotations.is_file() for files in records):
        first = records[0]
        beside = ", ".join(sorted(path.name for path in first.folder.glob(f"{first.header.stem}.*")))
        raise UserError(
            f"{database}: none of its records has annotations: {first.annotations} is missing, and so on; put them "
            f"there, or set records.annotator to the extension that they have (beside {first.name}: {beside})"
        )


def _physionet(database: str, config: Config) -> PhysioNetDatabase:
    return PhysioNetDatabase(database, config.physionet.databases[database], config.physionet.url)


def _simulate(folder: Path, settings: Simulation, report: Callable[[str], None]) -> None:
    report(f"Simulating {count_text(settings.patients, 'record')} of {settings.minutes:g} min in {folder}")
    if not (folder / SIMULATED_WITH).exists():  # the settings first: a run that is killed leaves them to compare with
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / SIMULATED_WITH, settings.model_dump())
    simulate.write_database(folder, settings.patients, settings.minutes, settings.seed)


def _check_simulated(folders: Sequence[Path], settings: Simulation) -> None:
    for folder in folders:
        made_with = folder / SIMULATED_DATABASE / SIMULATED_WITH
        if made_with.is_file() and _settings_in(made_with) != settings.model_dump():
            raise UserError(
                f"{made_with}: the simulated records were made with other settings than simulation has now; "
                f"delete the folder {made_with.parent} to simulate them anew, or set simulation back"
            )


def _settings_in(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # half written by a run that was killed, or edited
        return None


def _may_come(files: RecordFiles, folders: Sequence[Path], listed: Set[str]) -> bool:
    """Tell whether a download is to complete a record: one that was named, or that the database's list has.

    A header that a pattern found and no list names is somebody's own. Annotations arrive before signals: beside signals
    there are none to be had.
    """
    begun = [there for there in candidates(files.name, folders, files.annotator) if there.header.is_file()]
    if not begun or not files.by_pattern:
        return True
    return files.name in listed and all(set(there.missing()) - {there.annotations} for there in begun)


def _download(records: Sequence[RecordFiles], database: str, config: Config, report: Callable[[str], None]) -> None:
    """Download records: headers first, they name the signal files; a pattern's records may have no annotations."""
    if not records:
        return
    folder, source = config.paths.record_folders[0], _physionet(database, config)
    count = count_text(len(records), "record")
    report(f"Downloading {count} of {database} from {config.physionet.url} to {folder / database}")

    def to_come(record: RecordFiles) -> list[str]:
        below = {path.relative_to(folder / database).as_posix(): path for path in record.missing()}
        optional = record.annotations if record.by_pattern else None
        return [file for file, path in below.items() if path != optional or source.has(file)]

    try:
        with tqdm(unit="B", unit_scale=True, disable=None) as progress:
            while files := [file for record in records for file in to_come(record)]:
                source.download(files, folder / database, progress)
    except UserError as error:
        some = ", ".join(record.name for record in records[:3]) + (", ..." if len(records) > 3 else "")
        missing = f"{count} {'is' if len(records) == 1 else 'are'} missing ({some}"
        raise _not_to_be_had(missing, database, config, error) from None


def _not_to_be_had(missing: str, database: str, config: Config, error: UserError) -> UserError:
    sought = ", ".join(map(str, config.paths.record_folders))
    return UserError(
        f"{missing}; looked in {sought}), and their download failed: {error}. "
        f"If you have them, set paths.records to the folder that holds the folder {database}; "
        "to try without any record: python preprocess_data.py --config configs/demo.yaml (make demo)"
    )
