"""Recordings and results in object storage: ``s3://``, ``gs://`` and whatever else fsspec knows.

A recording is copied to a folder of the machine while it is analysed, since it is read more than once; its results are
made there, and then uploaded.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ecg_anomaly.errors import UserError, missing_extra
from ecg_anomaly.records import search
from ecg_anomaly.records.kinds import NO_WFDB_SUFFIXES, SUFFIXES
from ecg_anomaly.records.search import WILDCARDS, Found
from ecg_anomaly.records.wfdb_reader import files_of

SCRATCH: ContextVar[str | None] = ContextVar("SCRATCH", default=None)
"""The folder in which copies lie for a while; without one, the system's."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # two letters at least: one is a drive
_CHECK = "check the name, the credentials (of S3: AWS_PROFILE or AWS_ACCESS_KEY_ID) and the network"


if TYPE_CHECKING:
    _Base = Path  # which it stands for, until `at_hand` gives one
else:
    _Base = PurePosixPath


class Url(_Base):
    """A place in object storage: has the parts of a path, and is written as a URL."""

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)

    def resolve(self, strict: bool = False) -> Url:
        """Give the place itself: there are no links."""
        return self

    def absolute(self) -> Url:
        """Give the place itself: there is no current folder."""
        return self

    @property
    def bucket(self) -> Url:
        """The bucket that it lies in."""
        return Url(*self.parts[:2])


def place(name: str) -> Path:
    """Tell what a user's name of a file or folder means: a path, or a `Url`."""
    return Url(name) if _SCHEME.match(name) else Path(name)


def local_name(name: str) -> str:
    """Take off ``file://``, which means a path of this machine; other names stay."""
    return url2pathname(urlsplit(name).path) if name.lower().startswith("file://") else name


def find_recordings(named: Sequence[str], results: Sequence[str] = ()) -> Found:
    """Find recordings as `search.find_recordings` does, in object storage too.

    There a name that ends as recordings do is one without being looked for.

    Raises
    ------
    UserError
        As `search.find_recordings`, and when a storage cannot be reached.
    """
    urls = [name for name in named if isinstance(place(name), Url)]
    on_disk = search.find_recordings([name for name in named if name not in urls], results)
    paths: dict[Path, str] = {}
    notes: list[str] = []
    for found in (on_disk, *(_find_in_storage(name, results) for name in urls)):
        paths |= {path: given for path, given in zip(found.paths, found.given, strict=True) if path not in paths}
        notes += found.notes
    return Found(tuple(paths), tuple(paths.values()), tuple(notes))


@contextlib.contextmanager
def at_hand(recording: Path) -> Iterator[Path]:
    """Give the path of a recording, which of one in object storage is that of a copy while the block lasts.

    What is raised inside the block names the place of the recording.

    Raises
    ------
    UserError
        When the storage cannot be reached. What is missing there is missing in the copy, too.
    """
    if not isinstance(recording, Url):
        yield recording
        return
    with tempfile.TemporaryDirectory(dir=SCRATCH.get(), ignore_cleanup_errors=True) as folder:
        copy = Path(folder, recording.name)
        try:
            _copy(recording, copy)
            yield copy
        except UserError as error:
            raise type(error)(str(error).replace(folder, str(recording.parent))) from None


def upload(source: Path, names: Iterable[str], folder: Url) -> None:
    """Put files of a folder of this machine into one of object storage, in order, each whole or not at all.

    Raises
    ------
    UserError
        When one cannot be written there.
    """
    with _in_words(folder, "cannot be written"):
        for name in names:
            _storage(folder).put_file(str(source / name), _key(folder / name))


def remove(names: Iterable[str], folder: Url) -> None:
    """Delete files of a folder in object storage, in order, those that are there; errors as of `upload`."""
    with _in_words(folder, "cannot be written"):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                _storage(folder).rm_file(_key(folder / name))


def names_in(folder: Url) -> list[str]:
    """List the files in a folder of object storage and the folders in it, by their names relative to it.

    What is hidden is passed over. Raises a `UserError` when the folder cannot be listed.
    """
    with _in_words(folder, "cannot be listed"):
        names = [_relative(key, folder) for key in _storage(folder).find(_key(folder))]
    return [name for name in names if _is_seen(name)]


def exists(file: Url) -> bool:
    """Tell whether a file is in object storage; raises a `UserError` when that cannot be told."""
    with _in_words(file, "cannot be read"):
        return bool(_storage(file).exists(_key(file)))


