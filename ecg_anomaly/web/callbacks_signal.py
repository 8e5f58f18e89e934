"""The whole signal: zooming and moving, with as much as the screen can show."""

from __future__ import annotations

import re
import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, Patch, State, ctx, no_update

from ecg_anomaly.web import figures, ids
from ecg_anomaly.web.workbench import Workbench

_RANGE = re.compile(r"xaxis\d*\.range\[([01])\]")


def register(app: Dash, bench: Workbench) -> None:
    """Connect the part of the page that shows the signal."""

    @app.callback(
        Output(ids.SIGNAL, "figure"),
        Output(ids.VIEW, "data"),
        Output(ids.SHADES, "data"),
        Input(ids.READY, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.BEAT, "data"),
        Input(ids.SIGNAL, "relayoutData"),
        *(Input(button, "n_clicks") for button in ids.MOVES.values()),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    def show_signal(
        key: str | None, threshold: float, row: int | None, relayout: dict[str, Any] | None, *arguments: Any
    ) -> tuple[Any, ...]:
        if key is None:
            return figures.nothing(), None, []
        stored, beats = bench.beats(key, threshold)
        view_of, seen = arguments[-1] or (None, None)
        if view_of != key:
            seen = None  # of another recording
        elif ctx.triggered_id == ids.SIGNAL:
            asked = asked_range(relayout or {}, stored.duration_s)
            if asked is None:
                return no_update, no_update, no_update
            return _redrawn(figures.view(stored, beats, *asked)), (key, asked), no_update
        beat_s = None if row is None else float(beats["time_s"].iloc[row])
        start_s, end_s = next_view(seen, beat_s, str(ctx.triggered_id), stored.duration_s)
        chosen = figures.chosen(beat_s, stored.window_s)
        if seen is None:
            figure = figures.signal(stored, beats, start_s, end_s).update_layout(shapes=chosen)
            return figure.update_layout(uirevision=str(time.monotonic())), (key, (start_s, end_s)), chosen
        moved = seen != [start_s, end_s]
        if not moved and _triggers() == {ids.BEAT}:
            return no_update, no_update, chosen
        patch = _redrawn(figures.view(stored, beats, start_s, end_s))
        patch["layout"]["shapes"] = chosen
        if moved:
            _move(patch, len(stored.summary["leads"]) + 1, start_s, end_s)
        return patch, (key, (start_s, end_s)), chosen

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("page", "shade"), Output(ids.SIGNAL, "className"), Input(ids.SHADES, "data")
    )


def asked_range(relayout: dict[str, Any], duration_s: float) -> tuple[float, float] | None:
    """Read from Plotly's news which stretch is seen now; ``None`` when that has not changed."""
    ends = {match.group(1): value for name, value in relayout.items() if (match := _RANGE.fullmatch(name))}
    if len(ends) == 2:
        return float(ends["0"]), float(ends["1"])
    if any(name.endswith(".autorange") for name in relayout):
        return 0.0, duration_s
    return None


def next_view(
    seen: tuple[float, float] | None, beat_s: float | None, trigger: str, duration_s: float
) -> tuple[float, float]:
    """Choose the stretch to show next.

    Parameters
    ----------
    seen
        What is seen; ``None`` at first.
    beat_s
        When the chosen beat is, if there is one.
    trigger
        The part of the page that asks.
    duration_s
        Of the recording.
    """
    if seen is None:
        return figures.within(beat_s or 0.0, figures.FIRST_VIEW_S, duration_s)
    start_s, end_s = seen
    moves = {button: by for by, button in ids.MOVES.items()}
    if trigger == ids.MOVES["beat"] and beat_s is not None:
        return figures.within(beat_s, figures.FIRST_VIEW_S / 6, duration_s)
    if trigger in moves:
        return figures.moved(start_s, end_s, moves[trigger], duration_s)
    if trigger == ids.BEAT and beat_s is not None and not start_s <= beat_s <= end_s:
        return figures.within(beat_s, end_s - start_s, duration_s)
    return start_s, end_s


def _triggers() -> set[str]:
    return {triggered["prop_id"].partition(".")[0] for triggered in ctx.triggered}


def _redrawn(seen: figures.View) -> Patch:
    """Replace what is drawn, and leave the view as the user made it."""
    patch, leads = Patch(), len(seen.signals_mv)
    for number in range(leads):
        patch["data"][number + 1]["x"] = seen.times_s[number]
        patch["data"][number + 1]["y"] = seen.signals_mv[number]
        patch["layout"][f"yaxis{number + 2}"]["range"] = seen.spans_mv[number]
    for name, values in seen.marks.items():
        patch["data"][0][name] = values
    for axis in figures.axis_names("xaxis", 1, leads + 1):
        for name, values in figures.ticks(seen).items():
            patch["layout"][axis][name] = values
    return patch


def _move(patch: Patch, rows: int, start_s: float, end_s: float) -> None:
    """Change the view; what the user did to it before no longer counts."""
    patch["layout"]["uirevision"] = str(time.monotonic())
    for axis in figures.axis_names("xaxis", 1, rows):
        patch["layout"][axis]["range"] = (start_s, end_s)
        patch["layout"][axis]["autorange"] = False
