"""Groups of alike beats: one look, and one mark, for all of a group."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from ecg_anomaly.findings.groups import REST, Group
from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState

# A picture of the mean beat, in pixels, and the scaled values at its lower and upper edge.
_WIDTH, _HEIGHT, _LOWEST, _HIGHEST = 92, 48, -1.2, 1.6
_POINTS = 55  # of a line


def layout(_state: ServerState) -> html.Div:
    """Lay the list of groups out."""
    mark = {"colId": "mark", "sortable": False, "wrapText": True, "cellClass": "wrapped"}
    both = {"cellClass": "wrapped lines", "wrapHeaderText": True}
    columns = [
        parts.column("number", "no.", 52, "groupOf(params.value)"),
        parts.column("shape", "mean beat", _WIDTH + 16, cellRenderer="MeanBeat", cellDataType=False, sortable=False),
        parts.column("name", "like", flex=1, minWidth=100, wrapText=True, cellClass="wrapped"),
        parts.column("count", "beats", 68, "count(params.value)"),
        parts.column("number", "your mark", 88, "groupMark(params.data)", **mark),
        parts.column("share", "share, coupling", 80, "shareAndCoupling(params.data)", **both),
    ]
    options = {"rowSelection": parts.CHOOSE_MANY, "rowHeight": _HEIGHT + 8}
    return html.Div(
        [
            parts.many_marks("groups", "Mark the chosen groups"),
            parts.grid(ids.GROUPS, "Groups of beats", columns, "params.data.number + ''", "groups", **options),
            parts.buttons(parts.button("next beat of the group ▶", ids.NEXT_OF_GROUP)),
            html.P(id=ids.GROUP_WORDS, className="soft"),
        ]
    )


def group_rows(groups: list[Group], with_others: bool, numbers: list[int]) -> list[dict[str, Any]]:
    """Give the rows of the list: those of flagged groups and, if asked for, of the others, and what is in none.

    ``numbers`` has the group of each beat that is listed.
    """
    rows = [
        {**group.to_json(), "number": group.number, "count": group.count, "shape": mean_beat(group)}
        for group in groups
        if group.flagged or with_others
    ]
    if rest := numbers.count(REST):
        rows.append({"number": REST, "name": "in no group", "count": rest, "share": rest / len(numbers)})
    return rows


def mean_beat(group: Group) -> dict[str, Any]:
    """Draw the mean beat of a group, as paths of SVG: one line per lead, and a band as wide as the spread of the first.

    All groups have one scale; what is higher or lower ends at the edge.
    """
    upper, lower = (_points(group.mean[:, 0] + sign * group.spread[:, 0]) for sign in (1, -1))
    lines = [f"M{_path(_points(lead))}" for lead in group.mean.T if lead.any()]
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "band": f"M{_path(upper)}L{_path(lower[::-1])}Z",
        "lines": lines,
    }


def _points(values: np.ndarray) -> np.ndarray:
    """Give the pixels of a line, shape ``(points, 2)``."""
    places = np.linspace(0, len(values) - 1, min(_POINTS, len(values))).round().astype(int)
    y = (_HIGHEST - np.nan_to_num(values[places])) / (_HIGHEST - _LOWEST) * _HEIGHT
    return np.column_stack([places / max(1, len(values) - 1) * _WIDTH, y.clip(0, _HEIGHT)])


def _path(points: np.ndarray) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
