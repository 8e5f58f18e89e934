"""Normal beats beside what is usual for their patients, in files while trainings read them.

So a beat takes 4 kB, and those of many patients more than memory holds. The files are not handed on: they go when the
trainings end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import ComparedBeats, PatientMemory
from ecg_anomaly.detector.patient import EARLIER_DISTANCES, PairedBeats
from ecg_anomaly.detector.rhythm import Timing
from ecg_anomaly.handover.beats import RecordRows, find_records, read_beats, read_portions
from ecg_anomaly.processes import in_processes
from ecg_anomaly.words import count_text


@dataclass(frozen=True)
class KnownRecord:
    """A record, and how many beats it has in each split: all, and normal ones."""

    rows: RecordRows
    beats: Counter[str]
    normal: Counter[str]

    @property
    def name(self) -> str:
        """Its name."""
        return self.rows.record


def known_records(folder: str | Path) -> list[KnownRecord]:
    """List the records of ``beats.csv``, in their order."""
    found = []
    for rows in find_records(folder):
        beats, normal = Counter[str](), Counter[str]()
        for table in read_portions(folder, rows, ["split", "anomalous"]):
            beats.update(table["split"])
            normal.update(table.loc[~table["anomalous"], "split"])
        found.append(KnownRecord(rows, beats, normal))
    return found


class BeatsOnDisk:
    """Compared beats in a file, a `compared.ManyBeats`: those are in memory that are asked for.

    Parameters
    ----------
    path, row_type
        The file, and what it holds of each beat.
    rows
        Which of its beats these are, shape ``(beats,)``.
    """

    def __init__(self, path: Path, row_type: np.dtype[np.void], rows: np.ndarray):
        self._path, self._type, self._rows = path, row_type, rows

    def __len__(self) -> int:
        return len(self._rows)

    def chosen(self, rows: np.ndarray | slice) -> ComparedBeats:
        """Read some of the beats, by an index or a slice."""
        # Mapped anew each time: what stays mapped counts as memory that the process takes.
        found = np.memmap(self._path, self._type, "r")[self._rows[rows]]
        # In one piece, as they were: else NumPy adds them up in another order.
        paired, timed = (
            [np.ascontiguousarray(found[name]) for name in its.__dataclass_fields__] for its in (PairedBeats, Timing)
        )
        return ComparedBeats(PairedBeats(*paired), Timing(*timed))


@dataclass(frozen=True)
class _Part:
    """The normal beats of a record in a split, and those of them that go to the file of the split."""

    split: str
    file: Path
    first: int  # place of the first in the file
    there: int
    taken: int

    def mask(self) -> np.ndarray:
        """Mark those that are taken, spread as evenly as can be; shape ``(there,)``."""
        chosen = np.zeros(self.there, dtype=bool)
        chosen[np.arange(self.taken) * self.there // max(self.taken, 1)] = True
        return chosen


class NormalBeats:
    """The normal beats of splits, in a file for each; of no record more than ``training.beats_per_record``.

    Parameters
    ----------
    folder
        Where the files go.
    records, splits
        The beats to take.
    config
        How beats are cut and compared, and where they are.
    """

    def __init__(self, folder: Path, records: Sequence[KnownRecord], splits: Sequence[str], config: Config):
        self._config, self._records, self._type = config, records, _row_type(config)
        self._parts: dict[str, list[_Part]] = {record.name: [] for record in records}
        for split in splits:
            first = 0
            for record in records:
                there = record.normal[split]
                part = _Part(split, folder / split, first, there, min(there, config.training.beats_per_record))
                self._parts[record.name].append(part)
                first += part.taken
            (folder / split).touch()

    def write(self) -> None:
        """Compare them, and write the files, which have to be there before beats are read."""
        calls = [(self._config, record.rows, self._parts[record.name], self._type) for record in self._records]
        for _ in in_processes(_write_compared, calls, "compares beats"):
            pass

    def of(self, split: str, names: Collection[str] | None = None) -> BeatsOnDisk:
        """Give the normal beats of a split, of all records or of those that are named."""
        parts = [
            part
            for name, its in self._parts.items()
            for part in its
            if part.split == split and (names is None or name in names)
        ]
        rows = [np.arange(part.first, part.first + part.taken) for part in parts]
        return BeatsOnDisk(parts[0].file, self._type, np.concatenate(rows))

    def words(self, split: str) -> str:
        """Say how many normal beats of a split are taken, and of how many records."""
        parts = [part for its in self._parts.values() for part in its if part.split == split and part.there]
        beats, records = sum(part.taken for part in parts), count_text(len(parts), "record")
        limited = sum(part.taken < part.there for part in parts)
        most = self._config.training.beats_per_record
        taken = f"; of {limited:,} with more, {most:,} each (training.beats_per_record), evenly spread"
        return f"{count_text(beats, 'normal beat')} of {records}{taken if limited else ''}"


def _write_compared(config: Config, rows: RecordRows, parts: Sequence[_Part], row_type: np.dtype[np.void]) -> None:
    """Compare the beats of a record, and write those that are taken to their places."""
    memory, masks, seen = PatientMemory(config), [part.mask() for part in parts], Counter[str]()
    with ExitStack() as opened:
        files = [opened.enter_context(part.file.open("r+b")) for part in parts]
        for part, file in zip(parts, files, strict=True):
            file.seek(part.first * row_type.itemsize)
        for table, beats in read_beats(config.paths.processed, rows, config.patient):
            compared = memory.compare(beats)
            for part, mask, file in zip(parts, masks, files, strict=True):
                chosen = np.flatnonzero((table["split"] == part.split) & ~table["anomalous"])
                taken = mask[seen[part.split] :][: len(chosen)]
                seen[part.split] += len(chosen)
                file.write(_as_rows(compared.chosen(chosen[taken]), row_type).tobytes())


def _row_type(config: Config) -> np.dtype[np.void]:
    """Say what is kept of a beat, by the names of the fields of `PairedBeats` and `Timing`."""
    window = config.beat.samples, config.records.lead_count
    return np.dtype(
        [
            *((name, "<f4", window) for name in ("windows", "own_beats", "recent_beats", "spread")),
            ("earlier_distances", "<f4", (EARLIER_DISTANCES,)),
            *(("early", "<f8"), ("pause", "<f8"), ("in_time", "?")),
            ("tachograms", "<f4", (config.rhythm.recent_beats + 2,)),
        ]
    )


def _as_rows(beats: ComparedBeats, row_type: np.dtype[np.void]) -> np.ndarray:
    rows = np.empty(len(beats), row_type)
    for name, values in (vars(beats.paired) | vars(beats.timed)).items():
        rows[name] = values
    return rows
