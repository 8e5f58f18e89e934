"""The files that scripts hand on: written whole or not at all, checked before they are read.

Each script writes one folder. Its new files grow in a hidden folder beside the old ones and move into
place when all are complete, ``manifest.json`` last. The manifest says which settings, libraries and
inputs made the files, and has a fingerprint of each, so that the next script notices files that were
made with other settings, from other inputs, or edited by hand.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ecg_anomaly import __version__
from ecg_anomaly.commandline import command_of
from ecg_anomaly.errors import UserError, first_few

if TYPE_CHECKING:
    from ecg_anomaly.config import Config  # imports pydantic, which --help need not wait for

MANIFEST = "manifest.json"
FORMAT = 3  # raised when files that are handed on change so that earlier ones can no longer be read
_LOCK = ".lock"
_STAGING = ".incomplete"
_PROJECT = "ecg-anomaly-detector"
_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "tensorflow", "keras", "wfdb", "matplotlib", "plotly")


class Handover:
    """A folder of files while a script writes it."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._staging = folder / _STAGING

    def path(self, name: str) -> Path:
        """Where to write the file of this name; it appears in the folder when all files are complete."""
        path = self._staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def describe(
        self, script: str, config: Config, sections: Sequence[str], inputs: dict[str, str], **notes: Any
    ) -> None:
        """Write the manifest, once all other files are written.

        The ``sections`` of the settings shaped the files; ``inputs`` are what they were made from, a name and a
        fingerprint each; ``notes`` are what else the next script or a reader should know.
        """
        libraries = {name: version for name in _LIBRARIES if (version := _installed(name))}
        manifest = {
            "format": FORMAT,
            "script": script,
            "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "config": config.model_dump(),
            "shaped_by": list(sections),
            "inputs": inputs,
            "files": {path.relative_to(self._staging).as_posix(): fingerprint(path) for path in _files(self._staging)},
            "versions": {_PROJECT: __version__, "python": platform.python_version()} | libraries,
            **notes,
        }
        write_json(self.path(MANIFEST), manifest)

    def publish(self) -> None:
        """Move the files into place; without a manifest in between, so that a mix is never taken for whole."""
        (self._folder / MANIFEST).unlink(missing_ok=True)
        files = [file for file in _files(self._staging) if file.name != MANIFEST]
        for file in [*files, self._staging / MANIFEST]:
            target = self._folder / file.relative_to(self._staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)


@contextmanager
def handover(folder: str | Path) -> Iterator[Handover]:
    """Write a folder of files that appear together when the block ends, or not at all.

    Raises
    ------
    UserError
        When another run is writing the same folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / _STAGING
    try:
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(staging, ignore_errors=True)  # left by a run that was killed
            staging.mkdir()
            try:
                output = Handover(folder)
                yield output
                output.publish()
            except OSError as error:
                if error.filename:
                    raise
                # A full disk does not say where it is full, and NumPy not even that it is.
                reason = error.strerror or f"not everything could be written ({error})"
                raise OSError(error.errno, reason, str(folder)) from None
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except Timeout:
        raise UserError(
            f"{folder}: another run is writing here; wait until it ends, or give this run folders of its own "
            "(paths.processed, paths.models, paths.outputs)"
        ) from None


def read_manifest(folder: str | Path, made_by: str) -> dict[str, Any]:
    """Read the manifest of a folder that a script wrote and check that its files are there, as they were written.

    Raises
    ------
    UserError
        When the folder is incomplete, of another version, or a file was changed since: with the script to run.
    """
    folder = Path(folder)
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files, shaped_by = manifest["files"], manifest["shaped_by"]
        dict(files), dict(manifest["config"]), dict(manifest["inputs"]), list(shaped_by)
    except FileNotFoundError:
        raise UserError(f"{folder}: no finished results of {made_by} are here; run {command_of(made_by)}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{folder / MANIFEST}: is damaged; run {command_of(made_by)} again") from None
    if manifest.get("format") != FORMAT:
        raise UserError(f"{folder}: was made by another version of this project; run {command_of(made_by)} again")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path}: is missing; run {command_of(made_by)} again")
        if fingerprint(path) != expected:
            raise UserError(f"{path}: was changed after {made_by} wrote it; run {command_of(made_by)} again")
    return manifest


def read_checked_manifest(folder: str | Path, config: Config, made_by: str) -> dict[str, Any]:
    """Read a manifest, and check too that the settings that shaped the files are those of this run.

    Raises
    ------
    UserError
        As `read_manifest` does, or with the keys that changed, from what to what, and the script to run.
    """
    manifest = read_manifest(folder, made_by)
    made_with = {name: _later_keys(config, name) | manifest["config"].get(name, {}) for name in manifest["shaped_by"]}
    asked = config.model_dump(include=set(made_with))
    changed = [f"{key} was {old} and is now {new}" for key, old, new in differences(made_with, asked)]
    if changed:
        raise UserError(f"{folder}: made with other settings: {first_few(changed)}; run {command_of(made_by)} again")
    return manifest


def _later_keys(config: Config, section: str) -> dict[str, Any]:
    """Give the settings of a section that folders made before them lack, as they were then: their own defaults."""
    fields = type(getattr(config, section)).model_fields
    return {key: field.default for key, field in fields.items() if not (field.is_required() or field.exclude)}


def check_input(manifest: dict[str, Any], folder: str | Path, source: str | Path, made_by: str) -> None:
    """Check that files in ``folder`` were made from the files that are in ``source`` now.

    Raises
    ------
    UserError
        When ``source`` was written anew since: with the script to run.
    """
    name, expected = folder_fingerprint(source)
    if manifest["inputs"].get(name) != expected:
        raise UserError(f"{folder}: was made from other files than {source} has now; run {command_of(made_by)} again")


def folder_fingerprint(folder: str | Path) -> tuple[str, str]:
    """Name and fingerprint of a folder's content, for the ``inputs`` of the manifest made from it."""
    manifest = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))
    content = json.dumps(manifest["files"], sort_keys=True).encode()
    return manifest["script"], hashlib.sha256(content).hexdigest()


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON."""
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_whole(path: Path, text: str | Iterable[str]) -> None:
    """Write a text file, perhaps in parts, that appears whole or not at all."""
    beside = path.with_name(f".{path.name}.incomplete")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.writelines([text] if isinstance(text, str) else text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def differences(made_with: dict[str, Any], now: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Walk two nested mappings; yield each key that differs, with both values as JSON."""
    for key in sorted(made_with.keys() | now.keys()):
        old, new = made_with.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", json.dumps(old), json.dumps(new)


def _installed(library: str) -> str | None:
    """Version of a library; ``None`` for TensorFlow where nothing is trained."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(library)
    return None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
