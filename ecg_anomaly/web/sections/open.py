"""Opening recordings: files that are dropped, records of this machine, or the example."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, html

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import fields as fields_of
from ecg_anomaly.web import ids, parts, uploads
from ecg_anomaly.web.state import EXAMPLE, ServerState


def layout(state: ServerState) -> html.Section:
    """Lay the section out; the page's script puts the field for files into its place."""
    names = list(state.records())
    choice = parts.choices(
        ids.RECORDS,
        "or records that are on this machine",
        names,
        "Choose no record",
        placeholder="database/record",
        disabled=not names,
        searchable=True,
        limit=200,
    )
    records = [
        choice,
        parts.buttons(
            parts.button("Open the records", ids.OPEN_RECORDS, disabled=not names),
            parts.button("Open a simulated example", ids.OPEN_EXAMPLE),
        ),
    ]
    fields = [
        dmc.TextInput(id=ids.LEADS, label=fields_of.LEADS, placeholder="such as II, V1; else by the signal"),
        dmc.TextInput(
            id=ids.RATE, label=fields_of.RATE, placeholder="by the file", inputProps={"inputMode": "decimal"}
        ),
        dmc.TextInput(
            id=ids.GAIN, label=fields_of.GAIN, placeholder="by the file", inputProps={"inputMode": "decimal"}
        ),
    ]
    accepted: Any = {"data-accept": ",".join(uploads.ACCEPTED)}
    working = [
        html.Progress(id=ids.BAR, max="1", value="0", **parts.aria(label="Progress of the upload")),
        parts.button("Stop the upload", ids.CANCEL),
    ]
    reading = [
        html.Summary("What the file does not say: leads, samples per second, units"),
        html.Div(fields, className="fields"),
        parts.button("Open the last files again with these", ids.AGAIN),
    ]
    # The page's script folds it where a recording is shown.
    folding = [
        html.Summary(html.H2("Open recordings", id="open-title")),
        html.Div([html.Div(id=ids.DROP, className="drop", **accepted), html.Div(records)], className="two"),
        html.Details(reading, id=ids.READING),
    ]
    return html.Section(
        [
            html.Details(folding, id=ids.OPEN_PARTS, open=True),
            html.Div(working, id=ids.WORKING, className="working", hidden=True),
        ],
        id="open",
        tabIndex=-1,
        **parts.aria(labelledby="open-title"),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.OPENED, "data", allow_duplicate=True), Output(ids.RECORDS, "value")],
        [Input(ids.OPEN_RECORDS, "n_clicks"), Input(ids.OPEN_EXAMPLE, "n_clicks")],
        State(ids.RECORDS, "value"),
        [State(ids.LEADS, "value"), State(ids.RATE, "value"), State(ids.GAIN, "value")],
    )
    def open_some(_records: int, _example: int, names: list[str] | None, *entered: Any) -> tuple[str, list[str]]:
        if ctx.triggered_id == ids.OPEN_EXAMPLE:
            return state.open_record(EXAMPLE), names or []
        if not names:
            raise UserError("choose a record first")
        asked = fields_of.read(*entered)
        first, *_others = [state.open_record(name, asked) for name in names]
        return first, []
