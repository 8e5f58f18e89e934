"""An analysed recording on disk: signals, beats, shapes and events, as large as they may be.

Everything is written portion by portion, so that a run that is killed leaves the beats it has found. What is large is
mapped into memory and read where it is looked at: a recording of a day takes no more memory than one of a minute.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.beats.events import Event
from ecg_anomaly.config import RhythmEvents
from ecg_anomaly.detector.stream import COLUMNS, Analysis, Findings
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.annotated import Compared, compare
from ecg_anomaly.findings.extremes import lowest_and_highest
from ecg_anomaly.findings.summary import conclude, doubts
from ecg_anomaly.findings.templates import Templates, TemplateWriter, read_templates
from ecg_anomaly.handover.beats import ArrayWriter, rows_written
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.words import StartTime

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

WINDOW, OWN_BEAT, RECONSTRUCTION = range(3)  # of a beat's shapes, in this order
BEATS = "beats.csv"

COARSE = 256  # samples of a lead that are seen as one where very much is seen at once

_BLOCK_S = 300.0
_ABOUT, _SIGNAL, _SHAPES = "about.json", "lead_{}.npy", "shapes.npy"
_STAGING = "incomplete"
# Of float32, for leads that are judged and for those that are only shown: a step for 16 bits would have to be known
# before the end, and in one of a microvolt the offsets that recorders without a high-pass filter keep do not fit.
_VALUE_BYTES = 4
_BEATS_PER_S = 2.0
_DECIMALS = 6  # of a millivolt
_TEXTS = ("called", "reason")
_TYPES = {"sample": "int64", "readable": "bool", "flagged": "bool", **dict.fromkeys(_TEXTS, "object")}  # others: float


@dataclass(frozen=True)
class Stored:
    """A recording that was analysed; signals and shapes lie on disk."""

    name: str
    notes: list[str]  # what the user should know of it
    sampling_rate_hz: float  # of its signals
    leads: list[str]  # all that are kept, in the order of the recording
    judged: list[int]  # which of them were analysed, in the order in which they were: that of the leads of shapes
    start_time: StartTime | None  # when its first sample was taken; a time alone where nobody knows the day
    signals_mv: list[np.ndarray]  # per lead, shape (samples,), float32; NaN where samples are missing
    beats: pd.DataFrame  # one row per beat, with summary.TABLE_COLUMNS
    # Shape (beats, 3, window samples, leads of the model), float32: the scaled beat, the patient's own beat and the
    # reconstruction. No rows where shapes were not kept.
    shapes: np.ndarray
    templates: Templates  # that its beats are like, kept even where shapes are not
    events: list[Event]  # what is not beats at all
    threshold: FittedThreshold  # where its score was cut when it was analysed
    window_s: np.ndarray  # shape (window samples,): seconds from the fiducial point of a beat
    annotated: pd.DataFrame | None  # the annotations that it brought, from annotated.read_annotated
    limits: RhythmEvents  # what its rhythms are found with

    @functools.cached_property
    def compared(self) -> Compared | None:
        """What the annotations say of the beats; ``None`` without any."""
        if self.annotated is None:
            return None
        return compare(self.beats["sample"].to_numpy(), self.annotated, self.sampling_rate_hz)

    @functools.cached_property
    def coarse_mv(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per lead the lowest and the highest value of each `COARSE` samples, to see hours of it in no time."""
        return [lowest_and_highest(signal_mv, signal_mv, COARSE) for signal_mv in self.signals_mv]

    @property
    def judged_leads(self) -> list[str]:
        """Names of the leads that were analysed."""
        return [self.leads[lead] for lead in self.judged]

    @property
    def samples(self) -> int:
        """Samples per lead."""
        return len(self.signals_mv[0])

    @property
    def duration_s(self) -> float:
        """Seconds that it lasts."""
        return self.samples / self.sampling_rate_hz

    def read_mv(self, start_s: float, end_s: float, leads: Sequence[int] | None = None) -> np.ndarray:
        """Give some leads, or else the judged ones, between two times: shape ``(samples, leads)``, to the nanovolt."""
        leads = self.judged if leads is None else leads
        first, last = (max(0, round(time_s * self.sampling_rate_hz)) for time_s in (start_s, end_s))
        return np.stack([_read_mv(self.signals_mv[lead], slice(first, last)) for lead in leads], axis=1)


