"""Databases of PhysioNet: which records they have; download of files that are missing.

What arrives grows in ``FILE.part`` beside its place and moves there once its checksum is right, so that
a file is whole or not there. A ``.part`` that a break or a killed run left is continued.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import requests
from filelock import FileLock
from tqdm import tqdm

from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint

RECORDS = "RECORDS"
SHA256SUMS = "SHA256SUMS.txt"
_LOCK = ".download.lock"
_BLOCK_BYTES = 1 << 16  # what a break can cost

_BREAKS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_REASONS: dict[Any, str] = {  # the first that fits: a ProxyError is a ConnectionError
    requests.Timeout: "the server does not answer within {timeout_s:g} s",
    requests.exceptions.ProxyError: "the proxy that the environment names cannot be reached",
    requests.exceptions.SSLError: "the server's certificate cannot be verified",
    _BREAKS: "there is no connection, or it breaks",
}

_CHECK_ADDRESS = "check physionet.url and physionet.databases.{name}"
_CHECK_NETWORK = "check the network and run again (what has arrived is kept)"

# Names come from the network. These lead neither out of the folder nor to a hidden file, and mean the same in a URL.
_SAFE_PART = r"[\w+-][\w.+-]*"
_SAFE_NAME = re.compile(rf"{_SAFE_PART}(/{_SAFE_PART})*", re.ASCII)
_CHECKSUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]?(?:\./)?(.+)")


@dataclass(frozen=True)
class PhysioNetDatabase:
    """One version of a database, its files at ``url/name/version/FILE``."""

    name: str  # as PhysioNet has it: mitdb
    version: str  # 1.0.0
    url: str = "https://physionet.org/files"  # where PhysioNet, or a mirror of it, keeps its files
    timeout_s: float = 30.0  # how long the server may stay silent
    retries: int = 3  # after a failure; counted anew whenever something new of the file has arrived
    pause_s: float = 1.0  # before the first retry; it doubles with each further one
    session: requests.Session = field(default_factory=requests.Session, repr=False, compare=False)

    def list_records(self) -> list[str]:
        """List the records of the database as ``database/name``, in its own order.

        Raises
        ------
        UserError
            When the list cannot be had, or is none.
        """
        names = [line.strip() for line in self._read_text(RECORDS).splitlines() if line.strip()]
        for name in names:
            self._check_name(name, self._url_of(RECORDS))
        return [f"{self.name}/{name}" for name in names]

    def has(self, file: str) -> bool:
        """Tell whether the database has a file; errors as for `download`."""
        return file in self._checksums

    def download(self, files: Sequence[str], folder: Path, progress: tqdm[Any]) -> None:
        """Download those files that are not in a folder yet; what is there is left as it is.

        Without a file to download the network is not touched. Several runs may download to the same folder.
        ``files`` are relative to the database, such as ``100.dat``; its ``folder`` is made when it is not there.

        Raises
        ------
        UserError
            When a file cannot be had, arrives damaged twice, is not listed by the database, or has a name
            that leads out of the folder. Files that arrived before stay.
        OSError
            When a file cannot be written; what has arrived of it stays, and the next run continues it.
        """
        for file in files:
            self._check_name(file, f"files of {self.name}")
        missing = [file for file in dict.fromkeys(files) if not (folder / file).exists()]
        for file in missing:
            if not self.has(file):
                raise UserError(f"{self._url_of(SHA256SUMS)}: does not list {file}; {self._advice(_CHECK_ADDRESS)}")
        for number, file in enumerate(missing, start=1):
            progress.set_description(f"{self.name}/{file} ({number} of {len(missing)})")
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            # Locked file by file: two runs share the work, and neither waits long without a word.
            with FileLock(folder / _LOCK):
                self._download_file(file, folder / file, progress.update)

    def _download_file(self, file: str, target: Path, received: Callable[[int], object]) -> None:
        if target.exists():  # another run was faster
            return
        part = target.with_name(target.name + ".part")
        for _ in range(2):
            with part.open("ab") as sink:
                self._fetch(file, sink, received)
            intact = fingerprint(part) == self._checksums[file]
            if intact and not target.exists():  # unless someone put it there by hand meanwhile
                part.replace(target)
            else:
                part.unlink()
            if intact:
                return
        raise UserError(
            f"{self._url_of(file)}: arrived damaged twice (its SHA-256 is not the one in {SHA256SUMS}); "
            f"{self._advice('run again later')}"
        )

    def _fetch(self, file: str, sink: BinaryIO, received: Callable[[int], object]) -> None:
        """Append the rest of a file to what is there of it, over as many connections as it takes."""
        most, failures = sink.tell(), 0
        while True:
            try:
                return self._receive(self._url_of(file), sink, received)
            except requests.RequestException as error:
                # Only failures that bring nothing new are counted: a large file may break often and still arrive.
                failures = 1 if sink.tell() > most else failures + 1
                most = max(most, sink.tell())
                if failures > self.retries or not _may_pass(error):
                    advice = self._advice(_CHECK_NETWORK if _may_pass(error) else _CHECK_ADDRESS)
                    raise UserError(f"{self._url_of(file)}: {self._reason(error)}; {advice}") from None
            time.sleep(self.pause_s * 2 ** (failures - 1))

    def _receive(self, url: str, sink: BinaryIO, received: Callable[[int], object]) -> None:
        """Append to a file what one connection brings of it."""
        headers = {"Accept-Encoding": "identity"}  # positions in a compressed answer are not those in the file
        if sink.tell():
            headers["Range"] = f"bytes={sink.tell()}-"
        with self.session.get(url, headers=headers, stream=True, timeout=self.timeout_s) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and sink.tell():
                return
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                sink.seek(0)  # the whole file comes, whether or not the rest was asked for
                sink.truncate()
            for block in response.iter_content(_BLOCK_BYTES):
                sink.write(block)
                received(len(block))

    @cached_property
    def _checksums(self) -> dict[str, str]:
        """SHA-256 of each file of the database."""
        matches = [_CHECKSUM_LINE.fullmatch(line.strip()) for line in self._read_text(SHA256SUMS).splitlines()]
        checksums = {match[2]: match[1].lower() for match in matches if match}
        if not checksums:
            raise UserError(f"{self._url_of(SHA256SUMS)}: has no checksums in it; {self._advice(_CHECK_ADDRESS)}")
        return checksums

    def _read_text(self, file: str) -> str:
        content = BytesIO()
        self._fetch(file, content, lambda _: None)
        return content.getvalue().decode("utf-8-sig", errors="replace")

    def _url_of(self, file: str) -> str:
        return f"{self.url.rstrip('/')}/{self.name}/{self.version}/{file}"

    def _check_name(self, name: str, where: str) -> None:
        if not _SAFE_NAME.fullmatch(name):
            raise UserError(
                f"{where}: {name[:100]!r} is no name of a file inside a database, nothing is downloaded under it; "
                f"{self._advice(_CHECK_ADDRESS)}"
            )

    def _reason(self, error: requests.RequestException) -> str:
        # What requests says itself names classes and memory addresses, in several lines' length.
        if error.response is not None:
            return f"the server answers {error.response.status_code} {error.response.reason}"
        for kind, reason in _REASONS.items():
            if isinstance(error, kind):
                return reason.format(timeout_s=self.timeout_s)
        return f"cannot be downloaded ({type(error).__name__})"

    def _advice(self, first: str) -> str:
        return f"{first.format(name=self.name)}, or put the files into folder {self.name} of paths.records by hand"


def _may_pass(error: requests.RequestException) -> bool:
    """Whether another try may bring what this one did not."""
    if error.response is not None:
        return error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS or error.response.status_code >= 500
    return isinstance(error, _BREAKS)
