"""From recording files to the files that say what is not normal in them, recordings in parallel."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ecg_anomaly.beats.lead_looks import START_S, look_at_start
from ecg_anomaly.beats.leads import choose_leads, left_out, oddities
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import analyse_to_store, read_store
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.handover.model import cost_of_leads
from ecg_anomaly.manifest import write_json
from ecg_anomaly.processes import in_order
from ecg_anomaly.records.recording import RecordingFile, open_recording, recording_name
from ecg_anomaly.records.search import find_recordings, read_list
from ecg_anomaly.reports.pages import PLOTLY, is_plotly, share_plotly
from ecg_anomaly.reports.recording_page import render
from ecg_anomaly.words import count_text
from ecg_anomaly.workers import with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

_MOST_SHOWN = 16  # leads: twelve, and those on the back or of the right side


@dataclass(frozen=True)
class Request:
    """How the recordings are to be read, and where the results go."""

    folder: Path
    leads: tuple[str, ...] = ()  # those to analyse; empty: chosen by records.leads
    sampling_rate_hz: float | None = None  # of tables without times
    gain: float | None = None  # units per millivolt, of channels whose unit is no voltage
    force: bool = False  # whether files that are there may be replaced


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: its summary, or why there is none."""

    path: Path
    summary: Summary | None = None
    error: str = ""

    @property
    def messages(self) -> list[str]:
        """What the user should know: the notes of the summary, or the error."""
        return [f"{self.path}: {note}" for note in self.summary["notes"]] if self.summary else [self.error]


class Tally:
    """Counts what became of the recordings of a batch, and says it.

    ``recordings`` is how many there are, ``folder`` where their results go.
    """

    def __init__(self, recordings: int, folder: Path):
        self._recordings, self._folder = recordings, folder
        self._done: dict[Path, Summary] = {}
        self.failed = 0  # how many could not be analysed

    def add(self, outcome: Outcome) -> None:
        """Count a recording."""
        if outcome.summary is None:
            self.failed += 1
        else:
            self._done[outcome.path] = outcome.summary

    def words(self) -> str:
        """Sum up in a table and a few lines."""
        lines = []
        if self._done:
            table = pd.DataFrame(list(self._done.values()), index=list(map(str, self._done)))
            lines.append(table[["beats", "flagged", "flagged_per_hour", "unreadable_share"]].round(3).to_string())
            lines.append(f"Wrote the results of {count_text(len(self._done), 'recording')} to {self._folder}")
        if self.failed:
            of_all = count_text(self._recordings, "recording")
            lines.append(f"{self.failed} of {of_all} could not be analysed, see above")
        return "\n".join(lines)

    def stopped(self) -> str:
        """Say how far the batch was when it was stopped."""
        done, failed = len(self._done), f", {self.failed} could not be analysed" if self.failed else ""
        if not done:
            return f"stopped: no recording is done{failed}; nothing was written"
        some = "is" if done == 1 else "are"
        return (
            f"stopped: {done} of {count_text(self._recordings, 'recording')} {some} done{failed}; the results are in "
            f"{self._folder}; run again without what is done, or with --force"
        )


def find(named: Sequence[str], listed: str | None, tell: Callable[[str], None]) -> list[Path]:
    """Find the recordings that are named, or in a list (see `search.read_list`); tell what was passed over.

    Raises
    ------
    UserError
        As `search.find_recordings`, and when nothing is named.
    """
    names = [*named, *([] if listed is None else read_list(listed))]
    if not names:
        raise UserError("no recording is named; give one, a folder, a pattern, or a list with --from")
    found = find_recordings(names, [*(file.format("") for file in files.FILES), PLOTLY])
    for note in found.notes:
        tell(note)
    return list(found.paths)


def name_results(paths: Sequence[Path]) -> list[str]:
    """Name what is written of each recording: as the recording; where that tells them not apart, with its folder.

    Then results lie in folders as the recordings do, below the one that they have in common, and recordings of one
    folder that differ in their extension alone keep it: ``day 1/100.edf``.
    """
    names = [recording_name(path) for path in paths]
    if _all_differ(names):
        return names
    folders = [path.parent.resolve().parts for path in paths]
    common = len(list(itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))))
    below = [[part.strip(":\\/") for part in parts[common:]] for parts in folders]  # a drive is a folder, too
    names = ["/".join([*parts, name]) for parts, name in zip(below, names, strict=True)]
    alike = Counter(map(str.lower, names))
    return [
        "/".join([*parts, path.name]) if alike[name.lower()] > 1 else name
        for parts, name, path in zip(below, names, paths, strict=True)
    ]


def _all_differ(names: Sequence[str]) -> bool:
    return len(set(map(str.lower, names))) == len(names)  # some file systems take a and A for one


def check_free(names: Sequence[str], request: Request) -> None:
    """Check that no file of recordings with these names is there, or that it may be replaced.

    Raises
    ------
    UserError
        With the file that is there.
    """
    paths = (request.folder / file.format(name) for name in names for file in files.FILES)
    there = [path for path in paths if path.exists()]
    shared = request.folder / PLOTLY
    if len(names) > 1 and shared.exists() and not (shared.is_file() and is_plotly(shared)):
        there.append(shared)  # somebody else's
    if there and not request.force:
        raise UserError(
            f"{there[0]}: is there already; add --force to replace it, or name another folder with --output"
        )