class StoreWriter:
    """Writes an analysed recording while it is analysed; the memory that it takes does not grow.

    Parameters
    ----------
    folder
        A folder, which is there.
    detector
        What the recording is analysed with.
    sampling_rate_hz, leads
        Samples per second, names of the leads.
    judged
        Which of the leads are analysed, in that order.
    shapes
        Whether to keep the shapes of beats, which take more room than the signals.
    kept
        So many samples of each lead are in the folder already (see `samples_written`): others follow them, and what was
        found in them is added anew.
    """

    def __init__(
        self,
        folder: Path,
        detector: TrainedDetector,
        sampling_rate_hz: Fraction,
        leads: Sequence[str],
        judged: Sequence[int],
        shapes: bool,
        kept: int = 0,
    ):
        beat = detector.config.beat
        self._folder, self._rate_hz, self._keeps_shapes = folder, sampling_rate_hz, shapes
        self._leads, self._judged, self._kept = leads, judged, kept
        self._events: list[Event] = []
        self._model = {
            "threshold": detector.threshold.to_json(),
            "window_rate_hz": beat.sampling_rate_hz,
            "window_samples_before": beat.samples_before,
            "rhythm_events": detector.config.rhythm_events.model_dump(),
        }
        self._signals = [ArrayWriter(folder / _SIGNAL.format(lead), (), kept) for lead in range(len(leads))]
        self._shapes = ArrayWriter(folder / _SHAPES, (3, beat.samples, detector.config.records.lead_count))
        self._templates = TemplateWriter(folder, detector.config, len(judged))
        self._beats = (folder / BEATS).open("w", encoding="utf-8", newline="")
        self._beats.write(",".join(COLUMNS) + "\n")

    def add(self, signals_mv: np.ndarray, findings: Findings) -> None:
        """Keep what has come, of shape ``(samples, leads)``, and what was found meanwhile."""
        self.add_signals(signals_mv)
        self.add_findings(findings)

    def add_signals(self, signals_mv: np.ndarray) -> None:
        """Keep what has come, of shape ``(samples, leads)``."""
        for signal, signal_mv in zip(self._signals, signals_mv.T, strict=True):
            signal.append(signal_mv)

    def kept_blocks(self, seconds: float) -> Iterator[np.ndarray]:
        """Read the signals that were kept, block by block, of shape ``(samples, leads)``."""
        signals_mv, length = _open_signals(self._folder, self._leads), round(seconds * self._rate_hz)
        for first in range(0, self._kept, length):
            block = slice(first, min(first + length, self._kept))
            yield np.stack([_read_mv(signal_mv, block) for signal_mv in signals_mv], axis=1)

    def cut_signals(self, samples: int) -> None:
        """Keep the first samples of each lead alone: what could not be written to the end is in some leads only."""
        for signal in self._signals:
            signal.cut(samples)

    def add_findings(self, findings: Findings) -> None:
        """Keep what was found."""
        self._events += findings.events
        if len(findings.beats):
            # With all digits, so that what is read again is what was found.
            findings.beats.to_csv(self._beats, index=False, header=False, lineterminator="\n")
            self._beats.flush()
        shapes = findings.shapes
        self._templates.push(findings.beats, None if shapes is None else shapes.windows)
        if self._keeps_shapes and shapes is not None:
            self._shapes.append(np.stack([shapes.windows, shapes.own_beats, shapes.reconstructions], axis=1))

    def finish(
        self,
        name: str,
        notes: Sequence[str],
        annotated: pd.DataFrame | None = None,
        start_time: StartTime | None = None,
    ) -> None:
        """Write what is known of the whole recording when it has ended: its name, notes, annotations and start."""
        about = {
            "name": name,
            "notes": list(notes),
            "sampling_rate_hz": str(self._rate_hz),
            "leads": list(self._leads),
            "judged": list(self._judged),
            "start_time": None if start_time is None else start_time.isoformat(),
            "events": [vars(event) for event in self._events],
            "annotated": None if annotated is None else annotated.to_dict("list"),
            **self._model,
        }
        write_json(self._folder / _ABOUT, about)

    def close(self) -> None:
        """Close the files: only now can they be read."""
        self._beats.close()
        self._templates.close()
        for array in (*self._signals, self._shapes):
            array.close()


