"""Find the records that a run needs; download or simulate those that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ecg_anomaly.config import Config, Simulation
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint, write_json
from ecg_anomaly.records import simulate
from ecg_anomaly.records.physionet import RECORDS, PhysioNetDatabase
from ecg_anomaly.records.simulate import SIMULATED_DATABASE, is_simulated
from ecg_anomaly.records.splits import assign_records, database_of, matching_names, named_one_by_one
from ecg_anomaly.records.wfdb_header import read_header
from ecg_anomaly.records.wfdb_reader import files_of, header_of, segments_of
from ecg_anomaly.words import count_text

_SIMULATED_WITH = "simulation.json"


@dataclass(frozen=True)
class RecordFiles:
    """Where one record lies."""

    name: str  # database/name, as users write it
    folder: Path  # holds the files of the record
    annotator: str  # extension of the annotation file
    by_pattern: bool = False  # whether a pattern found it: then it may be no record of beats, and is skipped

    @property
    def header(self) -> Path:
        """Path of the header file."""
        return self.folder / f"{self.name.rpartition('/')[2]}.hea"

    @property
    def annotations(self) -> Path:
        """Path of the annotation file."""
        return self.header.with_suffix(f".{self.annotator}")

    def all(self) -> list[Path]:
        """List all files of the record, those of its segments too."""
        return [*files_of(self.header), self.annotations]

    def missing(self) -> list[Path]:
        """List the files of the record that are not there, as far as its headers tell."""
        try:
            files = self.all() if self.header.is_file() else [self.header, self.annotations]
        except UserError:
            return []  # a header that cannot be read is found, and reading it says what is wrong
        return [path for path in files if not path.is_file()]

    def why_no_beats(self) -> str:
        """Tell why this is no record of beats, by its files: it has no signals, or no annotations; empty if it is."""
        try:
            gone = [path for path in self.missing() if path != self.annotations]
            signals = read_header(self.header).signal_count
        except UserError as error:
            beside = [path for path in self.folder.glob(f"{self.header.stem}.*") if path != self.header]
            return "" if beside else str(error)
        if not signals:
            return f"{self.header}: describes no signal"
        if gone:
            return f"{gone[0]}: is missing, and {self.header} names it"
        return "" if self.annotations.is_file() else f"{self.annotations}: is missing, it has no annotations"


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
    missing = [name for name in assigned if find_record(name, folders, _annotator(name, config)) is None]
    for database in dict.fromkeys(map(database_of, missing)):
        if database == SIMULATED_DATABASE:
            _simulate(folders[0] / database, config.simulation, report)
        elif database in config.physionet.databases:
            files = [
                replace(_candidates(name, folders, _annotator(name, config))[0], by_pattern=name in by_pattern)
                for name in missing
                if database_of(name) == database
            ]
            listed = {name for folder in folders for name in _listed(database, folder)}
            _download([record for record in files if _may_come(record, folders, listed)], database, config, report)
    found = [_find_or_explain(name, "split", config, name in by_pattern) for name in assigned]
    for database in sorted(set(map(database_of, by_pattern))):
        _check_annotated(database, [files for files in found if database_of(files.name) == database])
    return dict(zip(found, assigned.values(), strict=True))


def find_records(patterns: Sequence[str], setting: str, config: Config) -> list[RecordFiles]:
    """Find records that are on disk already by names or patterns; ``setting`` is where they stand, for errors.

    Raises
    ------
    UserError
        When a record is not there, or a pattern matches none.
    """
    names_of = partial(names_on_disk, folders=config.paths.record_folders)
    names = [name for pattern in patterns for name in matching_names(pattern, names_of, setting)]
    return [_find_or_explain(name, setting, config) for name in dict.fromkeys(names)]


def find_recording(name: str, folders: Sequence[Path]) -> Path:
    """Find a recording by its path, or as ``database/name`` in one of the folders that hold databases.

    Raises
    ------
    UserError
        When it is nowhere.
    """
    for path in (Path(name), *(folder / name for folder in folders)):
        if path.is_file() or header_of(path) is not None:
            return path
    sought = ", ".join(["the current folder", *map(str, folders)])
    raise UserError(
        f"{name}: is not there; looked in {sought}; give the path of a recording, or set paths.records to the folder "
        "that holds its database"
    )


def find_record(name: str, folders: Sequence[Path], annotator: str) -> RecordFiles | None:
    """Find the first folder that holds all files of a record; ``None`` if none does."""
    return next((files for files in _candidates(name, folders, annotator) if not files.missing()), None)


def _candidates(name: str, folders: Sequence[Path], annotator: str) -> list[RecordFiles]:
    return [RecordFiles(name, folder / Path(name).parent, annotator) for folder in folders]


def names_on_disk(database: str, folders: Iterable[Path]) -> list[str]:
    """List the records of a database that are on disk or in its ``RECORDS`` file, sorted by name.

    Folders of a database are looked into only where nothing else is there: those of mitdb have excerpts of its records.
    """
    names: set[str] = set()
    for folder in folders:
        listed = _listed(database, folder)
        headers = _headers(folder / database, "*") or (set() if listed else _headers(folder / database, "**/*"))
        names |= listed
        for header in headers.difference(*map(segments_of, headers)):
            names.add(header.relative_to(folder).with_name(header.stem).as_posix())
    return sorted(names)


def _headers(folder: Path, pattern: str) -> set[Path]:
    return {path for path in folder.glob(f"{pattern}.hea") if path.is_file() and not path.name.startswith(".")}


def _listed(database: str, folder: Path) -> set[str]:
    """List the records that the ``RECORDS`` file of a database names."""
    listing = folder / database / RECORDS
    text = listing.read_text(encoding="utf-8", errors="replace") if listing.is_file() else ""
    return {f"{database}/{name}" for name in text.split()}


def record_fingerprints(records: Sequence[RecordFiles]) -> dict[str, str]:
    """Name and fingerprint of each file of some records, for the ``inputs`` of the manifest made from them."""
    return {f"{database_of(files.name)}/{path.name}": fingerprint(path) for files in records for path in files.all()}


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


def _annotator(name: str, config: Config) -> str:
    return config.records.annotator_of(database_of(name)) or ""  # the settings name one for every database


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
    report(f"Simulating {settings.patients} records of {settings.minutes:g} minutes in {folder}")
    if not (folder / _SIMULATED_WITH).exists():  # the settings first: a run that is killed leaves them to compare with
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / _SIMULATED_WITH, settings.model_dump())
    simulate.write_database(folder, settings.patients, settings.minutes, settings.seed)


def _check_simulated(folders: Sequence[Path], settings: Simulation) -> None:
    for folder in folders:
        made_with = folder / SIMULATED_DATABASE / _SIMULATED_WITH
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
    begun = [there for there in _candidates(files.name, folders, files.annotator) if there.header.is_file()]
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


def _find_or_explain(name: str, setting: str, config: Config, by_pattern: bool = False) -> RecordFiles:
    folders, annotator = config.paths.record_folders, _annotator(name, config)
    candidates = _candidates(name, folders, annotator)
    begun = [files for files in candidates if files.header.is_file()]
    if by_pattern:  # which may also come from a list of records that are not all here
        return replace(find_record(name, folders, annotator) or (begun or candidates)[0], by_pattern=True)
    if found := find_record(name, folders, annotator) or next(iter(begun), None):
        return found  # reading one that is not complete says which of its files is missing
    sought = ", ".join(map(str, folders))
    raise UserError(
        f"record {name} is not there: looked for {name}.hea in {sought}; correct its name in {setting}, "
        "or set paths.records to the folder that holds the folder of its database"
    )
