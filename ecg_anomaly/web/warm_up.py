"""A first analysis that nobody sees: what is loaded, compiled or imported at its first use is then there for users."""

from __future__ import annotations

import contextlib
import threading
from concurrent import futures

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web import decisions, figures, signal_figure
from ecg_anomaly.web.jobs import DONE, Job
from ecg_anomaly.web.state import ServerState

_MINUTES, _SEED = 1.0, 5


def start_warm_up(state: ServerState) -> None:
    """Warm up in the background, so that the first recording waits for nothing."""
    if not state.problem:
        threading.Thread(target=warm_up, args=(state,), daemon=True).start()


def warm_up(state: ServerState) -> None:
    """Analyse a simulated recording and draw what the page shows of one; nothing of it stays."""
    recordings = state.recordings
    with contextlib.suppress(UserError), recordings.opening() as (key, folder):  # the server may be ended meanwhile
        names = write_database(folder / "simdb", 1, _MINUTES, _SEED)
        futures.wait([recordings.analyse(Job(folder, folder / "simdb" / f"{names[0]}.hea", "warm-up"))])
        if recordings.progress(key).state == DONE:  # if not, the user learns why when a recording of theirs fails
            reviewed = recordings.review(key)
            stored, beats = reviewed.stored, reviewed.beats
            figures.overview(reviewed)
            signal_figure.signal(reviewed, (0.0, stored.duration_s))
            decisions.outcome(stored, beats)
            decisions.read_tested(state.config.paths.outputs)
            if len(beats):
                figures.beat(stored, 0)
                figures.paper(reviewed, 0.0, 0)
        recordings.delete(key)
