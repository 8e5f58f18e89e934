"""Events and rhythms along a time axis: a lane for each kind, in a colour and a pattern of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.findings import rhythms
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.recording_overview import visible_spans

Span = tuple[str, float, float]  # kind, start and end in seconds

_BANDS = 1200  # side by side: narrower ones are not seen
# Plotly's names of patterns; where kinds have a colour in common, they differ.
_PATTERNS = {
    ASYSTOLE: "",
    TACHYCARDIA: "",
    FIBRILLATION: "",
    UNREADABLE: "/",
    rhythms.RUN: "/",
    rhythms.TRIPLET: "x",
    rhythms.COUPLET: "",
    rhythms.BIGEMINY: "|",
    rhythms.TRIGEMINY: "-",
    rhythms.PAUSE: "/",
    rhythms.SLOW: "-",
    rhythms.FAST: "|",
    rhythms.IRREGULAR: "x",
}
# There is no room for more beside a lane.
_SHORT = {TACHYCARDIA: "VT", FIBRILLATION: "VF"}


def kinds(review: Review) -> list[str]:
    """List the kinds of events and rhythms that a recording has, each of which has a lane."""
    found = {event.kind for event in review.events}
    return [kind for kind in styles.EVENT_WORDS if kind in found]


def spans(review: Review, drawn_s: Sequence[float]) -> list[Span]:
    """Give each event or rhythm between two times; those of a kind that touch on the screen are one."""
    by_kind: dict[str, list[Event]] = {kind: [] for kind in kinds(review)}
    for event in review.events:
        if event.end_s >= drawn_s[0] and event.start_s <= drawn_s[1]:
            by_kind[event.kind].append(event)
    narrowest_s = (drawn_s[1] - drawn_s[0]) / _BANDS
    return [
        (kind, start_s, end_s)
        for kind, events in by_kind.items()
        for start_s, end_s in visible_spans(events, review.stored.duration_s, narrowest_s)
    ]


def bars(review: Review, drawn: Sequence[Span], unit_s: float = 1.0) -> dict[str, Any]:
    """Draw spans as bars in their lanes, on an axis of so many seconds: a curve for Plotly, whose axis is `lanes`."""
    places = {kind: lane for lane, kind in enumerate(kinds(review))}
    colours = [styles.EVENT_COLOURS[kind] for kind, _, _ in drawn]
    pattern = {"shape": [_PATTERNS[kind] for kind, _, _ in drawn], "fillmode": "overlay", "size": 6, "solidity": 0.4}
    return {
        "type": "bar",
        "orientation": "h",
        "base": [start_s / unit_s for _, start_s, _ in drawn],
        "x": [(end_s - start_s) / unit_s for _, start_s, end_s in drawn],
        "y": [places[kind] for kind, _, _ in drawn],
        "customdata": [styles.EVENT_WORDS[kind] for kind, _, _ in drawn],
        "width": 0.9,
        "yaxis": "y2",
        "marker": {"color": colours, "opacity": 0.7, "pattern": pattern, "line": {"width": 1, "color": colours}},
        "hoverinfo": "skip",  # the page tells what is under the pointer, and a click is no click on a beat
        "showlegend": False,
    }


def lanes(names: Sequence[str]) -> dict[str, Any]:
    """Give the axis of the lanes of `kinds`, without where it lies."""
    return {
        "range": [max(1, len(names)) - 0.5, -0.5],
        "tickvals": list(range(len(names))),
        "ticktext": [_SHORT.get(name, name.removesuffix(" rhythm")) for name in names],
        "tickfont": {"size": 10},
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }
