"""From recording files to the files that say what is not normal in them, recordings in parallel."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_anomaly.beats.leads import START_S, choose_leads, left_out, look_at_start, oddities
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.store import analyse_to_store, read_store
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.handover.model import cost_of_leads
from ecg_anomaly.manifest import write_json
from ecg_anomaly.records.recording import RecordingFile, open_recording, recording_name
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.workers import with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector


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
        recording = open_leads(path, request, detector.config)
        request.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=request.folder, prefix=".") as staging:
            analyse_to_store(Path(staging) / "analysed", detector, recording, shapes=False)
            return Outcome(path, write_results(request.folder, Path(staging) / "analysed"))
    except UserError as error:
        return Outcome(path, error=str(error))
    except OSError as error:
        return Outcome(path, error=f"{error.filename or path}: {error.strerror or error}")


def open_leads(path: str | Path, request: Request, config: Config) -> RecordingFile:
    """Open a recording with the leads that are analysed: those asked for, or else chosen by how it starts.

    Raises
    ------
    UserError
        As `recording.open_recording`, and as `leads.choose_leads`.
    """
    recording = open_recording(path, request.sampling_rate_hz, request.gain, request.leads)
    looks, start_s = look_at_start(recording.blocks(START_S), recording.sampling_rate_hz, config)
    # What was asked for comes in its order already.
    asked = recording.leads if request.leads else ()
    leads = choose_leads(recording.leads, config.records, recording.path, looks, asked)
    chosen = recording.chosen([recording.leads[lead] for lead in leads])
    notes = [*left_out(recording.leads, looks, leads), *oddities(chosen.leads, [looks[lead] for lead in leads])]
    if start_s:
        notes.append(f"no beat is seen in the first {start_s / 60:g} min; leads are chosen by what comes then")
    if cost := cost_of_leads(config, len(chosen.leads)):
        notes.append(cost)
    return dataclasses.replace(chosen, notes=(*chosen.notes, *notes))


def write_results(folder: Path, analysed: Path) -> Summary:
    """Write the files of a recording beside what `store.StoreWriter` kept of it, then move them to their folder."""
    stored = read_store(analysed)
    summary, beats, events, rate_hz = stored.summary, stored.beats, stored.events, stored.sampling_rate_hz
    paths = [analysed / file.format(summary["recording"]) for file in files.FILES]
    beats_file, annotations, summary_file, page = paths
    files.write_beats_csv(beats_file, beats)
    files.write_annotations(annotations, files.anomaly_annotations(beats, events, rate_hz), rate_hz)
    write_json(summary_file, summary)
    page.write_text(render(summary, beats, events, stored.read_mv), encoding="utf-8")
    for path in paths:
        path.replace(folder / path.name)
    return summary
