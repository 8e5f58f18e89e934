"""Flagged beats: the list of them, steps from beat to beat, and the user's marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly.detector.measures import MEASURES
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.reports import styles
from ecg_anomaly.web import decisions, figures, ids, parts
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import CALLED, GUESS, clock, score_text

_PAGE_ROWS = 12
_STEPS = {ids.NEXT: 1, ids.PREVIOUS: -1, ids.LATER: 1, ids.EARLIER: -1}
_PAGES = {ids.PAGE_BACK: -1, ids.PAGE_ON: 1}
_MARKS = {ids.MARK_RIGHT: RIGHT, ids.MARK_WRONG: WRONG, ids.MARK_NONE: ""}
_KEYS = (
    ("n, p", "next and previous flagged beat of the list"),
    (", .", "previous and next beat of the recording"),
    ("r, w, u", "mark the flagged beat as right, as wrong, or take the mark away"),
    ("+ - h l", "zoom in and out, move left and right in the signal"),
)


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    orders = (("highest score first", decisions.BY_SCORE), ("time", decisions.BY_TIME))
    order = dcc.RadioItems([{"label": text, "value": by} for text, by in orders], decisions.BY_SCORE, id=ids.ORDER)
    filters = (
        ("Called", ids.CALLED, CALLED),
        ("Flagged for", ids.REASONS, {name: styles.question(name) for name in MEASURES}),
    )
    controls = [html.Fieldset([html.Legend("Order"), order])]
    for title, name, options in filters:
        boxes = dcc.Checklist([{"label": text, "value": key} for key, text in options.items()], list(options), id=name)
        controls.append(html.Fieldset([html.Legend(title), boxes]))
    pager = [
        parts.button("◀", ids.PAGE_BACK, "Previous page of the list"),
        html.Span(id=ids.PAGE_WORDS),
        parts.button("▶", ids.PAGE_ON, "Next page of the list"),
    ]
    beat_list = [
        html.Div(controls, className="controls"),
        parts.soft(GUESS),
        html.Div(id=ids.LIST),
        html.Div(pager, className="pager"),
    ]
    keys = [
        html.Summary("Keys"),
        parts.facts((html.Kbd(keys), words) for keys, words in _KEYS),
        dcc.Checklist([{"label": "use these keys", "value": "on"}], ["on"], id=ids.KEYS, persistence=True),
    ]
    return parts.section("beats", "Flagged beats", html.Div(beat_list, className="list"), html.Details(keys))


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.BEAT, "data"),
        [Input(ids.READY, "data"), Input(ids.CLICKED, "data")],
        [Input(name, "clickData") for name in (ids.OVERVIEW, ids.SIGNAL)],
        [Input(name, "n_clicks") for name in _STEPS],
        [State(name, "value") for name in (ids.THRESHOLD, ids.ORDER, ids.CALLED, ids.REASONS)],
        State(ids.BEAT, "data"),
    )
    def choose(key: str | None, on_paper_s: float, on_overview: Any, on_signal: Any, *arguments: Any) -> int | None:
        threshold, *chosen, current = arguments[len(_STEPS) :]
        if key is None:
            return None
        reviewed = state.recordings.review(key, threshold)
        stored, beats = reviewed.stored, reviewed.beats
        times_s, every = beats["time_s"].to_numpy(), np.arange(len(beats))
        flagged = decisions.listed(beats, *chosen)
        trigger = str(ctx.triggered_id)
        if trigger in _STEPS:
            rows = flagged if trigger in (ids.NEXT, ids.PREVIOUS) else every
            return decisions.step(rows, times_s, current, _STEPS[trigger])
        match trigger:
            case ids.CLICKED:
                return decisions.nearest(every, times_s, on_paper_s)
            case ids.SIGNAL:
                return decisions.nearest(every, times_s, on_signal["points"][0]["x"])
            case ids.OVERVIEW:
                time_s = figures.overview_time_s(stored, on_overview["points"][0]["x"])
                return decisions.nearest(flagged if len(flagged) else every, times_s, time_s)
        return decisions.step(flagged, times_s, None, 1)

    @app.callback(
        Output(ids.MARKED, "data"),
        [Input(button, "n_clicks") for button in _MARKS],
        [State(ids.READY, "data"), State(ids.BEAT, "data")],
    )
    def mark(*arguments: Any) -> Any:
        key, row = arguments[len(_MARKS) :]
        if key is None or row is None:
            return no_update
        what = f"beat at {clock(state.recordings.stored(key).beats['time_s'].iloc[row])}"
        state.recordings.mark(key, [row], _MARKS[str(ctx.triggered_id)], what)
        return state.recordings.history(key).version

    @app.callback(
        [Output(ids.LIST, "children"), Output(ids.PAGE_WORDS, "children"), Output(ids.LIST_PAGE, "data")],
        [Input(name, "data") for name in (ids.READY, ids.BEAT, ids.MARKED)],
        [Input(name, "value") for name in (ids.THRESHOLD, ids.ORDER, ids.CALLED, ids.REASONS)],
        [Input(name, "n_clicks") for name in _PAGES],
        State(ids.LIST_PAGE, "data"),
    )
    def show_list(*arguments: Any) -> tuple[Any, ...]:
        key, row, _marked, threshold, order, names, reasons, _back, _on, page = arguments
        if key is None:
            return [], "", 0
        beats = state.recordings.review(key, threshold).beats
        rows = decisions.listed(beats, order, names, reasons)
        trigger = str(ctx.triggered_id)
        if trigger in _PAGES or trigger == ids.MARKED:
            page += _PAGES.get(trigger, 0)
        else:
            page = next(iter(np.flatnonzero(rows == row) // _PAGE_ROWS), 0)
        pages = max(1, -(-len(rows) // _PAGE_ROWS))
        page = int(np.clip(page, 0, pages - 1))
        shown = rows[page * _PAGE_ROWS : (page + 1) * _PAGE_ROWS]
        words = f"page {page + 1:,} of {pages:,}, {len(rows):,} flagged"
        return flagged_list(beats, shown, row), words, page


def flagged_list(beats: pd.DataFrame, rows: np.ndarray, chosen: int | None) -> Any:
    """List flagged beats, each with a button that shows it."""
    if not len(rows):
        return html.P("No beat is called so and flagged for these reasons.")
    shown, lines = beats.iloc[rows], []
    for row, (_, found), words in zip(rows.tolist(), shown.iterrows(), styles.beat_words(shown), strict=True):
        names = {"data-beat": str(row), **parts.aria(label=f"Show the beat at {words}")}
        cells = (
            html.Button(clock(found["time_s"]), type="button", className="link", **names),
            score_text(found["anomaly_score"]),
            CALLED.get(found["called"], ""),
            styles.question(found["reason"]),
            parts.MARK_WORDS.get(found["mark"], ""),
        )
        lines.append(
            html.Tr([html.Td(cell) for cell in cells], **(parts.aria(current="true") if row == chosen else {}))
        )
    titles = [html.Th(title, scope="col") for title in ("time", "score", "called", "reason", "your mark")]
    return html.Div(html.Table([html.Thead(html.Tr(titles)), html.Tbody(lines)]), className="scroll", tabIndex=0)
