"""A recording that is replayed as if it were recorded now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.live.sources import PORTION_S, Portion
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.records.wfdb_reader import header_of

_BLOCK_S = 60.0
_AT_ONCE_S = 10.0  # of signal, where it need not take its time


@dataclass(frozen=True)
class Replay:
    """Replays a recording; see `sources.Source`.

    Attributes
    ----------
    recording
        The recording, with the leads that are passed on.
    speed
        So many seconds of signal pass in a second; infinite: as fast as it is taken.
    """

    recording: RecordingFile
    speed: float = 1.0

    @property
    def name(self) -> str:
        """Name of the recording."""
        return self.recording.name

    @property
    def sampling_rate_hz(self) -> Fraction:
        """Samples per second of each lead."""
        return self.recording.sampling_rate_hz

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads."""
        return self.recording.leads

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the recording."""
        return self.recording.notes

    def portions(self) -> Iterator[Portion]:
        """Yield the recording, each portion when its last sample would have come."""
        rate_hz = float(self.sampling_rate_hz)
        length = max(1, round(min(_AT_ONCE_S, PORTION_S * self.speed) * rate_hz))
        started_s, sent = time.monotonic(), 0
        for block in self.recording.blocks(_BLOCK_S):
            for start in range(0, len(block), length):
                portion = block[start : start + length]
                sent += len(portion)
                due_s = started_s + sent / rate_hz / self.speed
                time.sleep(max(0.0, due_s - time.monotonic()))
                yield Portion(portion)


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
