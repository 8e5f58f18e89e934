"""From recording files to the files that say what is not normal in them, recordings in parallel."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.beats.leads import START_S, choose_leads, look_at_leads, oddities
from ecg_anomaly.config import Config
from ecg_anomaly.detector.stream import analyse
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.summary import Summary, conclude, summarise
from ecg_anomaly.handover.model import cost_of_leads
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.recording import RecordingFile, open_recording, recording_name
from ecg_anomaly.reports.ecg_paper import ReadMillivolts
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.workers import with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

_BLOCK_S = 600.0


@dataclass(frozen=True)
class Request:
    """How the recordings are to be read, and where the results go."""

    folder: Path
    leads: tuple[str, ...] = ()  # those to analyse; empty: chosen by records.leads
    sampling_rate_hz: float | None = None  # of CSV files that do not say
    gain: float | None = None  # units per millivolt, of CSV files that do not say
    force: bool = False  # whether files that are there may be replaced


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: its summary, or why there is none."""

    path: str
    summary: Summary | None = None
    error: str = ""

    @property
    def messages(self) -> list[str]:
        """What the user should know: the notes of the summary, or the error."""
        return [f"{self.path}: {note}" for note in self.summary["notes"]] if self.summary else [self.error]


def check_names(paths: Sequence[str], request: Request) -> None:
    """Check that no file would be written twice, or over one that is there.

    Raises
    ------
    UserError
        With the recordings that share a name, or the file that is there.
    """
    names = [recording_name(Path(path)) for path in paths]
    shared = [path for path, name in zip(paths, names, strict=True) if names.count(name) > 1]
    if shared:
        raise UserError(
            f"{' and '.join(shared)} have one name, and so would their results; "
            "analyse them one after the other, each with an --output folder of its own"
        )
    check_free(names, request)


def check_free(names: Sequence[str], request: Request) -> None:
    """Check that no file of recordings with these names is there, or that it may be replaced.

    Raises
    ------
    UserError
        With the file that is there.
    """
    paths = (request.folder / file.format(name) for name in names for file in files.FILES)
    there = [path for path in paths if path.exists()]
    if there and not request.force:
        raise UserError(
            f"{there[0]}: is there already; add --force to replace it, or name another folder with --output"
        )


def detect_all(paths: Sequence[str], request: Request, config: Config) -> Generator[Outcome, None, None]:
    """Analyse recordings and write their files, in parallel; yield what became of each, in the given order."""
    return with_detector(_detect, [(path, request) for path in paths], "analyses recordings", config)


def _detect(detector: TrainedDetector, path: str, request: Request) -> Outcome:
    try:
        recording = with_leads(open_recording(path, request.sampling_rate_hz, request.gain), request, detector.config)
        rate_hz, leads = recording.sampling_rate_hz, recording.leads
        findings = analyse(detector, rate_hz, recording.blocks(_BLOCK_S), len(leads))
        found = conclude(findings, float(recording.samples / rate_hz))
        summary = summarise(recording.name, float(rate_hz), leads, recording.samples, found, recording.notes)
        write_results(request.folder, summary, found.beats, found.events, _StretchReader(recording))
        return Outcome(path, summary)
    except UserError as error:
        return Outcome(path, error=str(error))
    except OSError as error:
        return Outcome(path, error=f"{error.filename or path}: {error.strerror or error}")


def with_leads(recording: RecordingFile, request: Request, config: Config) -> RecordingFile:
    """Take the leads of a recording that are to be analysed: those asked for, or else chosen by its first minute."""
    looks = look_at_leads(next(iter(recording.blocks(START_S))), recording.sampling_rate_hz, config)
    leads = choose_leads(recording.leads, config.records, recording.path, looks, request.leads)
    chosen = recording.chosen([recording.leads[lead] for lead in leads])
    notes = oddities(chosen.leads, [looks[lead] for lead in leads])
    if cost := cost_of_leads(config, len(chosen.leads)):
        notes.append(cost)
    return dataclasses.replace(chosen, notes=(*chosen.notes, *notes))


def write_results(
    folder: Path, summary: Summary, beats: pd.DataFrame, events: Sequence[Event], read_mv: ReadMillivolts
) -> None:
    """Write the files of a recording beside their places, then rename them.

    Parameters
    ----------
    folder
        Where they go; it is made if it is not there.
    summary
        What became of the recording.
    beats, events
        All that was found, from `summary.conclude`.
    read_mv
        Gives the signals between two times in seconds, as for `recording_page.render`.
    """
    rate_hz = summary["sampling_rate_hz"]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
        paths = [Path(staging) / file.format(summary["recording"]) for file in files.FILES]
        beats_file, annotations, summary_file, page = paths
        files.write_beats_csv(beats_file, beats)
        files.write_annotations(annotations, files.anomaly_annotations(beats, events, rate_hz), rate_hz)
        write_json(summary_file, summary)
        page.write_text(render(summary, beats, events, read_mv), encoding="utf-8")
        for path in paths:
            shutil.move(path, folder / path.name)


class _StretchReader:
    """Reads stretches of a recording; those in order of time take one pass over the file."""

    def __init__(self, recording: RecordingFile):
        self._recording = recording
        self._nothing = np.empty((0, len(recording.leads)))
        self._begin, self._buffer, self._blocks = 0, self._nothing, iter(recording.blocks(_BLOCK_S))

    def __call__(self, start_s: float, end_s: float) -> np.ndarray:
        rate_hz = float(self._recording.sampling_rate_hz)
        first, last = max(0, round(start_s * rate_hz)), round(end_s * rate_hz)
        if first < self._begin:  # behind what was read
            self._begin, self._buffer, self._blocks = 0, self._nothing, iter(self._recording.blocks(_BLOCK_S))
        while self._begin + len(self._buffer) < last:
            block = next(self._blocks, None)
            if block is None:
                break
            kept = max(0, min(first - self._begin, len(self._buffer)))
            self._buffer = np.concatenate([self._buffer[kept:], block])
            self._begin += kept
        return np.asarray(self._buffer[first - self._begin : last - self._begin])
