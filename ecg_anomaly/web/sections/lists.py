"""The review of a recording: groups, beats and events in lists, and marks, which the page's script keeps and sends."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import numpy as np
import pandas as pd
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly.findings.marks import RIGHT, WRONG, marks_of
from ecg_anomaly.findings.review import Review
from ecg_anomaly.web import decisions, figures, ids, parts
from ecg_anomaly.web.sections import beats, events, groups
from ecg_anomaly.web.sections.signal import place_of
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.times import clock_s

_PANELS = {"groups": groups, "beats": beats, "events": events}
_KEYS = (
    ("n, p", "next and previous beat of the list, or of the chosen group; under Events, event of the list"),
    (", .", "previous and next beat of the recording"),
    ("r, w, u", "mark the beat as right, as wrong, or take the mark away"),
    ("R, W, U", "the same for what is chosen in the list: groups, or beats (with Shift)"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo and redo"),
    ("+ - h l", "zoom in and out, move left and right in the signal"),
)


def layout(state: ServerState) -> html.Section:
    """Lay the section out."""
    tabs = [dmc.TabsTab(name.title(), value=name) for name in _PANELS]
    panels = [dmc.TabsPanel(panel.layout(state), value=name) for name, panel in _PANELS.items()]
    kept: dict[str, Any] = {"persistence": True, "persistence_type": "local"}
    switches = [
        dmc.Switch(id=ids.UNMARKED, label="unmarked only", size="sm"),
        dmc.Switch(id=ids.OTHERS, label="also not flagged", size="sm"),
        dmc.Switch(id=ids.GO_ON, label="go on after a mark", size="sm", **kept),
    ]
    keys = [
        html.Summary("Keys"),
        parts.facts((html.Kbd(keys), words) for keys, words in _KEYS),
        dmc.Switch(id=ids.KEYS, label="use these keys", checked=True, size="sm", **kept),
    ]
    return parts.section(
        "beats",
        "Review",
        html.Div(switches, className="switches"),
        dmc.Tabs([dmc.TabsList(tabs, **parts.aria(label="Lists")), *panels], id=ids.TAB, value="groups"),
        dmc.TextInput(id=ids.REVIEWER, label="your name, kept with your marks", size="xs", className="go-to", **kept),
        html.Details(keys),
        dcc.Store(id=ids.LISTED),
        dcc.Store(id=ids.MARKS),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""
    recordings = state.recordings

    @app.callback(
        [Output(ids.LISTED, "data"), Output(ids.GROUPS, "rowData"), Output(ids.FILTERS["group"], "data")],
        [Input(ids.READY, "data"), Input(ids.THRESHOLD, "value"), Input(ids.OTHERS, "checked")],
    )
    def list_beats(key: str | None, threshold: float, others: bool | None) -> tuple[Any, ...]:
        if key is None:
            return None, [], []
        reviewed = recordings.review(key, threshold)
        found = listed(reviewed, bool(others))
        rows = groups.group_rows(reviewed, bool(others), found["group"])
        names = [{"value": str(row["number"]), "label": f"{row['number'] or 'none'}: {row['name']}"} for row in rows]
        return {"key": key, **found}, rows, names

    @app.callback(
        Output(ids.MARKS, "data"),
        [Input(ids.READY, "data"), Input(ids.MARKED, "data"), Input(ids.THRESHOLD, "value")],
    )
    def give_marks(key: str | None, _marked: Any, threshold: float) -> Any:
        if key is None:
            return None
        history = recordings.history(key)  # before the review: of what comes in between the page learns later
        marks = marks_of(history.actions)
        by_mark = {mark: [row for row, its in marks.items() if its == mark] for mark in (RIGHT, WRONG)}
        return {"key": key, **history.to_json(), **by_mark, **changed(recordings.review(key, threshold))}

    @app.callback(
        Output(ids.BEAT, "data"),
        [Input(ids.CLICKED, "data"), Input(ids.AT, "data")],
        [Input(name, "clickData") for name in (ids.OVERVIEW, ids.SIGNAL)],
        [State(ids.READY, "data"), State(ids.THRESHOLD, "value")],
    )
    def choose(on_paper_s: Any, at: Any, on_overview: Any, on_signal: Any, *shown: Any) -> Any:
        key, threshold = shown
        if key is None:
            return None
        reviewed = recordings.review(key, threshold)
        times_s, flagged = (reviewed.beats[name].to_numpy() for name in ("time_s", "flagged"))
        rows = np.arange(len(times_s))
        match str(ctx.triggered_id):
            case ids.CLICKED if on_paper_s is not None:
                time_s = on_paper_s
            case ids.AT if at is not None:
                time_s, _ = place_of(at, reviewed.stored.duration_s)
            case ids.SIGNAL if on_signal is not None:
                time_s = on_signal["points"][0]["x"]
            case ids.OVERVIEW if on_overview is not None:
                time_s = figures.overview_time_s(reviewed.stored, on_overview["points"][0]["x"])
                rows = np.flatnonzero(flagged) if flagged.any() else rows
            case _:
                return no_update
        return decisions.nearest(rows, times_s, time_s)

    ends = {
        "showList": (Input(ids.LISTED, "data"),),
        "showMarks": (Input(ids.MARKS, "data"),),
        "showBeat": (Input(ids.BEAT, "data"),),
        "filterBeats": tuple(Input(name, "value") for name in ids.FILTERS.values()),
        "filterUnmarked": (Input(ids.UNMARKED, "checked"),),
        "showTab": (Input(ids.TAB, "value"),),
    }
    for function, inputs in ends.items():
        parts.answer_in_browser(app, function, *inputs)
    events.register(app, state)


def listed(reviewed: Review, with_others: bool) -> dict[str, Any]:
    """Give the beats to list, as columns: those that the detector flags, whatever the marks, or all readable ones."""
    table = reviewed.beats.assign(**reviewed.detected)
    flagged = table["flagged"].to_numpy(dtype=bool)
    rows = np.flatnonzero(table["readable"].to_numpy(dtype=bool) | flagged if with_others else flagged)
    return {"beats": len(table), "clock_s": clock_s(reviewed.stored), **_columns(table, rows)}


def changed(reviewed: Review) -> dict[str, Any]:
    """Give the beats without a mark that marks on others have raised above the threshold, and rows of lowered ones."""
    before = reviewed.detected["flagged"].to_numpy(dtype=bool)
    now, marked = reviewed.beats["flagged"].to_numpy(dtype=bool), (reviewed.beats["mark"] != "").to_numpy()
    raised, lowered = (np.flatnonzero(change & ~marked) for change in (now & ~before, before & ~now))
    return {"raised": _columns(reviewed.beats, raised), "lowered": lowered.tolist()}


def _columns(table: pd.DataFrame, rows: np.ndarray) -> dict[str, Any]:
    found = table.iloc[rows]
    return {
        "row": rows.tolist(),
        "time_s": found["time_s"].round(2).tolist(),
        "score": found["anomaly_score"].round(3).tolist(),
        "called": [beats.CALLED[name] for name in found["called"]],
        "reason": [beats.REASONS[name] for name in found["reason"]],
        "group": found["group"].tolist(),
    }
