"""Beats with labels: where they are annotated, or where the QRS detector finds them, labelled afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ecg_anomaly.beats.cutter import CutBeats, cut_blocks
from ecg_anomaly.beats.matching import NO_BEAT, UNMATCHED, Comparison, compare_beats
from ecg_anomaly.beats.windows import Scaler
from ecg_anomaly.config import Config
from ecg_anomaly.records.annotations import Annotations
from ecg_anomaly.records.recording import Recording, RecordingFile
from ecg_anomaly.records.splits import database_of

CLASSES = ("N", "S", "V", "F", "Q")
NORMAL_CLASS = "N"
SAME_TIME = "another beat is annotated at the same time"

# WFDB's symbol of an isolated QRS-like artifact, for a detected beat that nobody annotated.
EXTRA_SYMBOL = "|"

# Where test beats are detected, beats.csv has too: how well a beat can be read (NaN: nobody asked), and whether it
# counts in the figures. Beats that do not count are scored all the same, since later beats are compared with them.
QUALITY, EVALUATED = "quality", "evaluated"

_BLOCK_S = 900.0

Keep = Callable[[np.ndarray], object]  # takes windows as they are cut, shape (beats, samples, leads)


@dataclass(frozen=True)
class RecordBeats:
    """The beats of one record."""

    table: pd.DataFrame  # one row per kept beat, in order of time: the columns of beats.csv but split and row
    # Shape (beats, samples, leads), float32: scaled; all zeros where a lead is missing. None of them where they were
    # kept as they came.
    windows: np.ndarray
    left_out: Counter[str]  # how many beats were left out, by reason
    uncovered: Counter[str]  # how many annotations carry a symbol that no class covers, by symbol


@dataclass(frozen=True)
class Detection:
    """How well the QRS detector finds the beats of one record.

    ``counts`` has one row: ``record``, and the beats that are ``annotated``, ``detected`` and ``matched`` (both).
    ``missed`` has one per annotated beat that got no score and would have got one if it had been cut where it is
    annotated: ``record, sample, time_s, symbol, aami_class, anomalous``.
    """

    counts: pd.DataFrame
    missed: pd.DataFrame


def cut_at_annotations(
    recording: Recording | RecordingFile, annotations: Annotations, config: Config, keep: Keep | None = None
) -> RecordBeats:
    """Cut a record at its annotated beats.

    Parameters
    ----------
    recording
        The leads that windows are cut from, at most ``records.lead_count``; windows have zeros for those it lacks.
    annotations
        All annotations of the record; those with a symbol that no class covers are no beats.
    config
        Classes, filter, window and scaling.
    keep
        Takes the windows as they come, so that they need not all be in memory.
    """
    of_database = config.labels.of(database_of(recording.name))
    classes = classes_of(annotations, of_database)
    covered = classes != NO_BEAT
    samples, symbols = annotations.samples[covered], annotations.symbols[covered]
    cut = _cut_and_scale(recording, config, samples, keep)
    uncovered = Counter(symbol for symbol in annotations.symbols.tolist() if symbol not in of_database)
    beats = _labelled(recording.name, cut, symbols, classes[covered], {}, uncovered)
    if same_time := int(np.sum(~covered)) - uncovered.total():
        beats.left_out[SAME_TIME] += same_time
    return beats


def cut_at_detections(
    recording: Recording | RecordingFile,
    annotations: Annotations,
    annotated: RecordBeats,
    config: Config,
    keep: Keep | None = None,
) -> tuple[RecordBeats, Detection]:
    """Cut a record at its detected beats, and give each the label of the annotated beat that it is.

    A detected beat that nobody annotated has the symbol `EXTRA_SYMBOL` and counts as normal. Only those annotated beats
    count that are scored when the record is cut at its annotations, so that both ways are judged by the same ones;
    within ventricular flutter none counts, as in AAMI EC57. The detector is judged by all others.

    Parameters
    ----------
    recording, annotations, config, keep
        As for `cut_at_annotations`.
    annotated
        What that gives.

    Returns
    -------
    beats, detection
        The detected beats, with the columns `QUALITY` and `EVALUATED`; and what was found of the annotated ones.
    """
    classes = classes_of(annotations, config.labels.of(database_of(recording.name)))
    rate_hz = recording.sampling_rate_hz
    scaled = _cut_and_scale(recording, config, None, keep)
    cut = scaled.beats
    compared = compare_beats(annotations, classes, cut.samples, float(rate_hz))
    counting = np.isin(compared.annotated.samples, annotated.table["sample"])

    symbols = compared.to_detected(compared.annotated.symbols, EXTRA_SYMBOL)
    aami_classes = compared.to_detected(compared.classes, NORMAL_CLASS)
    evaluated = compared.to_detected(counting, True) & ~compared.in_flutter
    columns = {QUALITY: cut.quality, EVALUATED: evaluated}
    beats = _labelled(recording.name, scaled, symbols, aami_classes, columns, annotated.uncovered)

    scored = compared.to_annotated(cut.left_out == "", False)
    missed = _describe(recording, compared, counting & ~scored)
    return beats, Detection(_count(recording.name, compared), missed)


def classes_of(annotations: Annotations, classes: Mapping[str, str]) -> np.ndarray:
    """Give the AAMI class of each annotation, shape ``(annotations,)``.

    `NO_BEAT` where its symbol has none, and where an earlier beat is annotated at the same sample: one heart has one.
    """
    given = np.array([classes.get(symbol, NO_BEAT) for symbol in annotations.symbols], dtype=object)
    beats = np.flatnonzero(given != NO_BEAT)
    given[beats[1:][np.diff(annotations.samples[beats]) == 0]] = NO_BEAT
    return given


@dataclass(frozen=True)
class _Scaled:
    """All beats of a record, and the scale and windows of those that can be judged."""

    beats: CutBeats  # without their windows
    scale: pd.DataFrame  # the columns of `windows.Scale`
    windows: np.ndarray  # as those of `RecordBeats`

    @property
    def judged(self) -> np.ndarray:
        """Bool: which of the beats those are."""
        return np.array(self.beats.left_out == "", dtype=bool)


def _cut_and_scale(
    recording: Recording | RecordingFile, config: Config, annotated: np.ndarray | None, keep: Keep | None
) -> _Scaled:
    scaler, lead_count, settings = Scaler(config.beat), config.records.lead_count, (config.beat, config.rhythm)
    windows = [np.empty((0, config.beat.samples, lead_count), dtype=np.float32)]
    keep, beats, scales = keep or windows.append, [], []
    blocks, leads = recording.blocks(_BLOCK_S), len(recording.leads)
    for cut in cut_blocks(blocks, leads, recording.sampling_rate_hz, *settings, annotated):
        judged = cut.chosen(cut.left_out == "")
        scale = scaler.push(judged.windows_mv, judged.fiducials_s)
        keep(scale.apply(judged.windows_mv, lead_count))
        scales.append(pd.DataFrame(scale.columns(lead_count)))
        beats.append(replace(cut, windows_mv=np.empty((len(cut), 0, 0))))
    return _Scaled(CutBeats.joined(beats), pd.concat(scales, ignore_index=True), np.concatenate(windows))


def _labelled(
    record: str,
    scaled: _Scaled,
    symbols: np.ndarray,
    aami_classes: np.ndarray,
    columns: Mapping[str, np.ndarray],
    uncovered: Counter[str],
) -> RecordBeats:
    """Put labels and other columns beside the beats that can be judged."""
    kept = scaled.judged
    beats = scaled.beats.chosen(kept)
    table = pd.DataFrame(
        {
            "record": record,
            "sample": beats.samples,
            "time_s": beats.times_s,
            "symbol": symbols[kept],
            "aami_class": aami_classes[kept],
            "anomalous": (aami_classes[kept] != NORMAL_CLASS).astype(bool),
            "rr_before_s": beats.rr_before_s,
            "rr_after_s": beats.rr_after_s,
            "fiducial_s": beats.fiducials_s,
            **scaled.scale,
            **{name: values[kept] for name, values in columns.items()},
        }
    )
    left_out = Counter(scaled.beats.left_out[~kept].tolist())
    return RecordBeats(table, scaled.windows, left_out, uncovered)


def _count(record: str, compared: Comparison) -> pd.DataFrame:
    counts = {
        "annotated": len(compared.detected_of),
        "detected": int((~compared.in_flutter).sum()),
        "matched": int((compared.detected_of != UNMATCHED).sum()),
    }
    return pd.DataFrame([{"record": record, **counts}])


def _describe(recording: Recording | RecordingFile, compared: Comparison, chosen: np.ndarray) -> pd.DataFrame:
    """Tabulate annotated beats."""
    samples, aami_classes = compared.annotated.samples[chosen], compared.classes[chosen]
    return pd.DataFrame(
        {
            "record": recording.name,
            "sample": samples,
            "time_s": (samples / float(recording.sampling_rate_hz)).round(6),
            "symbol": compared.annotated.symbols[chosen],
            "aami_class": aami_classes,
            "anomalous": (aami_classes != NORMAL_CLASS).astype(bool),
        }
    )
