"""Beats with labels: where they are annotated, or where the QRS detector finds them, labelled afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ecg_anomaly.beats.cutter import cut_blocks
from ecg_anomaly.beats.matching import NO_BEAT, UNMATCHED, Comparison, compare_beats
from ecg_anomaly.beats.portions import Portion, Portions
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
_BEFORE_LABELS = ("record", "sample", "time_s")


@dataclass(frozen=True)
class RecordBeats:
    """The beats of one record."""

    portions: Portions
    # One row per kept beat, in order of time: ``symbol, aami_class, anomalous``, and what is to stand beside them.
    labels: pd.DataFrame
    samples: np.ndarray  # shape (beats,): where each stands
    left_out: Counter[str]  # how many beats were left out, by reason
    uncovered: Counter[str]  # how many annotations carry a symbol that no class covers, by symbol

    def __len__(self) -> int:
        return len(self.samples)

    def parts(self) -> Iterator[Portion]:
        """Give the beats portion by portion, their rows with the columns of ``beats.csv`` but ``row``."""
        first = 0
        for rows, windows in self.portions:
            yield _with_labels(rows, self.labels.iloc[first : first + len(rows)]), windows
            first += len(rows)

    @cached_property
    def table(self) -> pd.DataFrame:
        """All rows at once."""
        return pd.concat([rows for rows, _ in self.parts()], ignore_index=True)

    @cached_property
    def windows(self) -> np.ndarray:
        """All windows at once."""
        return np.concatenate([windows for _, windows in self.portions])


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
    recording: Recording | RecordingFile, annotations: Annotations, config: Config, portions: Portions | None = None
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
    portions
        Where the beats go as they are cut, if not into memory.
    """
    of_database = config.labels.of(database_of(recording.name))
    classes = classes_of(annotations, of_database)
    covered = classes != NO_BEAT
    samples, symbols = annotations.samples[covered], annotations.symbols[covered]
    portions = [] if portions is None else portions
    cut = _cut(recording, config, samples, portions)
    uncovered = Counter(symbol for symbol in annotations.symbols.tolist() if symbol not in of_database)
    beats = _labelled(cut, portions, symbols, classes[covered], {}, uncovered)
    if same_time := int(np.sum(~covered)) - uncovered.total():
        beats.left_out[SAME_TIME] += same_time
    return beats


def cut_at_detections(
    recording: Recording | RecordingFile,
    annotations: Annotations,
    annotated: RecordBeats,
    config: Config,
    portions: Portions | None = None,
) -> tuple[RecordBeats, Detection]:
    """Cut a record at its detected beats, and give each the label of the annotated beat that it is.

    A detected beat that nobody annotated has the symbol `EXTRA_SYMBOL` and counts as normal. Only those annotated beats
    count that are scored when the record is cut at its annotations, so that both ways are judged by the same ones;
    within ventricular flutter none counts, as in AAMI EC57. The detector is judged by all others.

    Parameters
    ----------
    recording, annotations, config, portions
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
    portions = [] if portions is None else portions
    cut = _cut(recording, config, None, portions)
    compared = compare_beats(annotations, classes, cut.samples, float(rate_hz))
    counting = np.isin(compared.annotated.samples, annotated.samples)

    symbols = compared.to_detected(compared.annotated.symbols, EXTRA_SYMBOL)
    aami_classes = compared.to_detected(compared.classes, NORMAL_CLASS)
    evaluated = compared.to_detected(counting, True) & ~compared.in_flutter
    beats = _labelled(cut, portions, symbols, aami_classes, {EVALUATED: evaluated}, annotated.uncovered)

    scored = compared.to_annotated(cut.judged, False)
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
class _Cut:
    """All beats of a record."""

    samples: np.ndarray  # shape (beats,): where each stands
    judged: np.ndarray  # shape (beats,), bool: whether it can be judged, and is kept
    left_out: Counter[str]  # how many are not, by reason


def _cut(
    recording: Recording | RecordingFile, config: Config, annotated: np.ndarray | None, portions: Portions
) -> _Cut:
    """Cut a record block by block; the beats that can be judged go to the portions, scaled."""
    scaler, lead_count, left_out = Scaler(config.beat), config.records.lead_count, Counter[str]()
    samples, judged = [], []
    blocks, leads = recording.blocks(_BLOCK_S), len(recording.leads)
    for cut in cut_blocks(blocks, leads, recording.sampling_rate_hz, config.beat, config.rhythm, annotated):
        kept = np.array(cut.left_out == "", dtype=bool)
        samples.append(cut.samples)
        judged.append(kept)
        left_out.update(cut.left_out[~kept].tolist())
        beats = cut.chosen(kept)
        scale = scaler.push(beats.windows_mv, beats.fiducials_s)
        columns = {
            "record": recording.name,
            "sample": beats.samples,
            "time_s": beats.times_s,
            "rr_before_s": beats.rr_before_s,
            "rr_after_s": beats.rr_after_s,
            "fiducial_s": beats.fiducials_s,
            **scale.columns(lead_count),
            **({QUALITY: beats.quality} if annotated is None else {}),
        }
        portions.append((pd.DataFrame(columns), scale.apply(beats.windows_mv, lead_count)))
    return _Cut(np.concatenate(samples), np.concatenate(judged), left_out)


def _labelled(
    cut: _Cut,
    portions: Portions,
    symbols: np.ndarray,
    aami_classes: np.ndarray,
    columns: Mapping[str, np.ndarray],
    uncovered: Counter[str],
) -> RecordBeats:
    """Put labels and other columns beside the beats that are kept."""
    kept = cut.judged
    labels = pd.DataFrame(
        {
            "symbol": pd.Categorical(symbols[kept]),
            "aami_class": pd.Categorical(aami_classes[kept]),
            "anomalous": (aami_classes[kept] != NORMAL_CLASS).astype(bool),
            **{name: values[kept] for name, values in columns.items()},
        }
    )
    return RecordBeats(portions, labels, cut.samples[kept], cut.left_out, uncovered)


def _with_labels(rows: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Put labels into rows: after what says which beat it is; what the QRS detector adds comes last."""
    texts = {name: str for name in labels if isinstance(labels[name].dtype, pd.CategoricalDtype)}
    labels = labels.astype(texts).set_index(rows.index)
    last = [name for name in (QUALITY, EVALUATED) if name in labels]
    before = [*_BEFORE_LABELS]
    return pd.concat([rows[before], labels.drop(columns=last), rows.drop(columns=before), labels[last]], axis=1)


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
