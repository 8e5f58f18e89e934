"""From the files of a record to its beats, records in parallel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from ecg_anomaly.beats.labelled import EVALUATED, QUALITY, Detection, RecordBeats, cut_at_annotations, cut_at_detections
from ecg_anomaly.config import DETECTOR, Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.manifest import record_fingerprints
from ecg_anomaly.processes import in_processes
from ecg_anomaly.records.splits import TEST, split_beats
from ecg_anomaly.records.wfdb_records import RecordFiles, choose_leads, read_annotations, read_recording


@dataclass(frozen=True)
class ProcessedRecord:
    """What became of one record.

    Attributes
    ----------
    name
        ``database/name``.
    beats
        Its beats, with the column ``split``; ``None`` when the record is broken.
    error
        Why it is broken; an empty string when it is not.
    leads, dead_leads
        Names of the leads that were taken, and of those that hold no signal.
    inputs
        Fingerprint of each of its files, by ``database/file``.
    detection
        What the QRS detector found of its annotated beats; ``None`` where those were cut.
    """

    name: str
    beats: RecordBeats | None = None
    error: str = ""
    leads: tuple[str, ...] = ()
    dead_leads: tuple[str, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    detection: Detection | None = None


def process_records(sources: Sequence[RecordFiles], groups: Sequence[str], config: Config) -> Iterator[ProcessedRecord]:
    """Read records and cut their beats, one process per core; yield them in the given order.

    Parameters
    ----------
    sources
        The files of each record.
    groups
        The split of each record, as `splits.assign_records` gives it.
    config
        Settings; a broken record is yielded as such with ``records.skip_broken``.

    Raises
    ------
    UserError
        At the first broken record, without ``records.skip_broken``; or when a worker process dies.
    """
    calls = list(zip(sources, groups, [config] * len(sources), strict=True))
    with closing(in_processes(process_record, calls, doing="reads records")) as results:  # at an error, too
        for result in results:
            if result.error and not config.records.skip_broken:
                raise UserError(f"{result.error} (or set records.skip_broken: true to leave such records out)")
            yield result


def process_record(files: RecordFiles, group: str, config: Config) -> ProcessedRecord:
    """Read one record and cut its beats; what is wrong with it is returned, not raised."""
    try:
        recording = read_recording(files)
        annotations = read_annotations(files, recording)
        chosen, dead = choose_leads(recording, config.records.leads, config.records.lead_count)
        beats = cut_at_annotations(chosen, annotations, config)
        if not len(beats.table):
            raise UserError(f"{files.annotations}: not one beat of {files.name} can be cut: {_reasons(beats)}")
        detection = None
        if config.beat.source == DETECTOR and group == TEST:
            beats, detection = cut_at_detections(chosen, annotations, beats, config)
            if not len(beats.table):
                raise UserError(f"{files.stem}: the QRS detector finds no beat of {files.name} that can be cut")
        elif config.beat.source == DETECTOR:  # the columns of the others
            beats.table[QUALITY], beats.table[EVALUATED] = np.nan, True
    except UserError as error:
        return ProcessedRecord(files.name, error=str(error))
    anomalous = beats.table["anomalous"].to_numpy(dtype=bool)
    beats.table.insert(6, "split", split_beats(files.name, group, anomalous, config.split))
    inputs = record_fingerprints([files])
    return ProcessedRecord(files.name, beats, "", chosen.leads, tuple(dead), inputs, detection)


def _reasons(beats: RecordBeats) -> str:
    counts: Counter[str] = beats.left_out + Counter({"symbols that labels.aami lacks": beats.uncovered.total()})
    return ", ".join(f"{count} left out ({reason})" for reason, count in counts.items()) or "it has no annotations"
