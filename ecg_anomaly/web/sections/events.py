"""The list of events: of the signal, and of the rhythm of the flagged beats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, html

from ecg_anomaly.beats.events import Event
from ecg_anomaly.findings.rhythms import Rhythm
from ecg_anomaly.reports import styles
from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState


def layout(_state: ServerState) -> html.Div:
    """Lay the list of events out."""
    columns = [
        parts.column("kind", "event", 190, flex=1),
        parts.column("start_s", "from", 125, "timeOfDay(params.value)", sort="asc"),
        parts.column("length_s", "lasts", 100, "seconds(params.value)"),
        parts.column("beats", "beats", 90, "count(params.value)"),
        parts.column("rate_bpm", "beats/min", 110, "count(params.value)"),
    ]
    kinds = parts.choices(ids.EVENT_KINDS, "which events", [], "all events", placeholder="all", size="xs")
    chosen = {"mode": "singleRow", "enableClickSelection": True, "checkboxes": False}
    return html.Div(
        [
            kinds,
            parts.grid(
                ids.EVENTS, "Events", columns, "params.data.id", "events", rowSelection=chosen, noRows="No events."
            ),
        ]
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the list."""

    @app.callback(
        [Output(ids.EVENTS, "rowData"), Output(ids.EVENT_KINDS, "data")],
        [Input(ids.READY, "data"), Input(ids.MARKED, "data"), Input(ids.THRESHOLD, "value")],
    )
    def show_events(key: str | None, _marked: Any, threshold: float) -> tuple[list[Any], list[Any]]:
        if key is None:
            return [], []
        reviewed = state.recordings.review(key, threshold)
        rows = event_rows(reviewed.events)
        counts = Counter(row["kind"] for row in rows)
        return rows, [{"value": kind, "label": f"{kind} ({count:,})"} for kind, count in counts.most_common()]

    parts.answer_in_browser(app, "filterEvents", Input(ids.EVENT_KINDS, "value"))


def event_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Give the rows of the list, in order of their start."""
    rows = []
    for event in sorted(events, key=lambda event: (event.start_s, event.kind)):
        beats, rate_bpm = (event.beats, event.rate_bpm) if isinstance(event, Rhythm) else (None, None)
        rows.append(
            {
                "id": f"{event.kind} {event.start_s:.2f}",
                "kind": styles.EVENT_WORDS.get(event.kind, event.kind),
                "start_s": round(event.start_s, 2),
                "length_s": round(event.end_s - event.start_s, 2),
                "beats": beats,
                "rate_bpm": rate_bpm,
            }
        )
    return rows
