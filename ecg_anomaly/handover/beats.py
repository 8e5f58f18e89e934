"""The files that hold the beats of all splits: ``beats.csv`` and one array per split and label.

``beats.csv`` has one row per beat, ordered by record and sample, with the columns ``record, sample, time_s, symbol,
aami_class, anomalous, split, row, rr_before_s, rr_after_s, fiducial_s``, for each lead ``offset_mv_N, range_mv_N``, and
where test beats are detected ones ``quality, evaluated``. ``row`` is the row of the beat in its array.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import DETECTOR, Config, Patient, Split
from ecg_anomaly.detector.compared import ScaledBeats
from ecg_anomaly.errors import UserError, first_few
from ecg_anomaly.manifest import Handover
from ecg_anomaly.records.splits import SPLITS, TEST, TRAIN

TABLE = "beats.csv"
# Where test beats are detected ones: how many of the annotated ones were found, and those that got no score.
DETECTION = "detection.csv"
MISSED_BEATS = "missed_beats.csv"

BEATS_AT_ONCE = 4096  # of a record, so that it may last for days
_ROWS_AT_ONCE = 1 << 14  # of a table or an array

# The symbol and class of a beat are text whatever they look like ("NA" is no missing value).
_CELLS: dict[str, Any] = {
    "dtype": {"record": str, "symbol": str, "aami_class": str},
    "keep_default_na": False,
    "na_values": [""],
}


def array_name(split: str, anomalous: bool) -> str:
    """Name of the array that holds the windows of a split's normal or anomalous beats."""
    return f"{split}_{'anomalous' if anomalous else 'normal'}.npy"


class BeatWriter:
    """Writes beats record by record, so that memory does not grow with their number."""

    def __init__(self, output: Handover, samples: int, leads: int):
        self._arrays = {
            key: ArrayWriter(output.path(array_name(*key)), (samples, leads))
            for key in itertools.product(SPLITS, (False, True))
        }
        self._table = output.path(TABLE)
        self.beats = 0

    def __enter__(self) -> BeatWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for array in self._arrays.values():
            array.close()

    def append(self, table: pd.DataFrame, windows: np.ndarray) -> None:
        """Append the next beats: their table without ``row``, and windows ``(beats, samples, leads)``."""
        rows = np.empty(len(table), dtype=np.int64)
        for (split, anomalous), array in self._arrays.items():
            chosen = ((table["split"] == split) & (table["anomalous"] == anomalous)).to_numpy()
            rows[chosen] = array.rows + np.arange(chosen.sum())
            array.append(windows[chosen])
        numbered = table.copy()
        numbered.insert(list(table.columns).index("split") + 1, "row", rows)
        numbered.to_csv(self._table, mode="a", header=self.beats == 0, index=False)
        self.beats += len(table)


def hold_beats(folder: str | Path, into: Path) -> None:
    """Keep the beats of a folder as they are now in another one, though new ones may be cut meanwhile."""
    into.mkdir()
    for name in (TABLE, *(array_name(*key) for key in itertools.product(SPLITS, (False, True)))):
        try:
            (into / name).hardlink_to(Path(folder) / name)
        except OSError:  # on another disk, or on one that has no links
            shutil.copyfile(Path(folder) / name, into / name)


@dataclass(frozen=True)
class RecordRows:
    """Where ``beats.csv`` has the beats of a record."""

    record: str  # its name
    start: int  # the byte at which they begin
    beats: int  # how many there are


def find_records(folder: str | Path) -> list[RecordRows]:
    """Find the records of ``beats.csv``, in their order, so that each can be read without the others."""
    found: list[RecordRows] = []
    with (Path(folder) / TABLE).open("rb") as file:
        end = len(file.readline())
        cell, beats = b"", 0
        for line in file:
            if not beats or not line.startswith(cell):
                cell = line[: line.index(b'",' if line.startswith(b'"') else b",") + 1]
                found.append(RecordRows(next(csv.reader([cell.decode()]))[0], end, 0))
                beats = 0
            beats += 1
            end += len(line)
            found[-1] = dataclasses.replace(found[-1], beats=beats)
    return found


