"""From the files of a record to its beats, records in parallel."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ecg_anomaly.beats.labelled import (
    EVALUATED,
    QUALITY,
    Detection,
    RecordBeats,
    cut_at_annotations,
    cut_at_detections,
)
from ecg_anomaly.beats.lead_looks import START_S, look_at_start
from ecg_anomaly.beats.leads import choose_leads
from ecg_anomaly.beats.portions import Portions, PortionsOnDisk
from ecg_anomaly.config import DETECTOR, Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.processes import Executors, in_processes
from ecg_anomaly.records.annotations import Annotations, read_annotations
from ecg_anomaly.records.catalogue import RecordFiles, record_fingerprints
from ecg_anomaly.records.recording import Recording, RecordingFile, open_recording
from ecg_anomaly.records.splits import TEST, database_of, split_beats
from ecg_anomaly.words import count_text


@dataclass(frozen=True)
class ProcessedRecord:
    """What became of one record."""

    name: str  # database/name
    beats: RecordBeats | None = None  # with the label split; None when the record is broken or has no beats
    error: str = ""  # why that is; empty when it is not
    no_beats: bool = False  # whether it is no record of beats, and only matched a pattern
    notes: tuple[str, ...] = ()  # what was left out, repaired or guessed while it was read
    leads: tuple[str, ...] = ()  # that were taken
    dead_leads: tuple[str, ...] = ()  # that hold no signal
    inputs: dict[str, str] = field(default_factory=dict)  # fingerprint of each of its files, by database/file
    detection: Detection | None = None  # of its annotated beats by the QRS detector; None where those were cut


def process_records(
    sources: Sequence[RecordFiles],
    groups: Sequence[str],
    config: Config,
    folder: str | Path,
    executors: Executors | None = None,
    ahead: int | None = None,
) -> Iterator[ProcessedRecord]:
    """Read records and cut their beats, one process per core; yield them in the given order.

    ``groups`` are the splits of the records, as `splits.assign_records` gives them. The beats of a record lie in a
    file in ``folder`` until the next one is asked for. A record that matched a pattern and is none of beats is yielded
    as such; so is a broken one with ``records.skip_broken``. `processes.in_processes` says what ``executors`` and
    ``ahead`` are.

    Raises
    ------
    UserError
        At the first broken record, without ``records.skip_broken``; or when a worker process dies.
    """
    files = [Path(folder) / str(number) for number in range(len(sources))]
    calls = list(zip(sources, groups, [config] * len(sources), files, strict=True))
    with closing(in_processes(process_record, calls, "reads records", executors, ahead)) as results:  # at an error, too
        for result, file in zip(results, files, strict=True):
            if result.error and not (result.no_beats or config.records.skip_broken):
                raise UserError(f"{result.error} (or set records.skip_broken: true to leave such records out)")
            yield result
            file.unlink(missing_ok=True)


def process_record(files: RecordFiles, group: str, config: Config, file: Path | None = None) -> ProcessedRecord:
    """Read one record and cut its beats; what is wrong with it is returned, not raised.

    The beats go to a file, block by block, where one is named.
    """
    if files.by_pattern and (reason := files.why_no_beats()):
        return ProcessedRecord(files.name, error=reason, no_beats=True)
    try:
        recording, annotations, dead = open_record(files, config)
        symbols = config.labels.of(database_of(files.name))
        if files.by_pattern and not np.isin(annotations.symbols, list(symbols)).any():
            found = count_text(len(annotations.symbols), "annotation")
            return ProcessedRecord(
                files.name, error=f"{files.annotations}: has {found}, but none of a beat", no_beats=True
            )
        beats, detection = _cut(files, recording, annotations, group, config, file)
    except UserError as error:
        return ProcessedRecord(files.name, error=str(error))
    splits = split_beats(files.name, group, beats.labels["anomalous"].to_numpy(dtype=bool), config.split)
    beats.labels.insert(3, "split", pd.Series(splits, dtype="category"))
    return ProcessedRecord(
        files.name,
        beats,
        leads=recording.leads,
        dead_leads=dead,
        notes=recording.notes,
        inputs=record_fingerprints([files]),
        detection=detection,
    )


def _cut(
    files: RecordFiles,
    recording: RecordingFile,
    annotations: Annotations,
    group: str,
    config: Config,
    file: Path | None,
) -> tuple[RecordBeats, Detection | None]:
    """Cut the beats of a record where they are annotated, or else detected."""
    portions: Portions = PortionsOnDisk(file) if file else []
    detects = config.beat.source == DETECTOR and group == TEST
    beats = cut_at_annotations(recording, annotations, config, deque(maxlen=0) if detects else portions)
    if not len(beats):
        raise UserError(f"{files.annotations}: not one beat of {files.name} can be cut: {_reasons(beats)}")
    if detects:
        beats, detection = cut_at_detections(recording, annotations, beats, config, portions)
        if not len(beats):
            raise UserError(f"{files.header}: the QRS detector finds no beat of {files.name} that can be cut")
        return beats, detection
    if config.beat.source == DETECTOR:  # the columns of the others
        beats.labels[QUALITY], beats.labels[EVALUATED] = np.nan, True
    return beats, None


def open_record(files: RecordFiles, config: Config) -> tuple[RecordingFile, Annotations, tuple[str, ...]]:
    """Open a record as any recording is opened: the leads that are analysed, all annotations, and the dead leads.

    The last are the names of leads that hold no signal at the start.

    Raises
    ------
    UserError
        When a file is missing or damaged, or no lead holds a signal.
    """
    whole = open_recording(files.header)
    annotations = read_annotations(whole, files.annotator)
    looks, _ = look_at_start(whole.blocks(START_S), whole.sampling_rate_hz, config)
    taken = choose_leads(whole.leads, config.records, whole.path, looks)
    chosen = whole.chosen([whole.leads[lead] for lead in taken])
    if not looks[taken[0]].alive and not _changes(chosen):
        raise UserError(f"{files.header}: no lead holds a signal, all samples are equal or missing")
    dead = tuple(name for name, look in zip(whole.leads, looks, strict=True) if not look.alive)
    notes = (*whole.notes, *annotations.notes)
    return replace(chosen, name=files.name, notes=notes), annotations, dead


def read_record(files: RecordFiles, config: Config) -> tuple[Recording, Annotations, tuple[str, ...]]:
    """Read a record into memory, else as `open_record`."""
    record, annotations, dead = open_record(files, config)
    recording = Recording(record.name, record.sampling_rate_hz, record.leads, record.read(), record.notes)
    return recording, annotations, dead


def _changes(recording: RecordingFile) -> bool:
    """Whether any lead has more than one value."""
    lowest_mv = highest_mv = np.full(len(recording.leads), np.nan)
    for block_mv in recording.blocks(START_S):
        lowest_mv = np.fmin(lowest_mv, np.fmin.reduce(block_mv))
        highest_mv = np.fmax(highest_mv, np.fmax.reduce(block_mv))
    return bool(np.any(lowest_mv < highest_mv))


def _reasons(beats: RecordBeats) -> str:
    counts: Counter[str] = beats.left_out + Counter({"symbols that labels.aami lacks": beats.uncovered.total()})
    return ", ".join(f"{count} left out ({reason})" for reason, count in counts.items()) or "it has no annotations"
