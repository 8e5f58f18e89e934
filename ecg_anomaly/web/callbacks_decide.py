"""Decisions: the threshold and what it does, and the files to take along."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from ecg_anomaly.web import decisions, ids, pieces
from ecg_anomaly.web.workbench import Workbench


def register(app: Dash, bench: Workbench) -> None:
    """Connect the part of the page in which the user decides."""

    @app.callback(
        Output(ids.THRESHOLD, "min"),
        Output(ids.THRESHOLD, "max"),
        Output(ids.THRESHOLD, "step"),
        Output(ids.THRESHOLD, "value"),
        Input(ids.READY, "data"),
        Input(ids.RESET, "n_clicks"),
        prevent_initial_call=True,
    )
    def start(key: str | None, _reset: int) -> tuple[Any, ...]:
        if key is None:
            return (no_update,) * 4
        threshold = float(bench.stored(key).threshold.threshold)
        return *decisions.slider(threshold), threshold

    @app.callback(
        Output(ids.OUTCOME, "children"),
        Input(ids.READY, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.THRESHOLD, "drag_value"),
        Input(ids.MARKED, "data"),
        prevent_initial_call=True,
    )
    def weigh(key: str | None, value: float, dragged: float | None, _marked: int) -> Any:
        if key is None:
            return []
        by_drag = any(triggered["prop_id"].endswith("drag_value") for triggered in ctx.triggered)
        threshold = dragged if by_drag and dragged is not None else value
        stored, beats = bench.beats(key, threshold)
        marks = decisions.read_marks(bench.library.folder(key))
        shift = threshold - float(stored.threshold.threshold)
        return pieces.outcome(decisions.weigh(stored, beats), bench.evaluated, shift, marks)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("page", "downloadLinks"),
        *(Output(name, "href") for name in ids.DOWNLOADS.values()),
        Input(ids.READY, "data"),
        Input(ids.THRESHOLD, "value"),
        State(ids.DOWNLOADS["beats"], "id"),
    )
