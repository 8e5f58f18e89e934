"""Opening a recording: which one, how far its analysis is, when there is something to show."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import fields as fields_of
from ecg_anomaly.web import ids, parts, uploads
from ecg_anomaly.web.jobs import DONE, RUNNING, WAITING
from ecg_anomaly.web.state import EXAMPLE, ServerState


def layout(state: ServerState) -> html.Section:
    """Lay the section out; the page's script puts the field for files into its place."""
    names = list(state.records())
    records = [
        html.Label("or a record that is on this machine", htmlFor=ids.RECORD),
        dcc.Dropdown(names, id=ids.RECORD, placeholder="database/record", disabled=not names),
        parts.buttons(
            parts.button("Open the record", ids.OPEN_RECORD, disabled=not names),
            parts.button("Open a simulated example", ids.OPEN_EXAMPLE),
        ),
    ]
    by_signal, by_file = "such as II, V1; else by the signal", "by the file"
    fields = [
        parts.field(fields_of.LEADS, dcc.Input(id=ids.LEADS, type="text", placeholder=by_signal), className="wide"),
        parts.field(fields_of.RATE, dcc.Input(id=ids.RATE, type="number", placeholder=by_file)),
        parts.field(fields_of.GAIN, dcc.Input(id=ids.GAIN, type="number", placeholder=by_file)),
    ]
    accepted: Any = {"data-accept": ",".join(uploads.ACCEPTED)}
    working = [
        html.Progress(id=ids.BAR, max="1", value="0", **parts.aria(label="Progress of the analysis")),
        parts.button("Cancel", ids.CANCEL),
    ]
    return parts.section(
        "open",
        "Open a recording",
        html.Div([html.Div(id=ids.DROP, className="drop", **accepted), html.Div(records)], className="two"),
        html.Details(
            [
                html.Summary("What the file does not say: leads, samples per second, units"),
                html.Div(fields, className="fields"),
                parts.button("Open it again with these", ids.AGAIN),
            ],
            id=ids.READING,
        ),
        html.Div(working, id=ids.WORKING, className="working", hidden=True),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.OPENED, "data", allow_duplicate=True),
        [Input(ids.OPEN_RECORD, "n_clicks"), Input(ids.OPEN_EXAMPLE, "n_clicks")],
        State(ids.RECORD, "value"),
        [State(ids.LEADS, "value"), State(ids.RATE, "value"), State(ids.GAIN, "value")],
    )
    def open_one(_record: int, _example: int, name: str | None, *entered: Any) -> str:
        if ctx.triggered_id == ids.OPEN_EXAMPLE:
            return state.open_record(EXAMPLE)
        return state.open_record(name, fields_of.read(*entered))

    @app.callback(
        Output(ids.READY, "data"),
        Output(ids.POLL, "disabled"),
        Output(ids.WORKING, "hidden"),
        Output(ids.BAR, "value"),
        Output(ids.MESSAGE, "children", allow_duplicate=True),
        [Input(ids.OPENED, "data"), Input(ids.POLL, "n_intervals")],
        State(ids.READY, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def follow(key: str | None, _ticks: int, shown: str | None) -> tuple[Any, ...]:
        nothing = no_update if shown is None else None  # what is said again would have the whole page drawn again
        if key is None:
            return nothing, True, True, "0", no_update
        try:
            progress = state.recordings.progress(key)
        except UserError as error:
            return nothing, True, True, "0", fields_of.by_label(str(error))
        goes_on = progress.state in (WAITING, RUNNING)
        ready = (no_update if shown == key else key) if progress.state == DONE else nothing
        return ready, not goes_on, not goes_on, f"{progress.share:.3f}", progress.words

    @app.callback(
        [Output(name, of, allow_duplicate=True) for name, of in ((ids.OPENED, "data"), (ids.MESSAGE, "children"))],
        [Input(ids.CANCEL, "n_clicks"), Input(ids.CLOSE, "n_clicks")],
        State(ids.OPENED, "data"),
    )
    def close(_cancel: int, _close: int, key: str | None) -> tuple[Any, str]:
        cancelled = ctx.triggered_id == ids.CANCEL
        if cancelled and state.recordings.progress(key).state == DONE:  # what is cancelled is not what is open
            return no_update, "There is no analysis to cancel."
        state.recordings.delete(key)
        return None, "Cancelled." if cancelled else "The recording was deleted from here."

    @app.callback(Output(ids.RECORDING_PARTS, "hidden"), Input(ids.READY, "data"))
    def show_sections(key: str | None) -> bool:
        return key is None
