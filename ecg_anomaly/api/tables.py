"""Events and groups as tables, each column of one type however many rows there are."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ecg_anomaly.beats.events import Event
from ecg_anomaly.findings.groups import Group
from ecg_anomaly.findings.rhythms import Rhythm
from ecg_anomaly.reports.styles import event_words

_EVENTS = {
    **{"kind": "object", "start_s": "float64", "end_s": "float64", "beats": "Int64", "rate_bpm": "float64"},
    **{"called": "object", "words": "object"},
}
_GROUPS = {
    **{"group": "int64", "flagged": "bool", "name": "object", "beats": "int64", "share": "float64"},
    **{"coupling_s": "float64"},
}


def events_table(events: Sequence[Event]) -> pd.DataFrame:
    """Tabulate events and rhythms in order of their start; only the latter have beats, a rate and a name of those.

    ``end_s`` is NaN while an event goes on.
    """
    rows = []
    for event in sorted(events, key=lambda event: event.start_s):
        of_beats = (event.beats, event.rate_bpm, event.called) if isinstance(event, Rhythm) else (None, None, "")
        rows.append((event.kind, event.start_s, event.end_s, *of_beats, event_words(event)))
    return pd.DataFrame(rows, columns=list(_EVENTS)).astype(_EVENTS)


def groups_table(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate groups of beats: the flagged ones first, large ones before small."""
    return pd.DataFrame([group.to_json() for group in groups], columns=list(_GROUPS)).astype(_GROUPS)
