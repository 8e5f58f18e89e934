"""Analyses many recordings in processes, and keeps what is done whatever happens."""

from __future__ import annotations

import dataclasses
import errno
import functools
import shutil
import tempfile
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ecg_anomaly.batch import parquet
from ecg_anomaly.batch.in_storage import InStorage, shown_here
from ecg_anomaly.batch.made_from import Inputs, MadeFrom, made_with
from ecg_anomaly.batch.opening import open_all_leads
from ecg_anomaly.batch.outcome import Outcome
from ecg_anomaly.batch.overview import OVERVIEW, Figures, write_overview
from ecg_anomaly.batch.request import CSV, NO_PAGES, Named, Request
from ecg_anomaly.batch.results import (
    OutputError,
    check_free,
    gets_page,
    is_complete,
    make_files,
    publish,
    read_made,
    why_again,
)
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import analyse_to_store, read_store
from ecg_anomaly.processes import WorkerDied, cores
from ecg_anomaly.reports.pages import PLOTLY, share_plotly
from ecg_anomaly.storage import Url
from ecg_anomaly.workers import Calls, with_detector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector


_LOCK, _STAGING = ".lock", ".incomplete"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# What recordings need on the disk at least, in bytes per byte of theirs: while one is analysed, and for its results.
_WHILE, _RESULTS = 0.5, 0.02
_LEAST = 16_000_000


def detect_all(
    recordings: Sequence[Named],
    request: Request,
    config: Config,
    *,
    workers: int | None = None,
    calls: Calls | None = None,
) -> Generator[Outcome, None, None]:
    """Analyse recordings and write their files, in parallel; yield what became of each as it is done.

    What is not finished lies in a hidden folder beside the results, which is deleted in the end, whatever ends it. A
    run that was killed leaves it; the next one finishes what was complete, and deletes the rest.

    Parameters
    ----------
    recordings, request, config
        What to analyse, how, and the settings from `handover.model.check_detector`.
    workers
        As for `workers.with_detector`.
    calls
        Has recordings analysed elsewhere, as `workers.with_detector`, which is taken without it, does here.

    Raises
    ------
    UserError
        When a file would be replaced that may not be, another run is writing to the folder of the results, or it cannot
        be written (any more).
    """
    if request.table != CSV:
        parquet.library()
        parquet.check_names([recording.name for recording in recordings])
    if calls is not None:  # where another folder may be the current one
        recordings = [dataclasses.replace(recording, path=recording.path.absolute()) for recording in recordings]
        request = dataclasses.replace(request, folder=request.folder.absolute())
    figures: dict[str, Figures] = {}
    several, work = len(recordings) > 1, InStorage(_detect, request.folder)
    elsewhere = isinstance(request.folder, Url)
    with shown_here(request.folder) as folder, _output(folder) as staging:
        request = dataclasses.replace(request, folder=folder)
        check_free([recording.name for recording in recordings], request)
        _check_room(recordings, folder, workers or cores())
        made = made_with(request, config)
        asked = ((recording, staging, request, made, several) for recording in recordings)
        try:
            with closing((calls or functools.partial(with_detector, workers=workers))(work, asked, config)) as done:
                for number, result in done:
                    outcome = _died(recordings[number], result) if isinstance(result, WorkerDied) else result
                    figures[outcome.recording.name] = outcome.figures
                    if elsewhere and several and outcome.page and request.pages != NO_PAGES:
                        share_plotly(folder, staging)
                    yield outcome
        finally:
            if several and figures:
                _write_overview(folder, figures)


@contextmanager
def _output(folder: Path) -> Iterator[Path]:
    """Have a folder for results, and one in it for what is not finished; nobody else may write there meanwhile."""
    is_new = not folder.exists()
    staging = folder / _STAGING
    with ExitStack() as afterwards:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / _LOCK, timeout=0)
            if is_new:
                afterwards.callback(_remove_if_empty, folder)
            afterwards.enter_context(lock)
            _finish(staging)
            staging.mkdir()
            afterwards.callback(_finish, staging)
        except Timeout:
            raise UserError(
                f"{folder}: another run is writing here; wait until it ends, or name another folder with --output"
            ) from None
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"{folder}: results cannot be written there: {reason}; name another folder with --output"
            ) from None
        yield staging


