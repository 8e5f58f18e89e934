"""Live: a record, a recording of the worklist or a stream is judged as it comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html

from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.lsl import FoundStream, LslStream, find_streams
from ecg_anomaly.live.sources import LiveSignal
from ecg_anomaly.web import fields, figures, ids, parts
from ecg_anomaly.web.jobs import DONE
from ecg_anomaly.web.player import StoredSignal, replay
from ecg_anomaly.web.state import EXAMPLE, ServerState
from ecg_anomaly.words import clock, count_text

_SPEEDS = {"1": "real time", "2": "2 times", "5": "5 times", "10": "10 times"}
_RECORD, _ANALYSED, _STREAM = "record:", "analysed:", "stream:"  # what a choice begins with
_STEPS = {-60: "1 min back", -10: "10 s back", 10: "10 s on", 60: "1 min on"}


def layout(state: ServerState) -> html.Section:
    """Lay the section out."""
    speeds = [{"value": value, "label": label} for value, label in _SPEEDS.items()]
    controls = [
        dmc.Select(
            id=ids.LIVE_SOURCE,
            label="what is played",
            data=_choices(state),
            value=EXAMPLE,
            allowDeselect=False,
            searchable=True,
            nothingFoundMessage="There is none of that name",
            className="wide",
        ),
        dmc.Select(id=ids.SPEED, label="speed", data=speeds, value="1", allowDeselect=False),
        dmc.TextInput(id=ids.LIVE_AT, label="from", placeholder="0:00:00"),
        dmc.TextInput(id=ids.LIVE_GAIN, label=fields.GAIN, placeholder="by the stream", display="none"),
    ]
    buttons = [
        parts.button("Play", ids.PLAY),
        parts.button("Pause", ids.PAUSE),
        parts.button("Stop", ids.STOP),
        parts.button("Go to “from”", ids.LIVE_GO),
        *(parts.button(text, ids.LIVE_STEPS[step]) for step, text in _STEPS.items()),
        parts.button("Look for streams", ids.LIVE_FIND),
    ]
    return parts.section(
        "live",
        "Live",
        parts.soft(
            "Play a recording as if it came in from a patient, or follow a stream of the Lab Streaming Layer on this "
            "network: beats are judged as they arrive."
        ),
        html.Div(controls, className="fields"),
        parts.buttons(*buttons, label="Playing"),
        html.P(id=ids.LIVE_FOUND, role="status"),
        html.P(id=ids.LIVE_STATE, role="status"),
        html.P(id=ids.LIVE_WORDS),
        html.Div(parts.figure(ids.LIVE_FIGURE, "The signal as it comes in"), id=ids.LIVE_PART, hidden=True),
        dcc.Store(id=ids.LIVE_TOLD),
        html.Div(
            html.Ol(id=ids.LIVE_NEWS, className="news"), role="log", **parts.aria(label="Flagged beats and events")
        ),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.PLAYING, "data"), Output(ids.LIVE_TICK, "disabled", allow_duplicate=True)],
        Input(ids.PLAY, "n_clicks"),
        [State(ids.LIVE_SOURCE, "value"), State(ids.SPEED, "value"), State(ids.LIVE_AT, "value")],
        [State(ids.LIVE_GAIN, "value"), State(ids.PLAYING, "data")],
    )
    def play(
        _play: int, choice: Any, speed: Any, at: str | None, gain: str | None, before: str | None
    ) -> tuple[str, bool]:
        source = _source(state, choice, _speed(speed), fields.read_time(at) or 0.0, fields.read_number(gain))
        state.players.stop(before)
        return state.players.play(source), False

    steps = [Input(name, "n_clicks") for name in ids.LIVE_STEPS.values()]

    @app.callback(
        Output(ids.LIVE_TICK, "disabled", allow_duplicate=True),
        [Input(ids.PAUSE, "n_clicks"), Input(ids.STOP, "n_clicks"), Input(ids.SPEED, "value")],
        [Input(ids.LIVE_GO, "n_clicks"), Input(ids.LIVE_AT, "n_submit"), *steps],
        [State(ids.LIVE_AT, "value"), State(ids.PLAYING, "data")],
    )
    def steer(_pause: int, _stop: int, speed: Any, _go: int, _enter: int, *more: Any) -> bool:
        players, (at, key) = state.players, more[-2:]
        if ctx.triggered_id == ids.STOP:
            players.stop(key)
        elif ctx.triggered_id == ids.PAUSE:
            players.pause(key)
        elif ctx.triggered_id == ids.SPEED:
            players.change_speed(key, _speed(speed))
        elif ctx.triggered_id in (ids.LIVE_GO, ids.LIVE_AT):
            players.seek(key, fields.read_time(at) or 0.0)
        for step_s, name in ids.LIVE_STEPS.items():
            if name == ctx.triggered_id:
                players.seek(key, step_s, from_here=True)
        return False  # a last look shows that it stopped

    @app.callback(
        Output(ids.LIVE_SOURCE, "data"),
        Output(ids.LIVE_FOUND, "children"),
        [Input(ids.LIVE_FIND, "n_clicks"), Input(ids.READY, "data")],
    )
    def list_sources(_find: int, _ready: str | None) -> tuple[list[Any], str]:
        if ctx.triggered_id != ids.LIVE_FIND:
            return _choices(state), ""
        try:
            streams = find_streams()
        except UserError as error:
            return _choices(state), str(error)
        none = "No stream is there: is the sender running, and on this network? Its firewall may close ports."
        words = f"{count_text(len(streams), 'stream')} found; choose under “what is played”." if streams else none
        return _choices(state, streams), words

    @app.callback(
        Output(ids.LIVE_STATE, "children"),
        Output(ids.LIVE_WORDS, "children"),
        Output(ids.LIVE_FIGURE, "figure"),
        Output(ids.LIVE_TOLD, "data"),
        Output(ids.LIVE_PART, "hidden"),
        Output(ids.PAUSE, "children"),
        Output(ids.LIVE_TICK, "disabled"),
        Input(ids.LIVE_TICK, "n_intervals"),
        State(ids.PLAYING, "data"),
    )
    def show(_ticks: int, key: str | None) -> tuple[Any, ...]:
        shown = state.players.shown(key)
        if shown is None:
            return "", "", parts.NO_FIGURE, None, True, "Pause", True
        told = {
            "key": key,
            "said": shown.said,
            "news": [[clock(message.time_s), message.text] for message in shown.news],
        }
        figure = figures.live(shown) if shown.leads else parts.NO_FIGURE
        pause = "Go on" if shown.is_paused else "Pause"
        return f"{fields.by_label(shown.state)}.", shown.words, figure, told, not shown.leads, pause, not shown.goes_on

    @app.callback(Output(ids.LIVE_GAIN, "display"), Input(ids.LIVE_SOURCE, "value"))
    def show_gain(choice: Any) -> str:
        return "block" if str(choice).startswith(_STREAM) else "none"

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("live", "tell"), Output(ids.LIVE_NEWS, "title"), Input(ids.LIVE_TOLD, "data")
    )


def _choices(state: ServerState, streams: Sequence[FoundStream] = ()) -> list[Any]:
    """List what can be played, as groups of a `dmc.Select`."""
    entries = [entry for entry in state.recordings.entries() if entry.progress.state == DONE]
    groups = {
        "Streams": [(_STREAM + stream.wanted, stream.words) for stream in streams],
        "Recordings of the worklist": [(_ANALYSED + entry.key, entry.name) for entry in entries],
        "Records of this machine": [(_RECORD + name, name) for name in state.records()],
    }
    groups["Records of this machine"].insert(0, (EXAMPLE, "the simulated example"))
    return [
        {"group": group, "items": [{"value": value, "label": label} for value, label in dict(items).items()]}
        for group, items in groups.items()
        if items
    ]


def _source(state: ServerState, choice: Any, speed: float, at_s: float, gain: float | None) -> Callable[[], LiveSignal]:
    """Find what is to be played; it is opened when it is called.

    Raises
    ------
    UserError
        When there is no such thing, or no model.
    """
    state.check_model()
    if not isinstance(choice, str):
        raise UserError("choose first what is to be played")
    if choice.startswith(_STREAM):
        return lambda: LslStream(choice.removeprefix(_STREAM), (), gain, state.config.records)
    if choice.startswith(_ANALYSED):
        stored = state.recordings.stored(choice.removeprefix(_ANALYSED))
        return lambda: replay(StoredSignal(stored), speed, at_s)
    path = state.find_record(choice.removeprefix(_RECORD))
    request = Request(path.parent)
    return lambda: replay(open_leads(path, request, state.config), speed, at_s)


def _speed(value: Any) -> float:
    """Check what came as a speed; `UserError` if it is none of those that are offered."""
    if not isinstance(value, str) or value not in _SPEEDS:
        raise UserError("there is no such speed; choose one of the list")
    return float(value)
