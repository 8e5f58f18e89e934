"""Finding recordings where somebody says they are: in folders, by patterns, and in lists."""

from __future__ import annotations

import glob
import itertools
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.kinds import NO_WFDB_SUFFIXES
from ecg_anomaly.records.wfdb_reader import files_of, header_of, segments_of
from ecg_anomaly.words import count_text

_HEADER, _SIGNALS = ".hea", ".dat"
_WHOLE = tuple(NO_WFDB_SUFFIXES)  # of files that are a recording each
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # in which PowerShell writes lists
WILDCARDS = re.compile(r"[*?\[]")
_ABOUT = re.compile(  # what databases and devices tell of their recordings, by the names of the files
    r"(readme|licen[cs]e|copying|changelog|records|annotators|sha256sums|md5sums|requirements)\b.*",
    re.IGNORECASE,
)
_KINDS_TOLD = 5  # of files that were passed over


@dataclass(frozen=True)
class Found:
    """Recordings that were found, each once, and what was passed over beside them, in words."""

    paths: tuple[Path, ...]
    given: tuple[str, ...]  # what each was found by
    notes: tuple[str, ...]


def find_recordings(named: Iterable[str], results: Sequence[str] = ()) -> Found:
    """Find what is meant by paths of recordings, folders, and patterns (``*.csv``, ``data/**/*.edf``).

    A folder is searched with the folders in it, for files of `kinds.SUFFIXES`; what is hidden, is part of a WFDB record
    or a result of an analysis is no recording of its own. A path that is neither folder nor pattern is a recording,
    whether it is there or not.

    Parameters
    ----------
    named
        As the user writes them.
    results
        How names of the files end that an analysis writes.

    Raises
    ------
    UserError
        When a folder or a pattern holds no recording, or a folder cannot be listed.
    """
    paths: dict[str, tuple[Path, str]] = {}  # by what tells them apart
    notes: list[str] = []
    for name in named:
        found, passed_over = _meant(name, results)
        if not found and passed_over == [Path(name)]:
            raise UserError(f"{name}: is a result of an analysis; give the recording itself")
        notes += account_of(name, found, passed_over)
        for path in found:
            paths.setdefault(_identity(path), (path, name))
    return Found(tuple(path for path, _ in paths.values()), tuple(name for _, name in paths.values()), tuple(notes))


def folder_meant(name: Path, path: Path) -> Path:
    """Give the folder that a name means, by which a recording was found: the part of a pattern that is fixed."""
    if name == path:
        return path.parent
    if not _is_pattern(str(name)):
        return name
    return type(name)(*itertools.takewhile(lambda part: not WILDCARDS.search(part), name.parts))


def account_of(name: str, found: Sequence[Path], passed_over: Sequence[Path]) -> list[str]:
    """Give a note of what was passed over where a name means recordings; raise a `UserError` where it means none."""
    if not found:
        beside = f", but {_told(passed_over)}" if passed_over else ""
        raise UserError(f"{name}: no recording is there{beside}; give the path of one, a folder or a pattern")
    return [f"{name}: {count_text(len(found), 'recording')}; passed over {_told(passed_over)}"] if passed_over else []


def read_list(source: str) -> list[str]:
    """Read names of recordings, one a line, from a file or from standard input (``-``).

    Empty lines and those that begin with ``#`` are passed over, and so are quotes around a line.

    Raises
    ------
    UserError
        When the list cannot be read, or names nothing.
    """
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
        lines = content.decode(encoding).splitlines()
    except OSError as error:
        raise UserError(f"--from {source}: cannot be read: {error.strerror}; give a file with a name a line") from None
    except UnicodeDecodeError:
        raise UserError(f"--from {source}: is no text in UTF-8; give a file with a name a line") from None
    names = [line.strip().strip("\"'") for line in lines]
    names = [name for name in names if name and not name.startswith("#")]
    if not names:
        raise UserError(f"--from {source}: names no recording; write one a line")
    return names


def _meant(name: str, results: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Tell what a name means: recordings, and files that are none."""
    path = Path(name)
    # Not those of a path, which raise an error where a folder above may not be looked into.
    if os.path.isdir(name) and header_of(path) is None:  # noqa: PTH112
        return sorted_out(_files_in(path), results)
    if _is_pattern(name):
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 - of any folder
        inside = [file for match in matches if match.is_dir() for file in _files_in(match)]
        files = [_header_beside(match) for match in matches if not match.is_dir()]
        return sorted_out(list(dict.fromkeys([*files, *inside])), results)
    if _is_result(path, results):
        return [], [path]
    return [path], []


def _is_pattern(name: str) -> bool:
    return bool(WILDCARDS.search(name)) and not os.path.exists(name) and header_of(Path(name)) is None  # noqa: PTH110


def _files_in(folder: Path) -> list[Path]:
    """List the files of a folder and the folders in it, but those that are hidden."""
    files = []
    for parent, folders, names in os.walk(folder, onerror=_cannot_be_listed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return files


def _cannot_be_listed(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be listed: {error.strerror}; check who may read it") from None


def sorted_out(files: Sequence[Path], results: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """Tell recordings from other files, of which headers alone need be there; parts of a record are neither."""
    headers = [file for file in files if file.suffix.lower() == _HEADER]
    parts = {part for header in headers for part in _parts_of(header)}
    whole = [file for file in files if file not in parts]
    taken = {file for file in whole if _is_recording(file) and not _is_result(file, results)}
    return [file for file in whole if file in taken], [file for file in whole if file not in taken]


def _parts_of(header: Path) -> list[Path]:
    """List the files that are read through a header."""
    try:
        return files_of(header)[1:]
    except UserError:
        return segments_of(header)  # reading the record says what is wrong


def _is_recording(file: Path) -> bool:
    return file.name.lower().endswith((_HEADER, *_WHOLE)) and not _ABOUT.fullmatch(file.name)


def _is_result(file: Path, results: Sequence[str]) -> bool:
    return file.name.endswith(tuple(results))


def _header_beside(file: Path) -> Path:
    """Give the header of the record whose signals a file holds; any other file as it is."""
    return header_of(file) or file if file.suffix.lower() == _SIGNALS else file


def _identity(path: Path) -> str:
    """Tell recordings apart: a WFDB record may be named by any of its files."""
    header = None if path.name.lower().endswith(_WHOLE) else header_of(path)
    whole = header or path
    return os.path.normcase(whole.parent.resolve() / whole.name)


def _told(files: Sequence[Path]) -> str:
    kinds = Counter(file.suffix.lower() or file.name for file in files).most_common()
    told = [f"{count:,} {kind}" for kind, count in kinds[:_KINDS_TOLD]]
    others = ", ..." if len(kinds) > _KINDS_TOLD else ""
    return f"{count_text(len(files), 'other file')} ({', '.join(told)}{others})"
