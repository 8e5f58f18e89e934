"""Finding the recordings that are asked for, and naming their results."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from ecg_anomaly.batch.request import Named
from ecg_anomaly.batch.results import RESULTS
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.fetching import SIMULATED_WITH
from ecg_anomaly.records.recording import recording_name
from ecg_anomaly.records.search import folder_meant, read_list
from ecg_anomaly.storage import Url, find_recordings, local_name, place


def find(named: Sequence[str], listed: str | None, tell: Callable[[str], None]) -> list[Named]:
    """Find the recordings that are named, or in a list (see `search.read_list`); tell what was passed over.

    Raises
    ------
    UserError
        As `search.find_recordings`, and when nothing is named.
    """
    named = list(map(local_name, named))
    of_list = [] if listed is None else list(map(local_name, read_list(listed)))
    names = [*named, *of_list]
    if not names:
        raise UserError("no recording is named; give one, a folder, a pattern, or a list with --from")
    found = find_recordings(names, (*RESULTS, SIMULATED_WITH))  # neither are recordings
    for note in found.notes:
        tell(note)
    list_folder = Path() if listed in (None, "-") else Path(str(listed)).parent
    in_list = set(of_list) - set(named)
    bases = [
        _base_in_list(path, list_folder) if given in in_list else folder_meant(place(given), path)
        for path, given in zip(found.paths, found.given, strict=True)
    ]
    names = name_results(found.paths, bases)
    return [Named(path, name) for path, name in zip(found.paths, names, strict=True)]


def name_results(paths: Sequence[Path], bases: Sequence[Path]) -> list[str]:
    """Name what is written of each recording: by its path below a base, whatever others are analysed with it.

    Where that tells recordings of two bases not apart, all recordings of these bases are named by their paths as they
    are given. What then differs in its extension alone keeps it, and what is alike even so is named by its whole path.
    """
    pairs = list(zip(paths, bases, strict=True))
    names = [_joined(_below(path.parent, base), recording_name(path)) for path, base in pairs]
    bases_of = defaultdict(set)
    for name, base in zip(names, bases, strict=True):
        bases_of[name.lower()].add(base)
    unclear = {base for alike in bases_of.values() if len(alike) > 1 for base in alike}
    folders = [path.parent if base in unclear else _below(path.parent, base) for path, base in pairs]
    names = [_joined(folder, recording_name(path)) for folder, path in zip(folders, paths, strict=True)]
    names = _where_alike(names, [_joined(folder, path.name) for folder, path in zip(folders, paths, strict=True)])
    return _where_alike(names, [_joined(path.parent.resolve(), path.name) for path in paths])


def _where_alike(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Take another name for what is named alike; some file systems take a and A for one."""
    count = Counter(map(str.lower, names))
    return [other if count[name.lower()] > 1 else name for name, other in zip(names, others, strict=True)]


def _base_in_list(path: Path, list_folder: Path) -> Path:
    """Give what the name of a recording in a list is taken below: nothing, or the list's folder for a whole path."""
    if isinstance(path, Url):
        return path.bucket
    return Path(os.path.abspath(list_folder)) if path.is_absolute() else Path()  # noqa: PTH100 - links stay


def _below(folder: Path, base: Path) -> Path:
    return folder.relative_to(base) if folder.is_relative_to(base) else folder


def _joined(folder: Path, name: str) -> str:
    parts = [part.strip(":\\/") for part in folder.parts]  # a drive is a folder, too
    return "/".join([*(part for part in parts if part not in ("", "..")), name])
