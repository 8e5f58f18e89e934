"""The events of the signal and of the rhythm: a row for each kind, with its worst one, and all of them in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, html

from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.naming import S, V
from ecg_anomaly.findings.rhythms import COUPLET, RUN, TRIPLET, Rhythm
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.episodes import Episode
from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState

_URGENCY = list(styles.EVENT_WORDS)  # most urgent first
_IN_A_ROW = (RUN, TRIPLET, COUPLET)  # those of V and of S are different things
_CALLED = {V: ", V", "": ", V and S", S: ", S"}  # most urgent first
_ONE = {"mode": "singleRow", "enableClickSelection": True, "checkboxes": False}


def layout(_state: ServerState) -> html.Div:
    """Lay the lists out."""
    wrapped: dict[str, Any] = {"wrapText": True, "autoHeight": True, "cellClass": "wrapped"}
    kinds = [
        parts.column("kind", "kind of event", flex=3, minWidth=110, **wrapped),
        parts.column("count", "number", 80, "count(params.value)"),
        parts.column("together_s", "together", 82, "lasts(params.value)"),
        parts.column("worst", "worst", flex=4, minWidth=110, **wrapped),
        parts.column("worst_s", "at", 76, "timeOfDay(params.value)", **wrapped),
    ]
    columns = [
        parts.column("kind", "event", flex=1, minWidth=110, **wrapped),
        parts.column("start_s", "from", 92, "timeOfDay(params.value)", **wrapped),
        parts.column("length_s", "lasts", 82, "lasts(params.value)"),
        parts.column("beats", "beats", 76, "count(params.value)"),
        parts.column("rate_bpm", "beats/min", 100, "count(params.value)"),
    ]
    steps = [
        parts.button("◀ worse", ids.WORSE_EVENT, "Worse event of this kind"),
        parts.button("next of this kind ▶", ids.NEXT_EVENT),
        parts.button("All kinds", ids.ALL_EVENTS),
    ]
    return html.Div(
        [
            parts.grid(
                ids.KINDS,
                "Kinds of events",
                kinds,
                "params.data.id",
                "kinds",
                rowSelection=_ONE,
                noRows="No events.",
                rowHeight=42,
            ),
            parts.buttons(*steps, label="Step through events"),
            html.P(id=ids.EVENT_WORDS, className="soft"),
            parts.grid(
                ids.EVENTS,
                "Events, the worst of each kind first",
                columns,
                "params.data.id",
                "events",
                rowSelection=_ONE,
                noRows="No events.",
                rowHeight=34,
            ),
        ]
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the lists."""

    @app.callback(
        [Output(ids.KINDS, "rowData"), Output(ids.EVENTS, "rowData")],
        [Input(ids.READY, "data"), Input(ids.MARKED, "data"), Input(ids.THRESHOLD, "value")],
    )
    def show_events(key: str | None, _marked: Any, threshold: float) -> tuple[list[Any], list[Any]]:
        if key is None:
            return [], []
        rows = event_rows(state.recordings.review(key, threshold).events)
        return kind_rows(rows), rows

    parts.answer_in_browser(app, "showEvents", Input(ids.KINDS, "rowData"))


def event_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Give the rows of the list: most urgent kinds first, and of each kind the worst first."""
    return [
        {
            "id": f"{event.kind} {event.start_s:.2f}",
            "kind": kind_words(event),
            "words": styles.event_words(event),
            "start_s": round(event.start_s, 2),
            "length_s": round(event.end_s - event.start_s, 2),
            "beats": event.beats if isinstance(event, Rhythm) else None,
            "rate_bpm": event.rate_bpm if isinstance(event, Rhythm) else None,
        }
        for event in sorted(events, key=_order)
    ]


def kind_words(event: Event) -> str:
    """Name the kind that an event is listed under: premature beats in a row with what they are called."""
    called = _called(event)
    return styles.EVENT_WORDS[event.kind] + ("" if called is None else _CALLED[called])


def kind_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a row for each kind of `event_rows`: how many, how long together, and which is the worst."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(row)
    return [
        {
            "id": kind,
            "kind": kind,
            "count": len(its),
            "together_s": round(sum(row["length_s"] for row in its), 2),
            "worst": its[0]["words"],
            "worst_s": its[0]["start_s"],
        }
        for kind, its in by_kind.items()
    ]


def _called(event: Event) -> str | None:
    return event.called if isinstance(event, Rhythm) and event.kind in _IN_A_ROW else None


def _order(event: Event) -> tuple[int, int, float, float]:
    called = _called(event)
    place = -1 if called is None else list(_CALLED).index(called)
    return _URGENCY.index(event.kind), place, -Episode.of(event).score, event.start_s
