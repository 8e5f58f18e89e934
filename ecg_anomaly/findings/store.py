"""An analysed recording on disk: signals, beats, shapes and events, as large as they may be.

What is large is mapped into memory and read where it is looked at, so that a recording of a day takes no more memory
than one of a minute.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.stream import BeatShapes, Findings, analyse_blocks
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.findings.summary import TABLE_COLUMNS, conclude, summary
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.records.wfdb_records import Annotations
from ecg_anomaly.web.annotated import Annotated, Compared, compare

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

WINDOW, OWN_BEAT, RECONSTRUCTION = range(3)  # of a beat's shapes, in this order

_BLOCK_S = 300.0
_ABOUT, _SIGNALS, _BEATS, _SHAPES = "about.json", "signals.npy", "beats.npy", "shapes.npy"
_ANNOTATED = "annotated.npz"
_STAGING = "incomplete"
_OPEN = 8  # recordings that are kept open
_TEXT = {"reason": "U16", "event": "U16"}  # columns of text; NumPy keeps them at a fixed length


@dataclass(frozen=True)
class Stored:
    """A recording that was analysed.

    Attributes
    ----------
    told
        What `results.summary` tells of it at the threshold of the model, and its ``notes``.
    sampling_rate_hz
        Samples per second of its signals.
    signals_mv
        Shape ``(leads, samples)``, float32, NaN where samples are missing; lies on disk.
    beats
        One row per beat, with ``results.TABLE_COLUMNS``.
    shapes
        Shape ``(beats, 3, window samples, leads of the model)``, float32: the scaled beat, the patient's own beat and
        the reconstruction; lies on disk.
    events
        What is not beats at all.
    threshold
        Where its score was cut when it was analysed.
    components
        The questions that the anomaly score adds up.
    window_s
        Shape ``(window samples,)``: seconds from the fiducial point of a beat.
    annotated
        The annotations that the recording brought.
    """

    told: dict[str, Any]
    sampling_rate_hz: float
    signals_mv: np.ndarray
    beats: pd.DataFrame
    shapes: np.ndarray
    events: list[Event]
    threshold: FittedThreshold
    components: tuple[str, ...]
    window_s: np.ndarray
    annotated: Annotated | None

    @functools.cached_property
    def compared(self) -> Compared | None:
        """What the annotations say of the beats; ``None`` without any."""
        if self.annotated is None:
            return None
        return compare(self.beats["sample"].to_numpy(), self.annotated, self.sampling_rate_hz)

    @property
    def duration_s(self) -> float:
        """Seconds that it lasts."""
        return float(self.signals_mv.shape[1] / self.sampling_rate_hz)

    def read_mv(self, start_s: float, end_s: float) -> np.ndarray:
        """Give the signals between two times, of shape ``(samples, leads)``."""
        first, last = (max(0, round(time_s * self.sampling_rate_hz)) for time_s in (start_s, end_s))
        return np.asarray(self.signals_mv[:, first:last].T)


def analyse_to_store(
    folder: Path,
    detector: TrainedDetector,
    recording: RecordingFile,
    annotated: Annotated | None,
    went_on: Callable[[float], None],
) -> None:
    """Analyse a recording, block by block, and write what was found.

    Parameters
    ----------
    folder
        Where the results go; it appears whole or not at all.
    detector
        A trained detector.
    recording
        The leads to analyse.
    annotated
        Its annotations, if it has any.
    went_on
        Is told after each block which share of the recording is done; what it raises ends the analysis.
    """
    staging = folder.with_name(_STAGING)
    staging.mkdir()
    try:
        parts: list[tuple[pd.DataFrame, list[Event]]] = []
        blocks = _kept(recording, staging / _SIGNALS, went_on)
        with _ShapeFile(staging / _SHAPES) as shapes:
            for found in analyse_blocks(detector, recording.sampling_rate_hz, blocks, len(recording.leads)):
                parts.append((found.beats, found.events))
                shapes.append(found.shapes)
        _write(staging, detector, recording, parts)
        if annotated is not None:
            _write_annotated(staging / _ANNOTATED, annotated)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@functools.lru_cache(maxsize=_OPEN)
def read_store(folder: Path) -> Stored:
    """Read what `analyse_to_store` wrote; a recording is read once, its signals and shapes where they are used."""
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    rate_hz, before = about["window_rate_hz"], about["window_samples_before"]
    shapes = np.load(folder / _SHAPES, mmap_mode="r")
    return Stored(
        about["told"],
        float(Fraction(about["sampling_rate_hz"])),
        np.load(folder / _SIGNALS, mmap_mode="r"),
        _read_beats(folder / _BEATS),
        shapes,
        [Event(**event) for event in about["events"]],
        FittedThreshold(**about["threshold"]),
        tuple(about["components"]),
        (np.arange(shapes.shape[2]) - before) / rate_hz,
        _read_annotated(folder / _ANNOTATED),
    )


def _kept(recording: RecordingFile, path: Path, went_on: Callable[[float], None]) -> Iterator[np.ndarray]:
    """Pass the blocks of a recording on, and keep the signals in a file."""
    shape = (len(recording.leads), recording.samples)
    signals_mv = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    start = 0
    for block in recording.blocks(_BLOCK_S):
        signals_mv[:, start : start + len(block)] = block.T
        yield block
        start += len(block)
        went_on(start / recording.samples)
    signals_mv.flush()


class _ShapeFile:
    """Shapes of beats, appended to a file whose header is written when their number is known."""

    _HEADER_BYTES = 128  # of NumPy's format, which pads to a multiple of 64

    def __init__(self, path: Path):
        self._path = path
        self._beats, self._rest = 0, (3, 0, 0)

    def __enter__(self) -> _ShapeFile:
        self._file = self._path.open("wb")
        self._file.write(bytes(self._HEADER_BYTES))
        return self

    def append(self, shapes: BeatShapes | None) -> None:
        assert shapes is not None  # analyse_blocks keeps them
        stacked = np.stack([shapes.windows, shapes.own_beats, shapes.reconstructions], axis=1).astype("<f4")
        self._beats, self._rest = self._beats + len(stacked), stacked.shape[1:]
        stacked.tofile(self._file)

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._beats, *self._rest)}
        np.lib.format.write_array_header_1_0(self._file, header)
        assert self._file.tell() == self._HEADER_BYTES
        self._file.close()


def _write(
    folder: Path,
    detector: TrainedDetector,
    recording: RecordingFile,
    parts: Iterable[tuple[pd.DataFrame, list[Event]]],
) -> None:
    rate_hz, beat = float(recording.sampling_rate_hz), detector.config.beat
    tables, events = zip(*parts, strict=True)
    found = [table for table in tables if len(table)] or [tables[0]]
    ordered = sorted((event for some in events for event in some), key=lambda event: event.start_s)
    findings = conclude(Findings(pd.concat(found, ignore_index=True), ordered), recording.samples / rate_hz)
    told = summary(recording.name, rate_hz, recording.leads, recording.samples, findings.beats, findings.events)
    about = {
        "told": {**told, "notes": list(recording.notes)},
        "sampling_rate_hz": str(recording.sampling_rate_hz),
        "events": [vars(event) for event in findings.events],
        "threshold": detector.threshold.to_json(),
        "components": list(detector.config.scoring.components),
        "window_rate_hz": beat.sampling_rate_hz,
        "window_samples_before": beat.samples_before,
    }
    _write_beats(folder / _BEATS, findings.beats)
    write_json(folder / _ABOUT, about)


def _write_beats(path: Path, beats: pd.DataFrame) -> None:
    dtypes: Mapping[str, str] = {"sample": "<i8", "readable": "?", "flagged": "?", **_TEXT}
    table = np.empty(len(beats), dtype=[(name, dtypes.get(name, "<f8")) for name in TABLE_COLUMNS])
    for name in TABLE_COLUMNS:
        table[name] = beats[name].to_numpy()
    np.save(path, table, allow_pickle=False)


def _write_annotated(path: Path, annotated: Annotated) -> None:
    samples, symbols = annotated.annotations.samples, annotated.annotations.symbols.astype("U4")
    np.savez(path, allow_pickle=False, samples=samples, symbols=symbols, classes=annotated.classes)


def _read_annotated(path: Path) -> Annotated | None:
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        annotations = Annotations(arrays["samples"], arrays["symbols"].astype(object))
        return Annotated(annotations, arrays["classes"])


def _read_beats(path: Path) -> pd.DataFrame:
    table = np.load(path)
    return pd.DataFrame({name: table[name] for name in TABLE_COLUMNS}).astype(dict.fromkeys(_TEXT, object))
