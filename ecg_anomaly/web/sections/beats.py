"""The list of beats: flagged ones, those with a mark, and, if asked for, all others."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import GUESS

# What stands in the list for what is told at length of the chosen beat.
CALLED = {"V": "ventricular", "S": "atrial", "other": "neither", "": "not flagged"}
REASONS = {"reconstruction": "shape", "patient": "unlike others", "rhythm": "time", "ectopy": "like ectopic", "": ""}
_TITLES = {"called": "like", "reason": "flagged for", "group": "group", "mark": "your mark"}


def layout(_state: ServerState) -> html.Div:
    """Lay the list of beats out."""
    mark = {"colId": "mark", "valueGetter": {"function": "markOf(params)"}}
    columns = [
        parts.column("time_s", "time", 90, "timeOfDay(params.value)"),
        parts.column("score", "score", 78, "score(params.value)", sort="desc"),
        parts.column("called", "like", 105),
        parts.column("group", "group", 75, "groupOf(params.value)"),
        parts.column("row", "your mark", 105, "markWords(params.value)", **mark),
        parts.column("reason", "flagged for", 115),
    ]
    choices: dict[str, list[Any]] = {
        "called": list(CALLED.values()),
        "reason": [words for words in REASONS.values() if words],
        "group": [],
        "mark": [{"value": mark, "label": words} for mark, words in {**parts.MARK_WORDS, "none": "no mark"}.items()],
    }
    filters = [
        parts.choices(name, _TITLES[column], choices[column], f"{_TITLES[column]}: all", placeholder="all", size="xs")
        for column, name in ids.FILTERS.items()
    ]
    return html.Div(
        [
            html.Div(filters, className="filters", role="group", **parts.aria(label="Which beats are listed")),
            parts.many_marks("beats", "Mark the chosen beats"),
            parts.grid(
                ids.BEATS,
                "Beats",
                columns,
                "params.data.row + ''",
                "beats",
                rowSelection=parts.CHOOSE_MANY,
                rowHeight=34,
                noRows="No beat is like that.",
            ),
            html.Div(
                [
                    html.P(id=ids.BEATS_WORDS),
                    dmc.TextInput(
                        id=ids.GO_TO, label="go to", placeholder="h:mm:ss, then Enter", size="xs", className="go-to"
                    ),
                ],
                className="below",
            ),
            parts.soft(GUESS),
        ]
    )
