"""The whole recording at a glance, in words and as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, html

from ecg_anomaly.reports import recording_page
from ecg_anomaly.web import figures, ids, parts
from ecg_anomaly.web.fields import by_label
from ecg_anomaly.web.state import ServerState


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    return parts.section(
        "overview",
        "Overview",
        html.Div(id=ids.HEADLINE),
        parts.figure(ids.OVERVIEW, "Heart rate, anomaly score and events over the whole recording"),
        parts.soft("Click a flagged beat, an event or any place to look at it."),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.HEADLINE, "children"),
        [Input(ids.READY, "data"), Input(ids.MARKED, "data"), Input(ids.THRESHOLD, "value")],
    )
    def show_headline(key: str | None, _marked: int, threshold: float) -> Any:
        return [] if key is None else headline(state.recordings.review(key, threshold).summary)

    @app.callback(
        Output(ids.OVERVIEW, "figure"),
        Input(ids.HEADLINE, "children"),  # follows the words: a browser that draws it does not answer
        [State(ids.READY, "data"), State(ids.THRESHOLD, "value")],
    )
    def show_overview(_words: Any, key: str | None, threshold: float) -> Any:
        if key is None:
            return parts.NO_FIGURE
        return figures.overview(state.recordings.review(key, threshold))


def headline(summary: Mapping[str, Any]) -> list[Any]:
    """Sum a recording up."""
    return [
        html.H3(summary["recording"]),
        html.P(" ".join(recording_page.headline(summary)), className="words"),
        *(html.P(by_label(note), className="note") for note in summary["notes"]),
        parts.facts(recording_page.facts(summary)),
    ]
