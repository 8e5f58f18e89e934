"""The overview, the list of flagged beats, and the beat that is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from ecg_anomaly.web import decisions, figures, ids, pieces
from ecg_anomaly.web.workbench import Workbench

_MARKS = {ids.MARK_RIGHT: decisions.RIGHT, ids.MARK_WRONG: decisions.WRONG, ids.MARK_NONE: ""}
_STEPS = {ids.NEXT: 1, ids.PREVIOUS: -1, ids.LATER: 1, ids.EARLIER: -1}


def register(app: Dash, bench: Workbench) -> None:
    """Connect the parts of the page that show the recording and its beats."""

    @app.callback(
        Output(ids.HEADLINE, "children"),
        Input(ids.READY, "data"),
        Input(ids.THRESHOLD, "value"),
        prevent_initial_call=True,
    )
    def say_of_all(key: str | None, threshold: float) -> Any:
        return [] if key is None else pieces.headline(decisions.tell(*bench.beats(key, threshold)))

    @app.callback(
        Output(ids.OVERVIEW, "figure"),
        Input(ids.HEADLINE, "children"),  # follows the words: a browser that draws it does not answer
        State(ids.READY, "data"),
        State(ids.THRESHOLD, "value"),
        prevent_initial_call=True,
    )
    def show_overview(_words: Any, key: str | None, threshold: float) -> Any:
        return figures.nothing() if key is None else figures.overview(*bench.beats(key, threshold))

    @app.callback(
        Output(ids.BEAT, "data"),
        Input(ids.READY, "data"),
        *(Input(button, "n_clicks") for button in _STEPS),
        Input(ids.CLICKED, "data"),
        Input(ids.OVERVIEW, "clickData"),
        Input(ids.SIGNAL, "clickData"),
        State(ids.THRESHOLD, "value"),
        State(ids.ORDER, "value"),
        State(ids.REASONS, "value"),
        State(ids.BEAT, "data"),
        prevent_initial_call=True,
    )
    def choose(key: str | None, *arguments: Any) -> Any:
        clicked_s, on_overview, on_signal, threshold, order, reasons, current = arguments[len(_STEPS) :]
        if key is None:
            return None
        stored, beats = bench.beats(key, threshold)
        times_s, all_rows = beats["time_s"].to_numpy(), np.arange(len(beats))
        flagged = decisions.listed(beats, order, reasons)
        trigger = str(ctx.triggered_id)
        if trigger in _STEPS:
            rows = flagged if trigger in (ids.NEXT, ids.PREVIOUS) else all_rows
            return decisions.step(rows, times_s, current, _STEPS[trigger])
        if trigger == ids.CLICKED:
            return _nearest(all_rows, times_s, clicked_s)
        if trigger == ids.SIGNAL:
            return _nearest(all_rows, times_s, on_signal["points"][0]["x"])
        if trigger == ids.OVERVIEW:
            time_s = figures.overview_time_s(stored, on_overview["points"][0]["x"])
            return _nearest(flagged if len(flagged) else all_rows, times_s, time_s)
        return decisions.step(flagged, times_s, None, 1)

    @app.callback(
        Output(ids.MARKED, "data"),
        *(Input(button, "n_clicks") for button in _MARKS),
        State(ids.READY, "data"),
        State(ids.BEAT, "data"),
        State(ids.MARKED, "data"),
        prevent_initial_call=True,
    )
    def mark(*arguments: Any) -> Any:
        key, row, count = arguments[len(_MARKS) :]
        if key is None or row is None:
            return no_update
        decisions.write_mark(bench.library.folder(key), row, _MARKS[str(ctx.triggered_id)])
        return (count or 0) + 1

    @app.callback(
        Output(ids.LIST, "children"),
        Output(ids.PAGE_WORDS, "children"),
        Output(ids.LIST_PAGE, "data"),
        Input(ids.READY, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.ORDER, "value"),
        Input(ids.REASONS, "value"),
        Input(ids.BEAT, "data"),
        Input(ids.MARKED, "data"),
        Input(ids.PAGE_BACK, "n_clicks"),
        Input(ids.PAGE_ON, "n_clicks"),
        State(ids.LIST_PAGE, "data"),
        prevent_initial_call=True,
    )
    def show_list(
        key: str | None, threshold: float, order: str, reasons: list[str], row: int | None, *arguments: Any
    ) -> tuple[Any, ...]:
        if key is None:
            return [], "", 0
        page = arguments[-1] + {ids.PAGE_BACK: -1, ids.PAGE_ON: 1}.get(str(ctx.triggered_id), 0)
        _, beats = bench.beats(key, threshold)
        rows = decisions.listed(beats, order, reasons)
        if ctx.triggered_id not in (ids.PAGE_BACK, ids.PAGE_ON, ids.MARKED):
            page = _page_of(rows, row)
        pages = max(1, -(-len(rows) // pieces.PAGE_ROWS))
        page = int(np.clip(page, 0, pages - 1))
        shown = rows[page * pieces.PAGE_ROWS : (page + 1) * pieces.PAGE_ROWS]
        marks = decisions.read_marks(bench.library.folder(key))
        words = f"page {page + 1:,} of {pages:,}, {len(rows):,} flagged"
        return pieces.flagged_list(beats, shown, row, marks), words, page

    @app.callback(
        Output(ids.BEAT_WORDS, "children"),
        Input(ids.BEAT, "data"),
        Input(ids.THRESHOLD, "value"),
        Input(ids.MARKED, "data"),
        State(ids.READY, "data"),
        prevent_initial_call=True,
    )
    def say_of_beat(row: int | None, threshold: float, _marked: int, key: str | None) -> Any:
        if key is None or row is None:
            return []
        stored, beats = bench.beats(key, threshold)
        mark = decisions.read_marks(bench.library.folder(key)).get(row, "")
        return pieces.beat_words(stored, beats, row, mark)

    @app.callback(
        Output(ids.PAPER_CONTENT, "data"),
        Output(ids.ON_PAPER, "data"),
        Input(ids.BEAT, "data"),
        Input(ids.THRESHOLD, "value"),
        State(ids.READY, "data"),
        State(ids.ON_PAPER, "data"),
        prevent_initial_call=True,
    )
    def show_paper(row: int | None, threshold: float, key: str | None, before: list[Any] | None) -> tuple[str, Any]:
        if key is None or row is None:
            return "", None
        stored, beats = bench.beats(key, threshold)
        return figures.paper(stored, beats, row), no_update if before == [key, row] else [key, row]

    @app.callback(
        Output(ids.BEAT_FIGURE, "figure"),
        Input(ids.ON_PAPER, "data"),  # follows the paper, for the same reason
        prevent_initial_call=True,
    )
    def show_beat(on_paper: tuple[str, int] | None) -> Any:
        return figures.nothing() if on_paper is None else figures.beat(bench.stored(on_paper[0]), on_paper[1])

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("page", "showPaper"), Output(ids.PAPER, "title"), Input(ids.PAPER_CONTENT, "data")
    )


def _nearest(rows: np.ndarray, times_s: np.ndarray, time_s: float) -> int | None:
    return int(rows[np.abs(times_s[rows] - time_s).argmin()]) if len(rows) else None


def _page_of(rows: np.ndarray, row: int | None) -> int:
    places = np.flatnonzero(rows == row)
    return int(places[0]) // pieces.PAGE_ROWS if len(places) else 0
