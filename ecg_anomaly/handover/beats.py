"""The files that hold the beats of all splits: ``beats.csv`` and one array per split and label."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import DETECTOR, Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import Handover
from ecg_anomaly.records.splits import SPLITS

TABLE = "beats.csv"
PREPROCESSING = "preprocessing.json"
# Where test beats are detected ones: how many of the annotated ones were found, and those that got no score.
DETECTION = "detection.csv"
MISSED_BEATS = "missed_beats.csv"


def array_name(split: str, anomalous: bool) -> str:
    """Name of the array that holds the windows of a split's normal or anomalous beats."""
    return f"{split}_{'anomalous' if anomalous else 'normal'}.npy"


class BeatWriter:
    """Writes beats record by record, so that memory does not grow with their number.

    Parameters
    ----------
    output
        The folder that is being written.
    samples, leads
        Shape of a window.
    """

    def __init__(self, output: Handover, samples: int, leads: int):
        self._arrays = {
            (split, anomalous): _ArrayWriter(output.path(array_name(split, anomalous)), (samples, leads))
            for split in SPLITS
            for anomalous in (False, True)
        }
        self._table = output.path(TABLE)
        self.beats = 0

    def __enter__(self) -> BeatWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for array in self._arrays.values():
            array.close()

    def append(self, table: pd.DataFrame, windows: np.ndarray) -> None:
        """Append the beats of one record.

        Parameters
        ----------
        table
            One row per beat, with the columns ``split`` and ``anomalous``; ``row`` is added here.
        windows
            Shape ``(beats, samples, leads)``.
        """
        rows = np.empty(len(table), dtype=np.int64)
        for (split, anomalous), array in self._arrays.items():
            chosen = ((table["split"] == split) & (table["anomalous"] == anomalous)).to_numpy()
            rows[chosen] = array.rows + np.arange(chosen.sum())
            array.append(windows[chosen])
        numbered = table.copy()
        numbered.insert(list(table.columns).index("split") + 1, "row", rows)
        numbered.to_csv(self._table, mode="a", header=self.beats == 0, index=False)
        self.beats += len(table)


def read_table(folder: str | Path) -> pd.DataFrame:
    """Read ``beats.csv``: one row per beat, ordered by record and sample."""
    return read_csv(Path(folder) / TABLE)


def write_detection(output: Handover, records: Sequence[Detection]) -> None:
    """Write what the QRS detector found of the annotated beats, record by record."""
    pd.concat([record.counts for record in records]).to_csv(output.path(DETECTION), index=False)
    pd.concat([record.missed for record in records]).to_csv(output.path(MISSED_BEATS), index=False)


def read_detection(folder: str | Path, config: Config) -> Detection | None:
    """Read what `write_detection` wrote, all records in one; ``None`` where test beats are the annotated ones."""
    if config.beat.source != DETECTOR:
        return None
    return Detection(read_csv(Path(folder) / DETECTION), read_csv(Path(folder) / MISSED_BEATS))


def read_csv(path: Path) -> pd.DataFrame:
    """Read any table of beats or records that the scripts hand on."""
    # The symbol and class of a beat are text whatever they look like ("NA" is no missing value).
    return pd.read_csv(
        path,
        dtype={"record": str, "symbol": str, "aami_class": str},
        keep_default_na=False,
        na_values=[""],
    )


def open_array(folder: str | Path, split: str, anomalous: bool) -> np.ndarray:
    """Open an array of windows, shape ``(beats, samples, leads)``, without reading it into memory."""
    path = Path(folder) / array_name(split, anomalous)
    # An empty file cannot be mapped.
    array: np.ndarray = np.load(path, mmap_mode="r" if _has_rows(path) else None)
    return array


def load_windows(folder: str | Path, table: pd.DataFrame) -> np.ndarray:
    """Load the windows of the beats of a table, in its order.

    Parameters
    ----------
    folder
        What ``preprocess_data.py`` wrote.
    table
        Rows of ``beats.csv``.

    Returns
    -------
    ndarray
        Shape ``(beats, samples, leads)``, float32.
    """
    shape = open_array(folder, SPLITS[0], False).shape[1:]
    windows = np.empty((len(table), *shape), dtype=np.float32)
    positions = np.arange(len(table))
    for (split, anomalous), rows in table.assign(position=positions).groupby(["split", "anomalous"]):
        windows[rows["position"]] = open_array(folder, str(split), bool(anomalous))[rows["row"]]
    return windows


def whole_records(beats: pd.DataFrame, split: str) -> pd.DataFrame:
    """Choose all beats of the records that have beats in a split: a beat is compared with those before it."""
    chosen = beats["record"].isin(beats.loc[beats["split"] == split, "record"].unique())
    return beats[chosen].reset_index(drop=True)


def check_splits(beats: pd.DataFrame, skipped: Collection[str] = ()) -> None:
    """Check that training, validation and test have what they cannot do without.

    Parameters
    ----------
    beats
        Counts: one row per split, columns ``normal`` and ``anomalous``.
    skipped
        Records that were left out because they are broken, named in the error.

    Raises
    ------
    UserError
        When a split has no normal beat.
    """
    left_out = f" (left out as broken: {', '.join(skipped)})" if skipped else ""
    for split in SPLITS:
        if split not in beats.index or not beats.loc[split, "normal"]:
            raise UserError(f"split.{split}: its records have no normal beat; give it more records{left_out}")


def preprocessing_settings(config: Config) -> dict[str, Any]:
    """Collect what a new recording needs to be cut into the same kind of beats."""
    return {
        **config.beat.model_dump(),
        **config.rhythm.model_dump(),
        "leads": config.records.leads,
        "lead_count": config.records.lead_count,
    }


def _has_rows(path: Path) -> bool:
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
    return shape[0] > 0


class _ArrayWriter:
    """Writes one NPY file of float32, block by block along the first axis."""

    def __init__(self, path: Path, row_shape: tuple[int, ...]):
        self._row_shape = row_shape
        self._file: BinaryIO = path.open("wb")
        self.rows = 0
        self._write_header()

    def append(self, rows: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").data)
        self.rows += len(rows)

    def close(self) -> None:
        # NumPy pads headers so that the first axis can grow in place.
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, *self._row_shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