def read_files(folder: Url, names: Iterable[str]) -> dict[str, bytes]:
    """Read small files of a folder in object storage, by their names; raises a `UserError` when it cannot be read."""
    keys = {_key(folder / name): name for name in names}
    with _in_words(folder, "cannot be read"):
        contents = _storage(folder).cat(list(keys)) if keys else {}
    return {keys[key]: content for key, content in contents.items()}


def read_file(file: Url) -> bytes | None:
    """Read a small file of object storage, ``None`` where it is not there; raises a `UserError` as `read_files`."""
    with _in_words(file, "cannot be read"):
        try:
            content: bytes = _storage(file).cat_file(_key(file))
        except FileNotFoundError:
            return None
    return content


def _find_in_storage(name: str, results: Sequence[str]) -> Found:
    url, has_wildcard = Url(name), WILDCARDS.search(name)
    alone = Found((url,), (name,), ())
    if not has_wildcard and url.suffix.lower() in SUFFIXES:
        return alone
    with _in_words(url, "cannot be listed"):
        storage = _storage(url)
        matches = storage.glob(_key(url), detail=True) if has_wildcard else {_key(url): {"type": "directory"}}
        whole = {key: [key] if match["type"] == "file" else storage.find(key) for key, match in matches.items()}
        keys = list(dict.fromkeys(key for below in whole.values() for key in below))
        if not has_wildcard and not keys:
            return alone
        headers = storage.cat([key for key in keys if key.endswith(".hea")], on_error="omit") if keys else {}
    root = url.bucket
    with tempfile.TemporaryDirectory() as folder:  # where the headers lie that tell what is part of what
        copies = {Path(folder, place): root / place for key in keys if _is_seen(place := _relative(key, root))}
        for key, content in headers.items():
            header = Path(folder, _relative(key, root))
            if header in copies:
                header.parent.mkdir(parents=True, exist_ok=True)
                header.write_bytes(content)
        recordings, passed_over = search.sorted_out([*copies], results)
    notes = search.account_of(name, recordings, passed_over)
    found = [copies[copy] for copy in recordings]
    return Found(tuple(found), (name,) * len(found), tuple(notes))


def _is_seen(place: str) -> bool:
    """Tell whether nothing is hidden in a place, nor leads out of it."""
    return not any(part.startswith(".") for part in place.split("/"))


def _copy(recording: Url, copy: Path) -> None:
    """Copy the file of a recording, or of a WFDB record its header and what that names."""
    headers = [copy.with_name(f"{copy.name}.hea"), copy.with_suffix(".hea")]
    if copy.suffix.lower() in NO_WFDB_SUFFIXES:
        headers = []
    elif copy.suffix.lower() == ".hea":
        headers = [copy]
    header = next((header for header in headers if _fetch(recording.parent, header)), None)
    if header is None:
        _fetch(recording.parent, copy)
        return
    fetched = {header}
    while more := [file for file in files_of(header) if file not in fetched]:  # segments, then their signals
        for file in more:
            _fetch(recording.parent, file)
        fetched.update(more)


def _fetch(folder: Url, file: Path) -> bool:
    """Copy a file from a folder; tell whether it is there."""
    with _in_words(folder / file.name, "cannot be read"):
        try:
            _storage(folder).get_file(_key(folder / file.name), str(file))
        except FileNotFoundError:
            file.unlink(missing_ok=True)
    return file.is_file()


def _storage(url: Url) -> Any:
    """Give the file system of fsspec that a URL names."""
    try:
        return importlib.import_module("fsspec.core").url_to_fs(str(url))[0]
    except ImportError:  # which names no library, or only the first
        libraries = "fsspec, and s3fs for S3 or gcsfs for Google"
        raise missing_extra(f"{url}: is in object storage, which", libraries, "cluster") from None
    except ValueError:
        raise UserError(f"{url}: no storage is known as {url.parts[0]}; give a path, or a URL of s3: or gs:") from None


def _key(url: Url) -> str:
    """Write a place as its file system does: bucket and key."""
    return "/".join(url.parts[1:])


def _relative(key: str, folder: Url) -> str:
    return key.removeprefix(_key(folder)).strip("/")


@contextlib.contextmanager
def _in_words(url: Url, wrong: str) -> Iterator[None]:
    """Put into words what goes wrong inside the block: every storage's library has errors of its own."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{url}: {wrong}: {error or type(error).__name__}; {_CHECK}") from None
