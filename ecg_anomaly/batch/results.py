"""The files of analysed recordings: which there are, how they are made, and how they come to their place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ecg_anomaly.batch import parquet
from ecg_anomaly.batch.made_from import MadeFrom, difference
from ecg_anomaly.batch.overview import OVERVIEW, is_overview
from ecg_anomaly.batch.request import ALL_PAGES, CSV, FLAGGED_PAGES, NO_PAGES, PARQUET, Request
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.review import Review, review
from ecg_anomaly.findings.store import read_store
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.manifest import write_json
from ecg_anomaly.reports.pages import PLOTLY, is_plotly
from ecg_anomaly.reports.recording_page import render

RESULTS = (*(file.format("") for file in files.FILES), OVERVIEW, PLOTLY)  # how names of results end
_MADE_FROM = "made_from"
_MADE, _GROWING, _BEGUN = "results", "incomplete", "begun"


class OutputError(UserError):
    """Results can no longer be written, of whichever recording."""


def files_of(name: str) -> list[str]:
    """List the files that a recording of this name may have, from the folder of all results."""
    return [*(file.format(name) for file in files.FILES), *parquet.files_of(name)]


def check_free(names: Sequence[str], request: Request) -> None:
    """Check that no file of recordings with these names is there, or that it may be replaced.

    Raises
    ------
    UserError
        With the file that is there.
    """
    if request.force:
        return
    advice = "--force to replace it, or name another folder with --output"
    for name in names:
        there = [path for file in files_of(name) if (path := request.folder / file).exists()]
        if there and read_made(request.folder, name) is None:
            raise UserError(f"{there[0]}: is there already; add {advice}")
        if there and not request.resume:
            raise UserError(f"{there[0]}: is there already; add --resume to do the rest, {advice}")
    for shared, is_ours in ((PLOTLY, is_plotly), (OVERVIEW, is_overview)):
        path = request.folder / shared
        if len(names) > 1 and path.exists() and not (path.is_file() and is_ours(path)):
            raise UserError(f"{path}: is there already; add {advice}")


def read_made(folder: Path, name: str) -> tuple[Summary, MadeFrom] | None:
    """Read the summary of a recording, and what it was made from; ``None`` where no analysis of a batch left one."""
    try:
        text = (folder / files.SUMMARY.format(name)).read_text(encoding="utf-8")
        summary: dict[str, Any] = json.loads(text)
        return cast(Summary, summary), cast(MadeFrom, dict(summary[_MADE_FROM]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def why_again(folder: Path, name: str, made: MadeFrom, now: MadeFrom, table: str) -> str:
    """Tell why a result does not do: the key of `made_from.WORDS`; empty if it does."""
    if key := difference(made, now):
        return key
    page = files.PAGE.format(name)
    needed = [files.ANNOTATIONS.format(name), *made["files"]]
    needed += parquet.files_of(name) if table == PARQUET else [files.BEATS.format(name)]
    decided = now["pages"] == FLAGGED_PAGES and made["pages"] != NO_PAGES  # whether it needs one
    needed += [] if now["pages"] == NO_PAGES or decided else [page]
    return "" if all((folder / file).is_file() for file in needed) else "files"


def write_results(folder: Path, analysed: Path, plotly: str = "") -> Summary:
    """Write the files of a recording beside what `store.StoreWriter` kept of it, then move them to their folder.

    ``plotly`` is as for `recording_page.render`.
    """
    reviewed = review(read_store(analysed))
    make_files(analysed, reviewed, Request(folder), reviewed.summary["recording"], plotly)
    publish(analysed, folder)
    return reviewed.summary


def make_files(
    staging: Path, reviewed: Review, request: Request, name: str, plotly: str = "", made: MadeFrom | None = None
) -> None:
    """Write the files of a recording of this name to a folder, ready for `publish`.

    ``made`` is what they are made from; their names are added.
    """
    growing, complete = staging / _GROWING, staging / _MADE
    for left in (growing, complete):  # by a live session that was cut off here
        shutil.rmtree(left, ignore_errors=True)
    (staging / _BEGUN).unlink(missing_ok=True)
    (growing / name).parent.mkdir(parents=True)
    beats, events, rate_hz = reviewed.beats, reviewed.events, reviewed.stored.sampling_rate_hz
    beats = beats.drop(columns=["mark", "mark_effect"])  # nobody has marked any
    annotations = files.anomaly_annotations(beats, events, rate_hz)
    files.write_annotations(growing / files.ANNOTATIONS.format(name), annotations, rate_hz)
    if request.table == CSV:
        files.write_beats_csv(growing / files.BEATS.format(name), beats)
    else:
        parquet.write(growing, name, beats, events, reviewed.summary)
    if gets_page(reviewed, request.pages):
        (growing / files.PAGE.format(name)).write_text(render(reviewed, plotly), encoding="utf-8")
    summary: dict[str, Any] = {**reviewed.summary}
    if made is not None:
        written = sorted(path.relative_to(growing).as_posix() for path in growing.rglob("*") if path.is_file())
        summary[_MADE_FROM] = {**made, "files": written}
    write_json(growing / files.SUMMARY.format(name), summary)
    growing.rename(complete)


def gets_page(reviewed: Review, pages: str) -> bool:
    """Tell whether a recording gets a page."""
    return pages == ALL_PAGES or (pages == FLAGGED_PAGES and bool(reviewed.summary["flagged"] or reviewed.events))


def is_complete(staging: Path) -> bool:
    """Tell whether `make_files` made all files, which `publish` has not brought to their place yet."""
    return (staging / _MADE).exists()


def publish(staging: Path, folder: Path) -> None:
    """Move what `make_files` made to the folder of all results; after a run that was cut off meanwhile, too.

    The summary comes last, and the old one goes first, so that a mix of files is never taken for a result.
    """
    made = staging / _MADE
    for summary in made.rglob(files.SUMMARY.format("*")):
        if not (staging / _BEGUN).exists():
            for old in files_of(summary.relative_to(made).as_posix().removesuffix(files.SUMMARY.format(""))):
                (folder / old).unlink(missing_ok=True)
            (staging / _BEGUN).touch()
        others = [path for path in made.rglob("*") if path.is_file() and path != summary]
        for path in [*others, summary]:
            target = folder / path.relative_to(made)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    shutil.rmtree(made, ignore_errors=True)
