"""What stays in view of the recording that is reviewed: its name, how far the review is, threshold, undo and redo."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, html

from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import score_text


def layout(_state: ServerState) -> html.Div:
    """Lay the bar out."""
    return html.Div(
        [
            html.Strong(id=ids.BAR_NAME, className="name"),
            html.Span(id=ids.BAR_PROGRESS),
            html.A(id=ids.BAR_THRESHOLD, href="#threshold"),
            html.A("List", href="#beats", className="far", **parts.aria(label="Back to the list")),
            html.A("Beat", href="#strip", className="far", **parts.aria(label="To the chosen beat")),
            html.Span(id=ids.NEWS, className="soft", role="status"),
            parts.button("Undo", ids.UNDO, disabled=True),
            parts.button("Redo", ids.REDO, disabled=True),
            html.Span(id=ids.UNSENT, className="note", hidden=True),
        ],
        className="sticky",
        role="group",
        **parts.aria(label="The recording that is reviewed"),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the bar."""

    @app.callback(
        [Output(ids.BAR_NAME, "children"), Output(ids.BAR_THRESHOLD, "children")],
        [Input(ids.READY, "data"), Input(ids.THRESHOLD, "value")],
    )
    def show_bar(key: str | None, threshold: float) -> tuple[Any, Any]:
        if key is None:
            return "", ""
        name = state.recordings.review(key, threshold).summary["recording"]
        return name, f"threshold {score_text(threshold)}"
