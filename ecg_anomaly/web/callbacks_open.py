"""Opening a recording: which one, how far its analysis is, when there is something to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, ctx, html, no_update

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.web import ids
from ecg_anomaly.web.jobs import CANCELLED, DONE, FAILED, RUNNING, WAITING, Progress
from ecg_anomaly.web.workbench import Workbench

EXAMPLE = "simulated-example"
_EXAMPLE_MINUTES, _EXAMPLE_SEED = 10.0, 3


def register(app: Dash, bench: Workbench) -> None:
    """Connect the part of the page that opens recordings."""

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Input(ids.OPEN_RECORD, "n_clicks"),
        Input(ids.OPEN_EXAMPLE, "n_clicks"),
        State(ids.RECORD, "value"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def open_one(_record: int, _example: int, name: str | None, before: str | None) -> str:
        bench.library.delete(before)
        return open_example(bench) if ctx.triggered_id == ids.OPEN_EXAMPLE else open_record(bench, name)

    @app.callback(
        Output(ids.READY, "data"),
        Output(ids.POLL, "disabled"),
        Output(ids.WORKING, "hidden"),
        Output(ids.BAR, "value"),
        Output(ids.MESSAGE, "children", allow_duplicate=True),
        Input(ids.OPENED, "data"),
        Input(ids.POLL, "n_intervals"),
        State(ids.READY, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def follow(key: str | None, _ticks: int, shown: str | None) -> tuple[Any, ...]:
        nothing = no_update if shown is None else None  # what is told again would have the whole page drawn again
        if key is None:
            return nothing, True, True, "0", no_update
        try:
            progress = bench.progress(key)
        except UserError as error:
            return nothing, True, True, "0", str(error)
        goes_on = progress.state in (WAITING, RUNNING)
        ready = (no_update if shown == key else key) if progress.state == DONE else nothing
        return ready, not goes_on, not goes_on, f"{progress.share:.3f}", say(progress)

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        Output(ids.MESSAGE, "children", allow_duplicate=True),
        Input(ids.CANCEL, "n_clicks"),
        Input(ids.CLOSE, "n_clicks"),
        State(ids.OPENED, "data"),
        prevent_initial_call=True,
    )
    def close(_cancel: int, _close: int, key: str | None) -> tuple[None, str]:
        bench.library.delete(key)
        return None, "The recording was deleted from here." if ctx.triggered_id == ids.CLOSE else "Cancelled."

    @app.callback(Output(ids.RECORDING_PARTS, "hidden"), Input(ids.READY, "data"))
    def show(key: str | None) -> bool:
        return key is None

    @app.callback(
        Output(ids.MODEL, "children"),
        Output(ids.MODEL, "role"),
        Input(ids.TAKE_OFFERED, "n_clicks"),
        prevent_initial_call=True,
    )
    def take_offered(_clicks: int) -> tuple[Any, str]:
        bench.take_offered()
        return html.P("The demo's model is used. It knows simulated records alone."), "status"


def open_record(bench: Workbench, name: str | None) -> str:
    """Open a record that is on this machine, by its name; give its key.

    Raises
    ------
    UserError
        When there is no such record.
    """
    bench.check()
    path = find_record(bench, name)
    key = bench.library.new()
    bench.open(key, path, path.stem)
    return key


def open_example(bench: Workbench) -> str:
    """Simulate a recording and open it; give its key."""
    bench.check()
    key = bench.library.new()
    bench.open(key, example_record(bench), EXAMPLE)
    return key


def find_record(bench: Workbench, name: str | None) -> Path:
    """Find the header of a record that is on this machine, by its name.

    Raises
    ------
    UserError
        When there is no such record.
    """
    if not name:
        raise UserError("choose a record first")
    if name not in record_names(bench):  # what comes from a page is not taken for a path
        raise UserError("there is no such record on this machine; choose one of the list")
    return next(path for folder in bench.config.paths.record_folders if (path := folder / f"{name}.hea").is_file())


def example_record(bench: Workbench) -> Path:
    """Simulate a record, once; give its header."""
    names = write_database(bench.library.shared, 1, _EXAMPLE_MINUTES, _EXAMPLE_SEED)
    return bench.library.shared / f"{names[0]}.hea"


def record_names(bench: Workbench) -> list[str]:
    """List the records that are on this machine, ``database/name``."""
    headers = [header for folder in bench.config.paths.record_folders for header in folder.glob("*/*.hea")]
    return sorted({f"{header.parent.name}/{header.stem}" for header in headers})


def say(progress: Progress) -> str:
    """Say how far an analysis is."""
    words = {
        WAITING: "Waiting for the analysis to start.",
        RUNNING: f"Analysing: {progress.share:.0%} of the recording.",
        DONE: "Analysed.",
        FAILED: f"Not analysed: {progress.error}",
        CANCELLED: "Cancelled.",
    }
    return words[progress.state]