def detect_all(paths: Sequence[Path], request: Request, config: Config) -> Generator[Outcome, None, None]:
    """Analyse recordings and write their files, in parallel; yield what became of each, in the given order.

    What is not finished lies in a hidden folder beside the results, which is deleted in the end, whatever ends it.

    Raises
    ------
    UserError
        When a file would be replaced that may not be, or the folder of the results cannot be written.
    """
    names = name_results(paths)
    check_free(names, request)
    is_new = not request.folder.exists()
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(dir=request.folder, prefix=".", ignore_cleanup_errors=True)
    except OSError as error:
        raise UserError(
            f"{request.folder}: results cannot be written there: {error.strerror}; name another folder with --output"
        ) from None
    with contextlib.ExitStack() as afterwards:
        if is_new:
            afterwards.callback(_remove_if_empty, request.folder)
        staging = afterwards.enter_context(made)
        calls = [
            (path, name, Path(staging) / str(number), request, len(paths) > 1)
            for number, (path, name) in enumerate(zip(paths, names, strict=True))
        ]
        yield from in_order(with_detector(_detect, calls, config), "analyses recordings")


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it holds results
        folder.rmdir()


def _detect(detector: TrainedDetector, path: Path, name: str, staging: Path, request: Request, shared: bool) -> Outcome:
    results, plotly = request.folder / name, "../" * name.count("/") + PLOTLY if shared else ""
    try:
        recording, judged = open_all_leads(path, request, detector.config)
        recording = dataclasses.replace(recording, name=results.name)
        staging.mkdir()
        analyse_to_store(staging / "analysed", detector, recording, judged, shapes=False)
        results.parent.mkdir(parents=True, exist_ok=True)
        if shared:
            share_plotly(request.folder, staging)
        return Outcome(path, write_results(results.parent, staging / "analysed", plotly))
    except UserError as error:
        return Outcome(path, error=str(error))
    except OSError as error:
        return Outcome(path, error=f"{error.filename or path}: {error.strerror or error}")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def open_leads(path: str | Path, request: Request, config: Config) -> RecordingFile:
    """Open a recording with the leads that are analysed: those asked for, or else chosen by how it starts.

    Raises
    ------
    UserError
        As `recording.open_recording`, and as `leads.choose_leads`.
    """
    recording, judged = open_all_leads(path, request, config)
    return recording.chosen([recording.leads[lead] for lead in judged])


def open_all_leads(path: str | Path, request: Request, config: Config) -> tuple[RecordingFile, list[int]]:
    """Open a recording with all its leads, but for a great many; give it, and where those stand that are analysed.

    The latter come in the order in which they are analysed. Errors as of `open_leads`.
    """
    whole = open_recording(path, request.sampling_rate_hz, request.gain, request.leads, with_others=True)
    looked_at = whole.chosen(whole.asked) if whole.asked else whole
    looks, start_s = look_at_start(looked_at.blocks(START_S), whole.sampling_rate_hz, config)
    chosen = choose_leads(looked_at.leads, config.records, whole.path, looks, whole.asked)
    names = [looked_at.leads[lead] for lead in chosen]
    notes = [*left_out(looked_at.leads, looks, chosen), *oddities(names, [looks[lead] for lead in chosen])]
    if start_s:
        notes.append(f"no beat is seen in the first {start_s / 60:g} min; leads are chosen by what comes then")
    if cost := cost_of_leads(config, len(names)):
        notes.append(cost)
    # As many as fit a screen, in the order of the file; those that are analysed are among them.
    others = [name for name in whole.leads if name not in names][: max(0, _MOST_SHOWN - len(names))]
    shown = whole.chosen([name for name in whole.leads if name in (*names, *others)])
    if hidden := len(whole.leads) - len(shown.leads):
        notes.append(f"shown: {len(shown.leads)} of its {len(whole.leads)} leads; not the last {hidden} of the others")
    shown = dataclasses.replace(shown, notes=(*whole.notes, *notes))
    return shown, [shown.leads.index(name) for name in names]


def write_results(folder: Path, analysed: Path, plotly: str = "") -> Summary:
    """Write the files of a recording beside what `store.StoreWriter` kept of it, then move them to their folder.

    ``plotly`` is as for `recording_page.render`.
    """
    stored = read_store(analysed)
    reviewed = review(stored)
    summary, events, rate_hz = reviewed.summary, reviewed.events, stored.sampling_rate_hz
    beats = reviewed.beats.drop(columns=["mark", "mark_effect"])  # nobody has marked any
    paths = [analysed / file.format(summary["recording"]) for file in files.FILES]
    beats_file, annotations, summary_file, page = paths
    files.write_beats_csv(beats_file, beats)
    files.write_annotations(annotations, files.anomaly_annotations(beats, events, rate_hz), rate_hz)
    write_json(summary_file, summary)
    page.write_text(render(reviewed, plotly), encoding="utf-8")
    for path in paths:
        path.replace(folder / path.name)
    return summary
