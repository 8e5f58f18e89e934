"""The worklist: all recordings of the server, how far each is, and which one is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.fields import by_label
from ecg_anomaly.web.jobs import DONE, FAILED, RUNNING, WAITING
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.workspace import Entry

_GOES_ON = (WAITING, RUNNING)
_STATE_WORDS = {WAITING: "waiting", DONE: "analysed", FAILED: "failed"}


def layout(state: ServerState) -> html.Section:
    """Lay the section out."""
    columns = [
        parts.column("name", "recording", flex=2, minWidth=140, cellClass="name"),
        parts.column("state", "state", flex=1, minWidth=190, cellRenderer="State"),
        parts.column("duration_s", "duration", 100, "clock(params.value)"),
        parts.column("beats", "beats", 95, "count(params.value)"),
        parts.column("flagged", "flagged", 100, "count(params.value)"),
        parts.column("events", "events", 95, "count(params.value)"),
        parts.column("marked", "reviewed", 150, "reviewed(params.data)"),
        parts.column("added", "added", 150, "moment(params.value)"),
        parts.column("key", "", 130, cellRenderer="Actions", sortable=False, headerName="actions"),
    ]
    shown = {"mode": "singleRow", "enableClickSelection": False, "checkboxes": False}
    options: dict[str, Any] = {"look": "worklist", "rowSelection": shown, "noRows": "No recording yet."}
    rows = _rows(state)  # so that what failed before the page was loaded is no news
    dialog = html.Dialog(
        [
            html.P(id=ids.DELETE_WORDS),
            parts.buttons(parts.button("Keep it", ids.DELETE_NO), parts.button("Delete it", ids.DELETE_YES)),
        ],
        id=ids.DELETE_DIALOG,
        **parts.aria(labelledby=ids.DELETE_WORDS),
    )
    return parts.section(
        "worklist",
        "Worklist",
        parts.soft(state.recordings.words),
        parts.grid(ids.WORKLIST, "Recordings", columns, "params.data.key", rows=rows, **options),
        dialog,
        dcc.Store(id=ids.DELETING),  # key of the recording that the dialog asks about
        dcc.Store(id=ids.DELETED),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.WORKLIST, "rowData"),
        Output(ids.POLL, "disabled"),
        Output(ids.READY, "data"),
        Output(ids.BEAT, "data", allow_duplicate=True),
        Output(ids.MESSAGE, "children", allow_duplicate=True),
        [Input(name, "data") for name in (ids.OPENED, ids.DELETED)],
        Input(ids.POLL, "n_intervals"),
        [State(ids.READY, "data"), State(ids.WORKLIST, "rowData")],
        prevent_initial_call="initial_duplicate",
    )
    def follow(opened: str | None, _deleted: Any, _ticks: int, shown: str | None, rows_before: Any) -> tuple[Any, ...]:
        rows = _rows(state)
        states = {row["key"]: row["progress"] for row in rows}
        goes_on = any(row["progress"] in _GOES_ON or (row["progress"] == DONE and row["beats"] is None) for row in rows)
        ready = opened if states.get(opened) == DONE else shown if shown in states and opened in states else None
        return (
            no_update if rows == rows_before and ctx.triggered_id else rows,  # at first the page chooses one of them
            not goes_on,
            no_update if ready == shown else ready,  # what is said again would have the whole page drawn again
            no_update if ready == shown else None,  # rows of beats are those of one recording
            _news(rows, rows_before) or no_update,
        )

    # Not above: what is shown would then depend on itself, and such requests of a page may be lost on their way.
    @app.callback(
        Output(ids.WORKLIST, "rowData", allow_duplicate=True),
        Output(ids.MESSAGE, "children", allow_duplicate=True),
        Input(ids.OUTCOME, "children"),  # which is there once all is counted
        State(ids.WORKLIST, "rowData"),
    )
    def count(_outcome: Any, rows_before: Any) -> tuple[Any, Any]:
        rows = _rows(state)
        return no_update if rows == rows_before else rows, _news(rows, rows_before) or no_update

    @app.callback(
        [Output(ids.DELETED, "data"), Output(ids.OPENED, "data", allow_duplicate=True)],
        Input(ids.DELETE_YES, "n_clicks"),
        [State(name, "data") for name in (ids.DELETING, ids.OPENED, ids.READY)],
    )
    def delete(_clicks: int, key: str | None, opened: str | None, shown: str | None) -> tuple[Any, Any]:
        state.recordings.delete(key)
        return key, no_update if key != opened else None if key == shown else shown

    @app.callback(Output(ids.RECORDING_PARTS, "hidden"), Input(ids.READY, "data"))
    def show_sections(key: str | None) -> bool:
        return key is None

    parts.answer_in_browser(app, "showOpened", Input(ids.READY, "data"), Input(ids.WORKLIST, "rowData"))


def _rows(state: ServerState) -> list[dict[str, Any]]:
    return [_row(entry) for entry in state.recordings.entries()]


def _row(entry: Entry) -> dict[str, Any]:
    progress = entry.progress
    running = f"{progress.share:.0%} analysed"
    return {
        "key": entry.key,
        "name": entry.name,
        "progress": progress.state,
        "state": running if progress.state == RUNNING else _STATE_WORDS[progress.state],
        "reason": by_label(progress.words) if progress.state == FAILED else "",
        "duration_s": entry.duration_s,
        "beats": entry.beats,
        "flagged": entry.flagged,
        "events": entry.events,
        "marked": entry.marked,
        "added": entry.added.isoformat(),
    }


def _news(rows: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]] | None) -> str:
    """Say which analyses have failed since the last look."""
    known = {row["key"] for row in before or () if row["reason"]}
    return " ".join(f"{row['name']}: {row['reason']}" for row in rows if row["reason"] and row["key"] not in known)