def _finish(staging: Path) -> None:
    """Bring what is complete to its place, and delete the rest."""
    for own in staging.glob("*"):
        publish(own, staging.parent)
    shutil.rmtree(staging, ignore_errors=True)


def _write_overview(folder: Path, figures: Mapping[str, Figures]) -> None:
    try:
        write_overview(folder, figures)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder / OVERVIEW}: cannot be written: {reason}; free some space") from None


def _remove_if_empty(folder: Path) -> None:
    if [path.name for path in folder.iterdir()] == [_LOCK]:
        (folder / _LOCK).unlink()
    with suppress(OSError):  # it holds results
        folder.rmdir()


def _check_room(recordings: Sequence[Named], folder: Path, at_a_time: int) -> None:
    """Check that the disk has room for what results need at least; what they need in fact shows when they come."""
    to_do = [recording for recording in recordings if not (folder / files.SUMMARY.format(recording.name)).exists()]
    sizes = sorted(_size(recording.path) for recording in to_do)
    needed = _LEAST + _RESULTS * sum(sizes) + _WHILE * sum(sizes[-at_a_time:])
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: the disk is full: {free / 1e9:,.2f} GB are free, and the results need at least "
            f"{needed / 1e9:,.2f} GB; free some space, or name another folder with --output"
        )


def _size(path: Path) -> int:
    if isinstance(path, Url):
        return 0
    try:
        return path.with_suffix(".dat" if path.suffix in ("", ".hea") else path.suffix).stat().st_size
    except OSError:
        return 0


def _died(recording: Named, died: WorkerDied) -> Outcome:
    return Outcome(
        recording,
        error=f"{recording.path}: the process that analysed it was ended from outside {died.times} times, perhaps for "
        "want of memory; close other programs, or analyse it with fewer --workers",
    )


def _detect(
    detector: TrainedDetector, recording: Named, staging: Path, request: Request, made: MadeFrom, shared: bool
) -> Outcome:
    own: Path | None = None
    try:
        inputs = Inputs.of(recording.path)
        made = {**made, "input": inputs.files}
        earlier = read_made(request.folder, recording.name) if request.resume else None
        again = why_again(request.folder, recording.name, earlier[1], made, request.table) if earlier else ""
        if earlier and not again:
            page = request.pages == NO_PAGES or (request.folder / files.PAGE.format(recording.name)).exists()
            return Outcome(recording, earlier[0], kept=True, page=page)
        own = Path(tempfile.mkdtemp(dir=staging))
        outcome = _analyse(detector, recording, own, request, made, shared, inputs)
        return dataclasses.replace(outcome, again=again)
    except UserError as error:
        return Outcome(recording, error=str(error))
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise OutputError(
                f"{request.folder}: results can no longer be written: {error.strerror}; mend that and run again with "
                "--resume"
            ) from None
        return Outcome(recording, error=f"{error.filename or recording.path}: {error.strerror or error}")
    except MemoryError:
        return Outcome(recording, error=f"{recording.path}: there is too little memory for it; use fewer --workers")
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        words = f"{type(error).__name__}: {error} ({where})"
        return Outcome(recording, error=f"{recording.path}: cannot be analysed, please report it: {words}")
    finally:
        if own is not None and not is_complete(own):  # else it is brought to its place in the end
            shutil.rmtree(own, ignore_errors=True)


def _analyse(
    detector: TrainedDetector,
    recording: Named,
    staging: Path,
    request: Request,
    made: MadeFrom,
    shared: bool,
    inputs: Inputs,
) -> Outcome:
    """Analyse a recording that stays as it is, and write its files."""
    try:
        opened, judged = open_all_leads(recording.path, request, detector.config)
        opened = dataclasses.replace(opened, name=recording.name.rpartition("/")[2])
        analyse_to_store(staging / "analysed", detector, opened, judged, shapes=False)
    except Exception:  # what was changed may seem damaged
        inputs.check_unchanged()
        raise
    inputs.check_unchanged()
    reviewed = review(read_store(staging / "analysed"))
    page = gets_page(reviewed, request.pages)
    if page and shared:
        share_plotly(request.folder, staging)
    plotly = "../" * recording.name.count("/") + PLOTLY if shared else ""
    make_files(staging, reviewed, request, recording.name, plotly, made)
    publish(staging, request.folder)
    return Outcome(recording, reviewed.summary, page=page or request.pages == NO_PAGES)