def read_portions(folder: str | Path, record: RecordRows, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
    """Read the rows of a record, or some columns of them, a few thousand at a time: it may last for days."""
    path = Path(folder) / TABLE
    names = list(pd.read_csv(path, nrows=0).columns)
    with path.open("rb") as file:
        file.seek(record.start)
        yield from pd.read_csv(
            file, names=names, usecols=columns, nrows=record.beats, chunksize=BEATS_AT_ONCE, **_CELLS
        )


def read_beats(folder: str | Path, record: RecordRows, settings: Patient) -> Iterator[tuple[pd.DataFrame, ScaledBeats]]:
    """Read the beats of a record, ready to be compared, a few thousand at a time, each time with their rows.

    All beats of the first seconds come together.
    """
    for rows in read_portions(folder, record):
        yield rows, ScaledBeats.of_table(rows, load_windows(folder, rows), settings)


def read_table(folder: str | Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read ``beats.csv``, or those of some columns that it has: one row per beat, ordered by record and sample."""
    return read_csv(Path(folder) / TABLE, columns)


def write_detection(output: Handover, records: Sequence[Detection]) -> None:
    """Write what the QRS detector found of the annotated beats, record by record."""
    pd.concat([record.counts for record in records]).to_csv(output.path(DETECTION), index=False)
    pd.concat([record.missed for record in records]).to_csv(output.path(MISSED_BEATS), index=False)


def read_detection(folder: str | Path, config: Config) -> Detection | None:
    """Read what `write_detection` wrote, all records in one; ``None`` where test beats are the annotated ones."""
    if config.beat.source != DETECTOR:
        return None
    return Detection(read_csv(Path(folder) / DETECTION), read_csv(Path(folder) / MISSED_BEATS))


def read_csv(path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read any table of beats or records that the scripts hand on, or those of some columns that it has."""
    chosen = None if columns is None else lambda name: name in columns
    table: pd.DataFrame = pd.read_csv(path, usecols=chosen, **_CELLS)
    return table


def csv_portions(path: Path) -> Iterator[pd.DataFrame]:
    """Read what `read_csv` reads, a portion of the rows at a time."""
    yield from pd.read_csv(path, chunksize=_ROWS_AT_ONCE, **_CELLS)


def open_array(folder: str | Path, split: str, anomalous: bool) -> np.ndarray:
    """Open an array of windows, shape ``(beats, samples, leads)``, without reading it into memory."""
    path = Path(folder) / array_name(split, anomalous)
    array: np.ndarray
    try:
        array = np.load(path, mmap_mode="r")
    except ValueError:  # an empty array cannot be mapped
        array = np.load(path)
    return array


def array_portions(folder: str | Path, split: str, anomalous: bool) -> Iterator[np.ndarray]:
    """Read what `open_array` opens, a portion of the beats at a time; at least one, which may be empty."""
    for start in range(0, max(1, len(open_array(folder, split, anomalous))), _ROWS_AT_ONCE):
        # Opened anew, since what was read of a mapped file stays in memory for as long as it is open.
        yield np.array(open_array(folder, split, anomalous)[start : start + _ROWS_AT_ONCE])


def load_windows(folder: str | Path, table: pd.DataFrame) -> np.ndarray:
    """Load the windows of some rows of ``beats.csv``; shape ``(beats, samples, leads)``, float32, in their order."""
    shape = open_array(folder, SPLITS[0], False).shape[1:]
    windows = np.empty((len(table), *shape), dtype=np.float32)
    positions = np.arange(len(table))
    for (split, anomalous), rows in table.assign(position=positions).groupby(["split", "anomalous"]):
        windows[rows["position"]] = open_array(folder, str(split), bool(anomalous))[rows["row"]]
    return windows


def whole_records(beats: pd.DataFrame, *splits: str) -> pd.DataFrame:
    """Choose all beats of the records with beats in some splits: a beat is compared with those before it."""
    chosen = beats["record"].isin(beats.loc[beats["split"].isin(splits), "record"])
    return beats[chosen].reset_index(drop=True)


@dataclass(frozen=True)
class Records:
    """All beats of some records: rows of ``beats.csv``, and their windows of shape ``(beats, samples, leads)``."""

    table: pd.DataFrame
    windows: np.ndarray

    def normal(self, split: str) -> np.ndarray:
        """Mark the normal beats of a split; shape ``(beats,)``, bool."""
        return np.asarray((self.table["split"] == split) & ~self.table["anomalous"])


def read_records(folder: str | Path, *splits: str) -> Records:
    """Read all beats of the records that have beats in some splits."""
    table = whole_records(read_table(folder), *splits)
    return Records(table, load_windows(folder, table))


def check_splits(beats: pd.DataFrame, settings: Split, skipped: Collection[str] = ()) -> None:
    """Check that every split that should have beats has a normal one.

    ``beats`` counts them, one row per split, in the column ``normal``; ``skipped`` are the records that were left out.

    Raises
    ------
    UserError
        When a split has none.
    """
    left_out = f" (left out: {first_few(list(skipped))})" if skipped else ""
    for split in SPLITS if settings.has_validation else (TRAIN, TEST):
        if split not in beats.index or not beats.loc[split, "normal"]:
            raise UserError(f"split.{split}: its records have no normal beat; give it more records{left_out}")


class ArrayWriter:
    """Writes one NPY file of float32, block by block along the first axis, each with rows of one shape."""

    def __init__(self, path: Path, row_shape: tuple[int, ...]):
        self._row_shape = row_shape
        self._file: BinaryIO = path.open("wb")
        self.rows = 0
        self._write_header()

    def append(self, rows: np.ndarray) -> None:
        """Write a block, of shape ``(rows, *row_shape)``."""
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").data)
        self.rows += len(rows)

    def close(self) -> None:
        """Close the file: only now can it be read."""
        # NumPy pads headers so that the first axis can grow in place.
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, *self._row_shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
