"""The whole signal: zooming and moving, with as much as the screen can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, Patch, State, ctx, html, no_update

from ecg_anomaly.web import ids, parts, signal_figure
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.values import kept_of, number_of, row_of

_BUTTONS = (("in", "+", "Zoom in"), ("out", "-", "Zoom out"), ("left", "◀", "Earlier"), ("right", "▶", "Later"))
_AROUND_EVENT = 1.5  # times its length is seen


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    return parts.section(
        "signal",
        "The whole signal",
        parts.buttons(
            *(parts.button(sign, ids.MOVES[by], words, title=words) for by, sign, words in _BUTTONS),
            parts.button("All", ids.MOVES["all"]),
            parts.button("The chosen beat", ids.MOVES["beat"]),
            parts.button("Callipers", ids.SIGNAL_CALLIPERS, **parts.aria(pressed="false")),
            label="Zoom, move and measure the signal",
        ),
        html.Div(
            [
                parts.figure(ids.SIGNAL, "The signal, to be zoomed and moved", scrollZoom=True),
                html.P(className="readout", id=ids.SIGNAL_READOUT),
            ],
            className="measured",
        ),
        parts.soft(
            "Click a flagged beat, an event or any place to look at it. Drag to move; to zoom, turn the wheel with "
            "Ctrl held down, or after a click into the figure. On a touch screen, use the buttons."
        ),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.SIGNAL, "figure"), Output(ids.VIEW, "data"), Output(ids.SHADES, "data")],
        [Input(name, "data") for name in (ids.READY, ids.BEAT, ids.AT, ids.MARKED)],
        [Input(ids.THRESHOLD, "value"), Input(ids.SIGNAL, "relayoutData")],
        [Input(button, "n_clicks") for button in ids.MOVES.values()],
        State(ids.VIEW, "data"),
    )
    def show_signal(*arguments: Any) -> tuple[Any, ...]:
        key, row, at, _marked, threshold, relayout, *_clicks, before = arguments
        if key is None:
            return parts.NO_FIGURE, None, []
        review = state.recordings.review(key, threshold)
        triggers = set(ctx.triggered_prop_ids.values())
        # What is seen of another recording does not count, nor does its beat. An answer to `ids.AT` that came too late,
        # since a beat there was chosen meanwhile, was never shown: it is given again.
        seen, shown_at = kept if isinstance(kept := kept_of(key, before), list) and len(kept) == 2 else (None, at)
        if at != shown_at:
            triggers.add(ids.AT)
        seen_s = seen_in(seen, review.stored.duration_s)
        beat_s = beat_time_s(review.beats, row) if seen_s is not None or ids.READY not in triggers else None
        if seen_s is not None and triggers == {ids.SIGNAL}:
            asked_s = asked_range(relayout, review.stored.duration_s)
            if asked_s is None:
                return no_update, no_update, no_update
            return _redrawn(signal_figure.signal(review, asked_s, beat_s)), [key, [asked_s, at]], no_update
        next_s = next_view(seen_s, beat_s, at, triggers, review.stored.duration_s)
        if seen_s is None or seen_s != next_s:
            figure = signal_figure.signal(review, next_s, beat_s)
            return figure, [key, [next_s, at]], figure["layout"]["shapes"]
        shades = signal_figure.shades(review, next_s, beat_s)
        above = no_update if triggers <= {ids.BEAT, ids.AT} else _redrawn_above(review, next_s)
        return above, [key, [next_s, at]], shades

    parts.answer_in_browser(app, "shade", Output(ids.SIGNAL, "className"), Input(ids.SHADES, "data"))


def beat_time_s(beats: Any, row: Any) -> float | None:
    """Give the time of the chosen beat, which a page names by its row; ``None`` if none is chosen."""
    return None if row is None else float(beats["time_s"].iloc[row_of(row, len(beats))])


def place_of(at: Any, duration_s: float) -> tuple[float, float | None]:
    """Read where a page wants to go: a time within the recording, and the length of what is there, or ``None``."""
    time_s, length_s = at if isinstance(at, list) and len(at) == 2 else (None, None)
    time_s = number_of(time_s, "time in seconds")
    length_s = None if length_s is None else number_of(length_s, "length in seconds", 0.0)
    return min(max(0.0, time_s), duration_s), length_s


def seen_in(ends_s: Any, duration_s: float) -> tuple[float, float] | None:
    """Read which stretch a page shows: near the recording, and no longer; ``None`` if it is none."""
    ends_s = ends_s if isinstance(ends_s, list) else []
    numbers = [end for end in ends_s if type(end) in (int, float) and math.isfinite(end)]
    if len(numbers) != 2 or not numbers[0] < numbers[1]:
        return None
    length_s = min(numbers[1] - numbers[0], 2 * duration_s)
    start_s = min(max(numbers[0], -length_s), duration_s)
    return start_s, start_s + length_s


def asked_range(relayout: Any, duration_s: float) -> tuple[float, float] | None:
    """Read from Plotly's news which stretch is seen now; ``None`` when that has not changed."""
    if not isinstance(relayout, dict):
        return None
    if "xaxis.autorange" in relayout:
        return 0.0, duration_s
    return seen_in([relayout.get(f"xaxis.range[{end}]") for end in (0, 1)], duration_s)


def next_view(
    seen_s: Sequence[float] | None, beat_s: float | None, at: Any, triggers: set[str], duration_s: float
) -> tuple[float, float]:
    """Choose the stretch to show next, when parts of the page ask (``triggers``).

    ``seen_s`` has start and end of what is seen, ``beat_s`` says when the chosen beat is, and ``at`` where to go;
    ``None`` where there is none yet.
    """
    if seen_s is None:
        return signal_figure.within(beat_s or 0.0, signal_figure.FIRST_VIEW_S, duration_s)
    start_s, end_s = seen_s
    length_s, (time_s, event_s) = end_s - start_s, (None, None) if at is None else place_of(at, duration_s)
    moves = {button: by for by, button in ids.MOVES.items()}
    if ids.MOVES["beat"] in triggers:
        time_s, length_s = beat_s, signal_figure.BEAT_VIEW_S
    elif moving := triggers & moves.keys():
        return signal_figure.moved(start_s, end_s, moves[moving.pop()], duration_s)
    elif ids.AT in triggers and event_s is not None:
        length_s = max(signal_figure.BEAT_VIEW_S, _AROUND_EVENT * event_s)
    else:
        asked_s = time_s if ids.AT in triggers else beat_s if ids.BEAT in triggers else None
        time_s = None if asked_s is None or start_s <= asked_s <= end_s else asked_s
    return (start_s, end_s) if time_s is None else signal_figure.within(time_s, length_s, duration_s)


def _redrawn(figure: signal_figure.Figure) -> Patch:
    """Replace what is drawn, and leave the time axis where the user has moved it meanwhile."""
    patch, drawn = Patch(), figure["layout"]
    patch["data"], patch["layout"]["shapes"] = figure["data"], drawn["shapes"]
    patch["layout"]["yaxis"] = drawn["yaxis"]
    for key in ("tickvals", "ticktext"):
        patch["layout"]["xaxis"][key] = drawn["xaxis"][key]
    return patch


def _redrawn_above(review: Any, seen_s: Sequence[float]) -> Patch:
    """Replace what stands above the leads: marks and thresholds change nothing else."""
    patch = Patch()
    for place, curve in enumerate(signal_figure.above(review, seen_s)):
        patch["data"][place] = curve
    return patch
