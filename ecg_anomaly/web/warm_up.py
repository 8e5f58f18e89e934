"""A first analysis that nobody sees: what is loaded, compiled or imported at its first use is then there for users."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from concurrent import futures
from pathlib import Path

from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import read_store
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web import decisions, figures, signal_figure
from ecg_anomaly.web.jobs import ANALYSED, Job
from ecg_anomaly.web.player import StoredSignal
from ecg_anomaly.web.state import ServerState

_MINUTES, _SEED = 1.0, 5


def start_warm_up(state: ServerState) -> None:
    """Warm up in the background, so that the first recording waits for nothing."""
    if not state.problem:
        for work in (_load_for_players, warm_up):  # other processes analyse, so that both take time
            threading.Thread(target=work, args=(state,), daemon=True).start()


def _load_for_players(state: ServerState) -> None:
    with contextlib.suppress(UserError):  # who plays something learns why
        state.players.load()


def warm_up(state: ServerState) -> None:
    """Analyse a simulated recording and draw what the page shows of one; nothing of it stays."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        header = folder / "simdb" / f"{write_database(folder / 'simdb', 1, _MINUTES, _SEED)[0]}.hea"
        analysis = state.recordings.analyse_unlisted(Job(folder, header, "warm-up"))
        futures.wait([analysis])
        if analysis.cancelled() or analysis.exception():  # the user learns why when a recording of theirs fails
            return
        reviewed = review(read_store(folder / ANALYSED))
        stored, beats = reviewed.stored, reviewed.beats
        state.players.warm_up(StoredSignal(stored))
        figures.overview(reviewed)
        signal_figure.signal(reviewed, (0.0, stored.duration_s))
        decisions.outcome(reviewed)
        decisions.read_tested(state.config.paths.outputs)
        if len(beats):
            figures.beat(stored, 0)
            figures.paper(reviewed, 0.0, 0)
