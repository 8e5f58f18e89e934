"""Which record, or which beat, trains, validates and tests."""

from __future__ import annotations

import fnmatch
import zlib
from collections.abc import Callable, Iterable

import numpy as np

from ecg_anomaly.config import Split
from ecg_anomaly.errors import UserError

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
_SHARED_OUT = "records"


def assign_records(split: Split, names_of: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """Resolve the record patterns of the splits: the split of each record, in the order of the patterns.

    Under the protocol ``random_beats`` every record is assigned to ``"records"``. ``names_of`` gives the names
    (``database/name``) of all records of a database.

    Raises
    ------
    UserError
        When a pattern matches no record, or a record is in two splits.
    """
    assigned: dict[str, str] = {}
    for group in _groups(split):
        for pattern in getattr(split, group):
            for name in matching_names(pattern, names_of, f"split.{group}"):
                if assigned.setdefault(name, group) != group:
                    raise UserError(
                        f"record {name} is in split.{assigned[name]} and in split.{group}; a patient must not be in two"
                    )
    return assigned


def named_one_by_one(split: Split) -> set[str]:
    """List the records that the splits name themselves, not by a pattern."""
    return {pattern for group in _groups(split) for pattern in getattr(split, group) if not _is_pattern(pattern)}


def split_beats(record: str, group: str, anomalous: np.ndarray, split: Split) -> np.ndarray:
    """Name the split of each beat of a record, of shape ``(beats,)`` as ``anomalous``.

    ``group`` is what `assign_records` gave the record. Under ``random_beats`` the fold's share of the normal beats
    and all anomalous beats are tested, and of the rest a share validates (as in Zhou et al., BeatGAN, IJCAI 2019).
    """
    if group != _SHARED_OUT:
        return np.full(len(anomalous), group, dtype=object)
    assigned = np.full(len(anomalous), TEST, dtype=object)
    normal = np.flatnonzero(~anomalous)
    # The record's own seed: its beats are shared out alike, whichever records it is read with.
    order = np.random.default_rng([split.seed, zlib.crc32(record.encode())]).permutation(normal)
    edges = np.round(np.array([split.fold, split.fold + 1]) * split.test_share * len(order)).astype(int)
    rest = np.delete(order, slice(*edges))
    validating = round(split.validation_share * len(rest))
    assigned[rest[:validating]] = VALIDATION
    assigned[rest[validating:]] = TRAIN
    return assigned


def matching_names(pattern: str, names_of: Callable[[str], Iterable[str]], where: str) -> list[str]:
    """Resolve one record pattern; ``where`` is the setting that has it, for the error when it matches no record."""
    if not _is_pattern(pattern):
        return [pattern]  # found or downloaded by its name
    database = database_of(pattern)
    names = [name for name in names_of(database) if fnmatch.fnmatchcase(name, pattern)]
    if not names:
        raise UserError(f"{where}: {pattern} matches no record; look at the names in the folder of {database}")
    return names


def database_of(name: str) -> str:
    """Give the database of a record, or of a pattern of records: ``mitdb`` of ``mitdb/100``."""
    return name.partition("/")[0]


def _groups(split: Split) -> tuple[str, ...]:
    return SPLITS if split.protocol == "patients" else (_SHARED_OUT,)


def _is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")
