"""Live: a record is played as if it came in."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly import batch
from ecg_anomaly.live.sources import Replay
from ecg_anomaly.web import figures, ids, parts
from ecg_anomaly.web.state import EXAMPLE, ServerState
from ecg_anomaly.words import clock

_SPEEDS = (1, 2, 5, 10)


def layout(state: ServerState) -> html.Section:
    """Lay the section out."""
    record = dcc.Dropdown(list(state.records()), id=ids.LIVE_RECORD, placeholder="the simulated example")
    speeds = [{"label": "real time" if speed == 1 else f"{speed} times", "value": speed} for speed in _SPEEDS]
    controls = [
        parts.field("record", record, className="wide"),
        parts.field("speed", dcc.Dropdown(speeds, 1, id=ids.SPEED, clearable=False, searchable=False)),
        parts.button("Play", ids.PLAY),
        parts.button("Stop", ids.STOP),
    ]
    return parts.section(
        "live",
        "Live",
        parts.soft("Play a record as if it came in from a patient: beats are judged as they arrive."),
        html.Div(controls, className="fields"),
        html.P(id=ids.LIVE_WORDS, role="status", **parts.aria(live="off")),
        html.Div(parts.figure(ids.LIVE_FIGURE, "The signal as it comes in"), id=ids.LIVE_PART, hidden=True),
        html.Div(id=ids.LIVE_NEWS, role="log", **parts.aria(label="Flagged beats and events", live="polite")),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.PLAYING, "data"), Output(ids.LIVE_TICK, "disabled", allow_duplicate=True)],
        [Input(ids.PLAY, "n_clicks"), Input(ids.STOP, "n_clicks")],
        [State(ids.LIVE_RECORD, "value"), State(ids.SPEED, "value"), State(ids.PLAYING, "data")],
    )
    def play(_play: int, _stop: int, name: str | None, speed: float, before: str | None) -> tuple[Any, bool]:
        state.players.stop(before)
        if ctx.triggered_id == ids.STOP:
            return no_update, False  # a last look shows that it stopped
        path = state.find_record(name or EXAMPLE)
        recording = batch.open_leads(path, batch.Request(path.parent), state.config)
        return state.players.play(Replay(recording, speed)), False

    @app.callback(
        Output(ids.LIVE_WORDS, "children"),
        Output(ids.LIVE_FIGURE, "figure"),
        Output(ids.LIVE_NEWS, "children"),
        Output(ids.LIVE_PART, "hidden"),
        Output(ids.LIVE_TICK, "disabled"),
        Input(ids.LIVE_TICK, "n_intervals"),
        State(ids.PLAYING, "data"),
    )
    def show(_ticks: int, key: str | None) -> tuple[Any, ...]:
        shown = state.players.shown(key)
        if shown is None:
            return "", no_update, no_update, no_update, True
        news = [
            html.Li([html.Strong(clock(message.time_s)), f" {message.text}"], key=f"{message.time_s}{message.text}")
            for message in shown.news
        ]
        return shown.words, figures.live(shown), html.Ul(news, className="news"), False, not shown.goes_on
