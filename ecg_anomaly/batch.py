"""From recording files to the files that tell what is not normal in them, recordings in parallel."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecg_anomaly.beats.leads import START_S, choose_leads, look_at_leads, oddities
from ecg_anomaly.config import Config
from ecg_anomaly.detector.stream import Findings, analyse
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.summary import conclude, summary, write_annotations, write_beats_csv
from ecg_anomaly.handover.model import cost_of_leads
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.recording import RecordingFile, open_recording, recording_name
from ecg_anomaly.reports.ecg_paper import ReadMillivolts
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.workers import with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

BEATS, ANNOTATIONS, SUMMARY, PAGE = "{}.beats.csv", "{}.anomaly", "{}.summary.json", "{}.html"
_FILES = (BEATS, ANNOTATIONS, SUMMARY, PAGE)
_BLOCK_S = 600.0


@dataclass(frozen=True)
class Request:
    """How the recordings are to be read, and where the results go.

    Attributes
    ----------
    folder
        Where the files of each recording are written.
    leads
        The leads to analyse; empty: chosen by ``records.leads``.
    sampling_rate_hz, gain
        Of CSV files that do not tell: samples per second, units per millivolt.
    force
        Whether files that are there may be replaced.
    """

    folder: Path
    leads: tuple[str, ...] = ()
    sampling_rate_hz: float | None = None
    gain: float | None = None
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: its summary, or why there is none."""

    path: str
    summary: dict[str, Any] | None = None
    error: str = ""


def check_names(paths: Sequence[str], request: Request) -> None:
    """Check that no file would be written twice, or over one that is there.

    Raises
    ------
    UserError
        With the recordings that share a name, or the file that is there.
    """
    names = Counter(recording_name(Path(path)) for path in paths)
    shared = [path for path in paths if names[recording_name(Path(path))] > 1]
    if shared:
        raise UserError(
            f"{' and '.join(shared)} have one name, and so would their results; "
            "analyse them one after the other, each with an --output folder of its own"
        )
    check_free([recording_name(Path(path)) for path in paths], request)


def check_free(names: Sequence[str], request: Request) -> None:
    """Check that no file of recordings with these names is there, or that it may be replaced.

    Raises
    ------
    UserError
        With the file that is there.
    """
    there = [file for name in names for file in _files_of(name, request.folder) if file.exists()]
    if there and not request.force:
        raise UserError(
            f"{there[0]}: is there already; add --force to replace it, or name another folder with --output"
        )


def detect_all(paths: Sequence[str], request: Request, config: Config) -> Iterator[Outcome]:
    """Analyse recordings and write their files, in parallel; yield what became of each, in the given order."""
    return with_detector(_detect, [(path, request) for path in paths], "analyses recordings", config)


def _detect(detector: TrainedDetector, path: str, request: Request) -> Outcome:
    try:
        recording = with_leads(open_recording(path, request.sampling_rate_hz, request.gain), request, detector.config)
        findings = analyse(detector, recording.sampling_rate_hz, recording.blocks(_BLOCK_S), len(recording.leads))
        return Outcome(path, _write(recording, findings, request))
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


def _write(recording: RecordingFile, findings: Findings, request: Request) -> dict[str, Any]:
    rate_hz = float(recording.sampling_rate_hz)
    findings = conclude(findings, recording.samples / rate_hz)
    told = summary(recording.name, rate_hz, recording.leads, recording.samples, findings.beats, findings.events)
    told["notes"] = list(recording.notes)
    write_results(request.folder, told, findings, _StretchReader(recording))
    return told


def write_results(folder: Path, told: dict[str, Any], findings: Findings, read_mv: ReadMillivolts) -> None:
    """Write the files of a recording beside their places, then rename them.

    Parameters
    ----------
    folder
        Where they go; it is made if it is not there.
    told
        What `results.summary` tells of the recording, and its ``notes``.
    findings
        All that was found, from `results.conclude`.
    read_mv
        Gives the signals between two times in seconds, as for `recording_page.render`.
    """
    rate_hz = told["sampling_rate_hz"]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
        names = [name.format(told["recording"]) for name in _FILES]
        beats, annotations, summary_file, page = (Path(staging) / name for name in names)
        write_beats_csv(beats, findings.beats)
        write_annotations(annotations, findings.beats, findings.events, rate_hz)
        write_json(summary_file, told)
        page.write_text(render(told, findings.beats, findings.events, read_mv), encoding="utf-8")
        for name in names:
            shutil.move(Path(staging) / name, folder / name)


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


def _files_of(name: str, folder: Path) -> list[Path]:
    return [folder / file.format(name) for file in _FILES]
