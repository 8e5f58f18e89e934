"""What a result was made from: fingerprints of the recording, the model and the settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ecg_anomaly import __version__
from ecg_anomaly.batch.request import Request
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import fingerprint
from ecg_anomaly.records.recording import files_of_recording
from ecg_anomaly.workers import WhichDetector

# That shape what is found in a recording; of the section records, which leads are taken.
_SECTIONS = ("beat", "rhythm", "patient", "model", "scoring", "threshold", "rhythm_events")
_RECORDS = ("leads", "lead_count")


class InputFile(TypedDict):
    """A file of a recording."""

    name: str
    bytes: int
    sha256: str


class MadeFrom(TypedDict):
    """The content of ``made_from`` in ``NAME.summary.json``; ``model`` and ``settings`` are fingerprints."""

    version: str
    model: str
    settings: str
    input: list[InputFile]
    pages: str
    files: list[str]


WORDS = {
    "version": "another version of this project",
    "model": "another model",
    "settings": "other settings",
    "input": "the recording has changed",
    "files": "files are missing",
}
"""Why a result is made again, by the key of `MadeFrom` that differs."""


@dataclass(frozen=True)
class Inputs:
    """The files of a recording, as they are before it is read."""

    path: Path  # of the recording
    files: list[InputFile]
    states: list[tuple[int, ...]]  # of each, what changes when it is written or replaced

    @classmethod
    def of(cls, path: Path) -> Inputs:
        """Read the files of a recording once; errors as of `recording.files_of_recording`."""
        paths = files_of_recording(path)
        states = [_state(file) for file in paths]
        files = [InputFile(name=file.name, bytes=file.stat().st_size, sha256=fingerprint(file)) for file in paths]
        return cls(path, files, states)

    def check_unchanged(self) -> None:
        """Raise a `UserError` when a file was replaced, or has grown, since."""
        try:
            unchanged = [_state(file) for file in files_of_recording(self.path)] == self.states
        except (UserError, OSError):
            unchanged = False
        if not unchanged:
            raise UserError(f"{self.path}: was changed while it was read; analyse it again when it is complete")


def made_with(request: Request, config: Config) -> MadeFrom:
    """Tell what results are made from, but for the recording and the files that are made."""
    settings = config.model_dump(mode="json", include={*_SECTIONS, "records"})
    settings["records"] = {key: settings["records"][key] for key in _RECORDS}
    asked = [settings, request.leads, request.sampling_rate_hz, request.gain]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    model = WhichDetector.of(config).model
    return {
        "version": __version__,
        "model": model,
        "settings": digest,
        "input": [],
        "pages": request.pages,
        "files": [],
    }


def difference(made: MadeFrom, now: MadeFrom, keys: Sequence[str] = ("input", "model", "settings", "version")) -> str:
    """Give the first key in which a result is made from something else; empty where there is none."""
    return next((key for key in keys if made.get(key) != now.get(key)), "")


def _state(file: Path) -> tuple[int, ...]:
    state = file.stat()
    return state.st_size, state.st_mtime_ns, state.st_ino
