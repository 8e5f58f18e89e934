"""A rehearsal: what is loaded, compiled or imported at its first use is then there when a user comes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web import decisions, figures, pieces

if TYPE_CHECKING:
    from ecg_anomaly.web.workbench import Workbench

_MINUTES, _SEED = 1.0, 5


def rehearse(bench: Workbench) -> None:
    """Analyse a simulated recording and draw all that the page shows of one; nothing of it stays."""
    with contextlib.suppress(UserError):  # the server was ended meanwhile
        key = bench.library.new()
        try:
            folder = bench.library.folder(key)
            names = write_database(folder / "simdb", 1, _MINUTES, _SEED)
            bench.open(key, folder / "simdb" / f"{names[0]}.hea", "rehearsal")
            bench.jobs.wait(folder)
            _draw(bench, key)
        finally:
            bench.library.delete(key)


def _draw(bench: Workbench, key: str) -> None:
    if not bench.is_analysed(key):
        return  # the user will be told why when a recording of theirs fails, too
    stored, beats = bench.beats(key, float(bench.stored(key).threshold.threshold))
    figures.overview(stored, beats)
    figures.signal(stored, beats, 0.0, stored.duration_s)
    pieces.headline(decisions.tell(stored, beats))
    pieces.outcome(decisions.weigh(stored, beats), bench.evaluated, 0.0, {})
    if len(beats):
        figures.beat(stored, 0)
        figures.paper(stored, beats, 0)
