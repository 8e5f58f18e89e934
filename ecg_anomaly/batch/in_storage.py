"""Recordings or results in object storage: analysed in a folder of the worker, and uploaded from there."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_anomaly.batch.outcome import Outcome
from ecg_anomaly.batch.overview import OVERVIEW
from ecg_anomaly.batch.request import Named, Request
from ecg_anomaly.batch.results import OutputError, files_of
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.reports.pages import PLOTLY
from ecg_anomaly.storage import SCRATCH, Url, at_hand, exists, names_in, read_file, read_files, remove, upload

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector


@contextmanager
def shown_here(folder: Path) -> Iterator[Path]:
    """Give a folder of this machine that shows what results lie in object storage; a folder as it is.

    Files are empty there, but summaries and what is said of all recordings; the latter is uploaded in the end.

    Raises
    ------
    UserError
        When the storage cannot be reached.
    """
    if not isinstance(folder, Url):
        yield folder
        return
    with tempfile.TemporaryDirectory() as shown:
        names = names_in(folder)
        told = [name for name in names if name.endswith(files.SUMMARY.format("")) or name in (OVERVIEW, PLOTLY)]
        _show(Path(shown), dict.fromkeys(names, b"") | read_files(folder, told))
        try:
            yield Path(shown)
        except BaseException as error:
            if not isinstance(error, OutputError):
                _upload_shared(Path(shown), folder)  # of what is done
            if isinstance(error, UserError):
                raise type(error)(str(error).replace(shown, str(folder))) from None
            raise
        _upload_shared(Path(shown), folder)


@dataclass(frozen=True)
class InStorage:
    """Analyses a recording where it, or the folder of the results, may lie in object storage."""

    detect: Callable[..., Outcome]  # for those that lie on a disk; its second argument is the recording
    folder: Path  # of the results

    def __call__(
        self, detector: TrainedDetector, recording: Named, staging: Path, request: Request, *others: Any
    ) -> Outcome:
        """Analyse a recording; what became of it is told of the place where it lies."""
        try:
            with at_hand(recording.path) as path:
                copy = dataclasses.replace(recording, path=path)
                if isinstance(self.folder, Url):
                    outcome = self._detect_and_upload(self.folder, detector, copy, request, *others)
                else:
                    outcome = self.detect(detector, copy, staging, request, *others)
        except OutputError:
            raise
        except UserError as error:
            return Outcome(recording, error=str(error))
        told = outcome.error.replace(str(path.parent), str(recording.path.parent))
        return dataclasses.replace(outcome, recording=recording, error=told)

    def _detect_and_upload(
        self, folder: Url, detector: TrainedDetector, recording: Named, request: Request, *others: Any
    ) -> Outcome:
        summary = files.SUMMARY.format(recording.name)
        with tempfile.TemporaryDirectory(dir=SCRATCH.get(), ignore_cleanup_errors=True) as own:
            made, staging = Path(own, "results"), Path(own, "staging")
            made.mkdir()
            staging.mkdir()
            before = read_file(folder / summary)
            if before is not None and request.resume:
                there = [name for name in files_of(recording.name) if exists(folder / name)]
                _show(made, {**dict.fromkeys(there, b""), summary: before})
            outcome = self.detect(detector, recording, staging, dataclasses.replace(request, folder=made), *others)
            if outcome.summary is not None and not outcome.kept:
                _upload(made, recording.name, folder, before)
        return outcome


def _upload_shared(shown: Path, folder: Url) -> None:
    upload(shown, [name for name in (PLOTLY, OVERVIEW) if (shown / name).exists()], folder)


def _show(folder: Path, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _upload(made: Path, recording: str, folder: Url, before: bytes | None) -> None:
    """Upload the files of a recording, its summary last.

    What is there of another analysis goes first; of a twin of this one, by a worker that was given up, it is replaced.
    """
    names = [path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file() and path.name != PLOTLY]
    summary = files.SUMMARY.format(recording)
    names.sort(key=lambda name: name == summary)
    try:
        if before not in (None, (made / summary).read_bytes()):
            remove([summary, *(name for name in files_of(recording) if name not in names)], folder)
        upload(made, names, folder)
    except UserError as error:
        raise OutputError(f"{error}; then run again with --resume") from None
