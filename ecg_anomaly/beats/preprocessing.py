"""From the files of a record to its beats, records in parallel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from ecg_anomaly.beats.labelled import EVALUATED, QUALITY, Detection, RecordBeats, cut_at_annotations, cut_at_detections
from ecg_anomaly.beats.lead_looks import START_S, look_at_start
from ecg_anomaly.beats.leads import choose_leads
from ecg_anomaly.config import DETECTOR, Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.processes import Executors, in_processes
from ecg_anomaly.records.annotations import Annotations, read_annotations
from ecg_anomaly.records.catalogue import RecordFiles, record_fingerprints
from ecg_anomaly.records.recording import Recording, open_recording
from ecg_anomaly.records.splits import TEST, database_of, split_beats
from ecg_anomaly.words import count_text


@dataclass(frozen=True)
class ProcessedRecord:
    """What became of one record."""

    name: str  # database/name
    beats: RecordBeats | None = None  # with the column split; None when the record is broken or has no beats
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
    executors: Executors | None = None,
    ahead: int | None = None,
) -> Iterator[ProcessedRecord]:
    """Read records and cut their beats, one process per core; yield them in the given order.

    ``groups`` are the splits of the records, as `splits.assign_records` gives them. A record that matched a pattern and
    is none of beats is yielded as such; so is a broken one with ``records.skip_broken``. `processes.in_processes` says
    what ``executors`` and ``ahead`` are.

    Raises
    ------
    UserError
        At the first broken record, without ``records.skip_broken``; or when a worker process dies.
    """
    calls = list(zip(sources, groups, [config] * len(sources), strict=True))
    with closing(in_processes(process_record, calls, "reads records", executors, ahead)) as results:  # at an error, too
        for result in results:
            if result.error and not (result.no_beats or config.records.skip_broken):
                raise UserError(f"{result.error} (or set records.skip_broken: true to leave such records out)")
            yield result


def process_record(files: RecordFiles, group: str, config: Config) -> ProcessedRecord:
    """Read one record and cut its beats; what is wrong with it is returned, not raised."""
    if files.by_pattern and (reason := files.why_no_beats()):
        return ProcessedRecord(files.name, error=reason, no_beats=True)
    try:
        recording, annotations, dead = read_record(files, config)
        symbols = config.labels.of(database_of(files.name))
        if files.by_pattern and not np.isin(annotations.symbols, list(symbols)).any():
            found = count_text(len(annotations.symbols), "annotation")
            return ProcessedRecord(
                files.name, error=f"{files.annotations}: has {found}, but none of a beat", no_beats=True
            )
        beats = cut_at_annotations(recording, annotations, config)
        if not len(beats.table):
            raise UserError(f"{files.annotations}: not one beat of {files.name} can be cut: {_reasons(beats)}")
        detection = None
        if config.beat.source == DETECTOR and group == TEST:
            beats, detection = cut_at_detections(recording, annotations, beats, config)
            if not len(beats.table):
                raise UserError(f"{files.header}: the QRS detector finds no beat of {files.name} that can be cut")
        elif config.beat.source == DETECTOR:  # the columns of the others
            beats.table[QUALITY], beats.table[EVALUATED] = np.nan, True
    except UserError as error:
        return ProcessedRecord(files.name, error=str(error))
    anomalous = beats.table["anomalous"].to_numpy(dtype=bool)
    beats.table.insert(6, "split", split_beats(files.name, group, anomalous, config.split))
    return ProcessedRecord(
        files.name,
        beats,
        leads=recording.leads,
        dead_leads=dead,
        notes=recording.notes,
        inputs=record_fingerprints([files]),
        detection=detection,
    )


def read_record(files: RecordFiles, config: Config) -> tuple[Recording, Annotations, tuple[str, ...]]:
    """Read a record as any recording is read: the leads that are analysed, all annotations, and the dead leads.

    The last are the names of leads that hold no signal at the start.

    Raises
    ------
    UserError
        When a file is missing or damaged, or no lead holds a signal.
    """
    whole = open_recording(files.header)
    annotations = read_annotations(whole, files.annotator)
    signals_mv, rate_hz = whole.read(), whole.sampling_rate_hz
    minute = round(START_S * rate_hz)
    minutes_mv = (signals_mv[first : first + minute] for first in range(0, len(signals_mv), minute))
    looks, _ = look_at_start(minutes_mv, rate_hz, config)
    chosen = choose_leads(whole.leads, config.records, whole.path, looks)
    signals_mv = signals_mv[:, chosen]
    if not looks[chosen[0]].alive and not np.any(np.fmin.reduce(signals_mv) < np.fmax.reduce(signals_mv)):
        raise UserError(f"{files.header}: no lead holds a signal, all samples are equal or missing")
    dead = tuple(name for name, look in zip(whole.leads, looks, strict=True) if not look.alive)
    leads, notes = tuple(whole.leads[lead] for lead in chosen), (*whole.notes, *annotations.notes)
    return Recording(files.name, rate_hz, leads, signals_mv, notes), annotations, dead


def _reasons(beats: RecordBeats) -> str:
    counts: Counter[str] = beats.left_out + Counter({"symbols that labels.aami lacks": beats.uncovered.total()})
    return ", ".join(f"{count} left out ({reason})" for reason, count in counts.items()) or "it has no annotations"
