"""Live: a record is played as if it came in."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, ctx, html, no_update

from ecg_anomaly import batch, words
from ecg_anomaly.live.sources import Replay
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.web import figures, ids
from ecg_anomaly.web.callbacks_open import example_record, find_record
from ecg_anomaly.web.player import Shown
from ecg_anomaly.web.workbench import Workbench


def register(app: Dash, bench: Workbench) -> None:
    """Connect the part of the page that plays a record."""

    @app.callback(
        Output(ids.PLAYING, "data"),
        Output(ids.LIVE_TICK, "disabled", allow_duplicate=True),
        Input(ids.PLAY, "n_clicks"),
        Input(ids.STOP, "n_clicks"),
        State(ids.LIVE_RECORD, "value"),
        State(ids.SPEED, "value"),
        State(ids.PLAYING, "data"),
        prevent_initial_call=True,
    )
    def play(_play: int, _stop: int, name: str | None, speed: float, before: str | None) -> tuple[Any, bool]:
        bench.players.stop(before)
        if ctx.triggered_id == ids.STOP:
            return no_update, False  # a last look shows that it stopped
        return start(bench, name, speed), False

    @app.callback(
        Output(ids.LIVE_WORDS, "children"),
        Output(ids.LIVE_FIGURE, "figure"),
        Output(ids.LIVE_NEWS, "children"),
        Output(ids.LIVE_PART, "hidden"),
        Output(ids.LIVE_TICK, "disabled"),
        Input(ids.LIVE_TICK, "n_intervals"),
        State(ids.PLAYING, "data"),
        prevent_initial_call=True,
    )
    def show(_ticks: int, key: str | None) -> tuple[Any, ...]:
        shown = bench.players.shown(key)
        if shown is None:
            return "", no_update, no_update, no_update, True
        return shown.words, figures.live(shown), _news(shown), False, not shown.goes_on


def start(bench: Workbench, name: str | None, speed: float) -> str:
    """Play a record by its name, or a simulated one without any; give the key of the play."""
    bench.check()
    path = find_record(bench, name) if name else example_record(bench)
    opened = open_recording(path)
    recording = batch.with_leads(opened, batch.Request(path.parent), bench.config)
    return bench.players.play(Replay(recording, speed))


def _news(shown: Shown) -> html.Ul:
    lines = [
        html.Li([html.Strong(words.clock(message.time_s)), f" {message.text}"], key=f"{message.time_s}{message.text}")
        for message in shown.news
    ]
    return html.Ul(lines, className="news")
