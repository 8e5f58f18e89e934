"""Records as ``database/name``: their files, and where these lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint
from ecg_anomaly.records.physionet import RECORDS
from ecg_anomaly.records.splits import database_of, matching_names
from ecg_anomaly.records.wfdb_header import read_header
from ecg_anomaly.records.wfdb_reader import files_of, header_of, segments_of


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


def find_records(patterns: Sequence[str], setting: str, config: Config) -> list[RecordFiles]:
    """Find records that are on disk already by names or patterns; ``setting`` is where they stand, for errors.

    Raises
    ------
    UserError
        When a record is not there, or a pattern matches none.
    """
    names_of = partial(names_on_disk, folders=config.paths.record_folders)
    names = [name for pattern in patterns for name in matching_names(pattern, names_of, setting)]
    return [find_or_explain(name, setting, config) for name in dict.fromkeys(names)]


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
    return next((files for files in candidates(name, folders, annotator) if not files.missing()), None)


def candidates(name: str, folders: Sequence[Path], annotator: str) -> list[RecordFiles]:
    """List where a record may lie: below each of the folders."""
    return [RecordFiles(name, folder / Path(name).parent, annotator) for folder in folders]


def names_on_disk(database: str, folders: Iterable[Path]) -> list[str]:
    """List the records of a database that are on disk or in its ``RECORDS`` file, sorted by name.

    Folders of a database are looked into only where nothing else is there: those of mitdb have excerpts of its records.
    """
    names: set[str] = set()
    for folder in folders:
        listed = listed_records(database, folder)
        headers = _headers(folder / database, "*") or (set() if listed else _headers(folder / database, "**/*"))
        names |= listed
        for header in headers.difference(*map(segments_of, headers)):
            names.add(header.relative_to(folder).with_name(header.stem).as_posix())
    return sorted(names)


def _headers(folder: Path, pattern: str) -> set[Path]:
    return {path for path in folder.glob(f"{pattern}.hea") if path.is_file() and not path.name.startswith(".")}


def listed_records(database: str, folder: Path) -> set[str]:
    """List the records that the ``RECORDS`` file of a database names."""
    listing = folder / database / RECORDS
    text = listing.read_text(encoding="utf-8", errors="replace") if listing.is_file() else ""
    return {f"{database}/{name}" for name in text.split()}


def record_fingerprints(records: Sequence[RecordFiles]) -> dict[str, str]:
    """Name and fingerprint of each file of some records, for the ``inputs`` of the manifest made from them."""
    return {f"{database_of(files.name)}/{path.name}": fingerprint(path) for files in records for path in files.all()}


def annotator_of(name: str, config: Config) -> str:
    """Give the extension of the annotations of a record."""
    return config.records.annotator_of(database_of(name)) or ""  # the settings name one for every database


def find_or_explain(name: str, setting: str, config: Config, by_pattern: bool = False) -> RecordFiles:
    """Find a record, or say where it was sought; one that a pattern found need not be there."""
    folders, annotator = config.paths.record_folders, annotator_of(name, config)
    places = candidates(name, folders, annotator)
    begun = [files for files in places if files.header.is_file()]
    if by_pattern:  # which may also come from a list of records that are not all here
        return replace(find_record(name, folders, annotator) or (begun or places)[0], by_pattern=True)
    if found := find_record(name, folders, annotator) or next(iter(begun), None):
        return found  # reading one that is not complete says which of its files is missing
    sought = ", ".join(map(str, folders))
    raise UserError(
        f"record {name} is not there: looked for {name}.hea in {sought}; correct its name in {setting}, "
        "or set paths.records to the folder that holds the folder of its database"
    )
