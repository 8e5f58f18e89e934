"""The whole signal: zooming and moving, with as much as the screen can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, Patch, State, ctx, html, no_update

from ecg_anomaly.web import figures, ids, parts
from ecg_anomaly.web.state import ServerState

_BUTTONS = (("in", "+", "Zoom in"), ("out", "-", "Zoom out"), ("left", "◀", "Earlier"), ("right", "▶", "Later"))


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    return parts.section(
        "signal",
        "The whole signal",
        parts.soft(
            "Drag to move, turn the wheel to zoom, click a mark to look at its beat. "
            "On a touch screen, use the buttons."
        ),
        parts.buttons(
            *(parts.button(sign, ids.MOVES[by], words, title=words) for by, sign, words in _BUTTONS),
            parts.button("All", ids.MOVES["all"]),
            parts.button("The chosen beat", ids.MOVES["beat"]),
            label="Zoom and move the signal",
        ),
        parts.figure(ids.SIGNAL, "The signal, to be zoomed and moved", scrollZoom=True),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.SIGNAL, "figure"), Output(ids.VIEW, "data"), Output(ids.SHADES, "data")],
        [Input(ids.READY, "data"), Input(ids.BEAT, "data"), Input(ids.THRESHOLD, "value")],
        Input(ids.SIGNAL, "relayoutData"),
        [Input(button, "n_clicks") for button in ids.MOVES.values()],
        State(ids.VIEW, "data"),
    )
    def show_signal(*arguments: Any) -> tuple[Any, ...]:
        key, row, threshold, relayout, *_clicks, before = arguments
        if key is None:
            return parts.NO_FIGURE, None, []
        reviewed = state.recordings.review(key, threshold)
        stored, beats = reviewed.stored, reviewed.beats
        beat_s = None if row is None else float(beats["time_s"].iloc[row])
        shades = figures.shade(beat_s, stored.window_s)
        seen_s = before[1] if before and before[0] == key else None  # what is seen of another recording does not count
        if seen_s is not None and ctx.triggered_id == ids.SIGNAL:
            asked_s = asked_range(relayout or {}, stored.duration_s)
            if asked_s is None:
                return no_update, no_update, no_update
            return _redrawn(figures.signal(stored, beats, asked_s, shades)), (key, asked_s), no_update
        next_s = next_view(seen_s, beat_s, str(ctx.triggered_id), stored.duration_s)
        moved = seen_s is None or tuple(seen_s) != next_s
        if not moved and {triggered["prop_id"].partition(".")[0] for triggered in ctx.triggered} == {ids.BEAT}:
            return no_update, no_update, shades
        figure = figures.signal(stored, beats, next_s, shades)
        return figure if moved else _redrawn(figure), (key, next_s), shades

    parts.answer_in_browser(app, "shade", Output(ids.SIGNAL, "className"), Input(ids.SHADES, "data"))


def asked_range(relayout: dict[str, Any], duration_s: float) -> tuple[float, float] | None:
    """Read from Plotly's news which stretch is seen now; ``None`` when that has not changed."""
    if "xaxis.range[0]" in relayout:
        return float(relayout["xaxis.range[0]"]), float(relayout["xaxis.range[1]"])
    return (0.0, duration_s) if "xaxis.autorange" in relayout else None


def next_view(
    seen: Sequence[float] | None, beat_s: float | None, trigger: str, duration_s: float
) -> tuple[float, float]:
    """Choose the stretch to show next, when a part of the page asks (``trigger``).

    ``seen`` has start and end of what is seen, as JSON brings them, and ``beat_s`` says when the chosen beat is;
    ``None`` where there is none yet.
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


def _redrawn(figure: figures.Figure) -> Patch:
    """Replace what is drawn, and leave the time axis where the user has moved it meanwhile."""
    patch = Patch()
    patch["data"], patch["layout"]["shapes"] = figure["data"], figure["layout"]["shapes"]
    for name, axis in figure["layout"].items():
        if name.startswith("yaxis"):
            patch["layout"][name]["range"] = axis["range"]
    for key in ("tickvals", "ticktext"):
        patch["layout"]["xaxis"][key] = figure["layout"]["xaxis"][key]
    return patch
