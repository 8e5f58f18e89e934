"""Many recordings at once, as ``detect_anomalies.py`` analyses them."""

from __future__ import annotations

import dataclasses
import functools
import sys
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import pandas as pd

from ecg_anomaly.api.signals import Reading
from ecg_anomaly.api.wording import in_python, told_in_python
from ecg_anomaly.batch.naming import find
from ecg_anomaly.batch.options import usual_pages
from ecg_anomaly.batch.overview import Figures
from ecg_anomaly.batch.request import PAGES, TABLES, Request
from ecg_anomaly.batch.running import detect_all
from ecg_anomaly.cluster import shared_out
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.storage import local_name, place
from ecg_anomaly.words import count_text
from ecg_anomaly.workers import with_detector

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]

_COLUMNS = [field.name for field in dataclasses.fields(Figures)]


def analyse_files(
    config: Config,
    recordings: Paths,
    output: str | PathLike[str],
    reading: Reading,
    *,
    workers: int,
    cluster: Any,
    pages: str | None,
    table: str,
    resume: bool,
    force: bool,
    report: Callable[[str], object] | None,
) -> pd.DataFrame:
    """Analyse recordings with the detector of a config; arguments and result as of `Detector.analyse_files`."""

    def tell(line: str) -> None:
        if report:
            report(in_python(line))

    for argument, value, known in (("pages", pages, PAGES), ("table", table, TABLES)):
        if value is not None and value not in known:
            raise UserError(f"{argument} is {value!r}; give one of {', '.join(known)}")
    if not isinstance(workers, int) or workers < 1:
        raise UserError(f"workers is {workers!r}; give a whole number above 0")
    if workers > 1:
        _check_main_program()
    with told_in_python():
        given = [recordings] if isinstance(recordings, str | PathLike) else list(recordings)
        named = find([fspath(path) for path in given], None, tell)
        read = reading.leads, reading.sampling_rate_hz, reading.gain
        request = Request(
            place(local_name(fspath(output))), *read, force, resume, pages or usual_pages(len(named)), table
        )
        # One at a time needs no other process, which would read the main program, too.
        one = functools.partial(with_detector, executors=functools.partial(ThreadPoolExecutor, 1), workers=1)
        rows = dict.fromkeys((recording.name for recording in named), Figures())
        with shared_out(cluster, config, tell) as sharing:
            calls = sharing.detecting or (one if workers == 1 else None)
            with closing(detect_all(named, request, config, workers=workers, calls=calls)) as outcomes:
                for outcome in outcomes:
                    rows[outcome.recording.name] = outcome.figures
                    for line in outcome.messages:
                        tell(line)
    if failed := sum(bool(row.error) for row in rows.values()):
        told = f"{failed} of {count_text(len(rows), 'recording')} could not be analysed; the column error says why"
        warnings.warn(told, stacklevel=3)
    return pd.DataFrame([dataclasses.asdict(row) for row in rows.values()], index=list(rows), columns=_COLUMNS)


def _check_main_program() -> None:
    """Check that other processes may read the main program, as they do at their start, without running it again."""
    path = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    if path.is_file() and "__name__" not in path.read_text(encoding="utf-8", errors="replace"):
        raise UserError(
            f"{path}: workers are processes that read it again when they start; put the call under if __name__ == "
            '"__main__":, or leave workers out'
        )
