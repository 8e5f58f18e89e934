"""Find the records that a run needs; download or simulate those that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ecg_anomaly.config import Config, Simulation
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint, write_json
from ecg_anomaly.records import simulate
from ecg_anomaly.records.physionet import PhysioNetDatabase
from ecg_anomaly.records.simulate import SIMULATED_DATABASE, is_simulated
from ecg_anomaly.records.splits import assign_records, matching_names
from ecg_anomaly.records.wfdb_reader import files_of, header_of, segments_of

_SIMULATED_WITH = "simulation.json"


@dataclass(frozen=True)
class RecordFiles:
    """Where one record lies."""

    name: str  # database/name, as users write it
    folder: Path  # holds the files of the record
    annotator: str  # extension of the annotation file

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


def locate_records(config: Config, report: Callable[[str], None]) -> dict[RecordFiles, str]:
    """Find the records of the splits, each with its split as `splits.assign_records` gives it.

    What is missing is downloaded or simulated; ``report`` is called with a line for each thing that takes time.

    Raises
    ------
    UserError
        When a record is not there and cannot be had: with what is missing and where it was sought.
    """
    folders, annotator = config.paths.record_folders, config.records.annotator
    assigned = assign_records(config.split, lambda database: _list_records(database, config))
    if any(is_simulated(name) for name in assigned):
        _check_simulated(folders, config.simulation)
    missing = [name for name in assigned if find_record(name, folders, annotator) is None]
    for database in dict.fromkeys(name.partition("/")[0] for name in missing):
        names = [name for name in missing if name.startswith(f"{database}/")]
        if database == SIMULATED_DATABASE:
            _simulate(folders[0] / database, config.simulation, report)
        elif database in config.physionet.databases:
            _download(names, database, config, report)
    return {_find_or_explain(name, "split", config): split for name, split in assigned.items()}


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
    """List the records of a database that are on disk or in its ``RECORDS`` file, sorted by name."""
    names: set[str] = set()
    for folder in folders:
        listing, headers = folder / database / "RECORDS", set((folder / database).glob("*.hea"))
        if listing.is_file():
            names.update(listing.read_text(encoding="utf-8", errors="replace").split())
        names.update(header.stem for header in headers.difference(*map(segments_of, headers)))
    return sorted(f"{database}/{name}" for name in names)


def record_fingerprints(records: Sequence[RecordFiles]) -> dict[str, str]:
    """Name and fingerprint of each file of some records, for the ``inputs`` of the manifest made from them."""
    return {
        f"{files.name.partition('/')[0]}/{path.name}": fingerprint(path) for files in records for path in files.all()
    }


def _list_records(database: str, config: Config) -> list[str]:
    """List a database: what is on disk, or else what would be made or downloaded."""
    if names := names_on_disk(database, config.paths.record_folders):
        return names
    if database == SIMULATED_DATABASE:
        patients = range(1, config.simulation.patients + 1)
        return [f"{database}/{simulate.record_name(patient)}" for patient in patients]
    if database in config.physionet.databases:
        try:
            return _physionet(database, config).list_records()
        except UserError as error:
            raise _not_to_be_had(f"records are missing ({database}/*", database, config, error) from None
    return []


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


def _download(names: Sequence[str], database: str, config: Config, report: Callable[[str], None]) -> None:
    """Download records into the first folder of ``paths.records``: headers first, they name the signal files."""
    folder = config.paths.record_folders[0]
    files = [record for name in names for record in _candidates(name, [folder], config.records.annotator)]
    source = _physionet(database, config)
    report(f"Downloading {len(names)} records of {database} from {config.physionet.url} to {folder / database}")
    try:
        with tqdm(unit="B", unit_scale=True, disable=None) as progress:
            while paths := [path for record in files for path in record.missing()]:
                below = [path.relative_to(folder / database).as_posix() for path in paths]
                source.download(below, folder / database, progress)
    except UserError as error:
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise _not_to_be_had(f"{len(names)} records are missing ({some}", database, config, error) from None


def _not_to_be_had(missing: str, database: str, config: Config, error: UserError) -> UserError:
    sought = ", ".join(map(str, config.paths.record_folders))
    return UserError(
        f"{missing}; looked in {sought}), and their download failed: {error}. "
        f"If you have them, set paths.records to the folder that holds the folder {database}; "
        "to try without any record: python preprocess_data.py --config configs/demo.yaml (make demo)"
    )


def _find_or_explain(name: str, setting: str, config: Config) -> RecordFiles:
    folders, annotator = config.paths.record_folders, config.records.annotator
    begun = [files for files in _candidates(name, folders, annotator) if files.header.is_file()]
    if found := find_record(name, folders, annotator) or next(iter(begun), None):
        return found  # reading one that is not complete says which of its files is missing
    sought = ", ".join(map(str, folders))
    raise UserError(
        f"record {name} is not there: looked for {name}.hea in {sought}; correct its name in {setting}, "
        "or set paths.records to the folder that holds the folder of its database"
    )