def analyse_to_store(
    folder: Path,
    detector: TrainedDetector,
    recording: RecordingFile,
    judged: Sequence[int],
    annotated: pd.DataFrame | None = None,
    went_on: Callable[[float], None] = lambda _: None,
    shapes: bool = True,
) -> None:
    """Analyse a recording, block by block, and write what was found.

    Parameters
    ----------
    folder
        Where the results go; it appears whole or not at all.
    detector, shapes
        As for `StoreWriter`.
    recording
        The leads to keep.
    judged
        Which of them to analyse, in that order.
    annotated
        Its annotations, from `annotated.read_annotated`.
    went_on
        Is called after each block with the share of the recording that is done; what it raises ends the analysis.

    Raises
    ------
    UserError
        When the disk has no room for the results, or the file turns out to be damaged.
    """
    _check_room(folder.parent, recording, 3 * detector.config.beat.samples * len(judged) if shapes else 0)
    staging = folder.with_name(_STAGING)
    staging.mkdir()
    rate_hz, leads = recording.sampling_rate_hz, recording.leads
    analysis, done = Analysis(detector, rate_hz, len(judged)), 0
    try:
        with closing(StoreWriter(staging, detector, rate_hz, leads, judged, shapes)) as store:
            for block in recording.blocks(_BLOCK_S):
                store.add(block, analysis.push(block[:, list(judged)]))
                done += len(block)
                went_on(done / recording.samples)
            store.add(np.empty((0, len(leads))), analysis.finish())
            store.finish(recording.name, recording.notes, annotated, recording.start_time)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check_room(folder: Path, recording: RecordingFile, values_per_beat: int) -> None:
    """Check that what is kept of a recording will fit on the disk: a small file may hold hours of missing samples."""
    seconds, leads = recording.samples / float(recording.sampling_rate_hz), len(recording.leads)
    needed = _VALUE_BYTES * (recording.samples * leads + _BEATS_PER_S * seconds * values_per_beat)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{recording.path}: {words.count_text(leads, 'lead')} of {seconds / 3600:,.1f} h need {needed / 1e9:,.1f} "
            f"GB of disk while they are analysed, and {free / 1e9:,.1f} GB are free in {folder}; free some space, or "
            "cut the recording"
        )


def samples_written(folder: Path, leads: int) -> int:
    """Count the samples of each lead that a `StoreWriter` has written, also where it was killed."""
    return min(rows_written(folder / _SIGNAL.format(lead), ()) for lead in range(leads))


def read_store(folder: Path) -> Stored:
    """Read what a `StoreWriter` wrote, once it is closed; signals and shapes are read where they are used."""
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    rate_hz = float(Fraction(about["sampling_rate_hz"]))
    signals_mv = _open_signals(folder, about["leads"])
    shapes = np.load(folder / _SHAPES, mmap_mode="r")
    findings = Findings(_read_beats(folder / BEATS), [Event(**event) for event in about["events"]])
    concluded = conclude(findings, len(signals_mv[0]) / rate_hz)
    start_time = about["start_time"]
    return Stored(
        about["name"],
        [*about["notes"], *doubts(concluded)],
        rate_hz,
        about["leads"],
        about["judged"],
        None if start_time is None else words.parse_start_time(start_time),
        signals_mv,
        concluded.beats,
        shapes,
        read_templates(folder),
        concluded.events,
        FittedThreshold(**about["threshold"]),
        (np.arange(shapes.shape[2]) - about["window_samples_before"]) / about["window_rate_hz"],
        None if about["annotated"] is None else pd.DataFrame(about["annotated"]),
        RhythmEvents(**about["rhythm_events"]),
    )


def _open_signals(folder: Path, leads: Sequence[str]) -> list[np.ndarray]:
    return [np.load(folder / _SIGNAL.format(lead), mmap_mode="r") for lead in range(len(leads))]


def _read_mv(signal_mv: np.ndarray, samples: slice) -> np.ndarray:
    return np.asarray(signal_mv[samples].astype(float).round(_DECIMALS))  # so that what was 0.005 is that again


def _read_beats(path: Path) -> pd.DataFrame:
    # An empty text is a text, any other empty cell a number that is missing.
    missing = {name: [""] for name in COLUMNS if name not in _TEXTS}
    types = {name: _TYPES.get(name, "float64") for name in COLUMNS}
    return pd.read_csv(path, keep_default_na=False, na_values=missing, dtype=types)
