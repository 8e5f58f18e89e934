"""Makes ready what is needed to follow sources that are open: names, sessions, recordings and views."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.results import files_of
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.following import Followed
from ecg_anomaly.live.recorder import open_recorder
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import LiveSignal, Replay
from ecg_anomaly.live.views import open_view
from ecg_anomaly.words import count_text

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector


def start_all(
    opened: Sequence[LiveSignal | UserError],
    options: argparse.Namespace,
    request: Request,
    read_detector: Callable[[], TrainedDetector],
    tell: Callable[[str], None],
) -> list[Followed]:
    """Make ready to follow each source that could be opened, with one detector; tell why others cannot be.

    Parameters
    ----------
    opened
        From `opening.open_sources`.
    options, request
        From the command line.
    read_detector
        Reads it, once all that is fast to check is right.
    tell
        Is told what the user should know.

    Raises
    ------
    UserError
        When names do not fit, files are there that may not be replaced, or no source can be followed.
    """
    names = _names(opened, options.name)
    several = len(opened) > 1
    views = [
        None if isinstance(source, UserError) else open_view(options.view, name, source, several)
        for source, name in zip(opened, names, strict=True)
    ]
    if options.output:
        _check_free(filter(None, names), request)
    errors = [source for source in opened if isinstance(source, UserError)]
    if len(errors) < len(opened):
        detector = read_detector()

    def start_each() -> Iterator[Followed]:
        for source, name, view in zip(opened, names, views, strict=True):
            if isinstance(source, UserError) or view is None:
                continue
            try:
                recorder = open_recorder(request, name, detector, source, tell) if options.output else None
            except UserError as error:
                errors.append(error)
                continue
            rate_hz, is_live = source.sampling_rate_hz, not isinstance(source, Replay)
            session = Session(detector, rate_hz, source.leads, look_at_start=is_live)
            yield Followed(name, source, session, recorder, view)

    started = list(start_each())
    if not started:
        raise errors[0]
    for error in errors:
        tell(str(error))
    return started


def _names(opened: Sequence[LiveSignal | UserError], named: Sequence[str]) -> list[str]:
    """Name the files of each source: as asked, or as the source."""
    if named and len(named) != len(opened):
        signals = count_text(len(opened), "signal")
        raise UserError(f"--name is there {len(named)} times, for {signals}; give it once for each, or never")
    names = list(named) or ["" if isinstance(source, UserError) else source.name for source in opened]
    seen: set[str] = set()
    for name in filter(None, names):
        if name.lower() in seen:  # some file systems take a and A for one
            raise UserError(f"two signals are called {name}; tell them apart by --name, once for each")
        seen.add(name.lower())
    return names


def _check_free(names: Iterable[str], request: Request) -> None:
    there = [path for name in names for file in files_of(name) if (path := request.folder / file).exists()]
    if there and not request.force:
        raise UserError(
            f"{there[0]}: is there already; add --force to replace it, or name others with --name or --output"
        )
