"""Groups of alike beats: one look, and one mark, for all of a group."""

from __future__ import annotations

from typing import Any

from dash import html

from ecg_anomaly.findings.groups import REST
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports.group_pictures import mean_beats
from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.state import ServerState

_WIDTH, _HEIGHT = 108, 44  # of the picture of a mean beat, in pixels


def layout(_state: ServerState) -> html.Div:
    """Lay the list of groups out."""
    mark = {"colId": "mark", "sortable": False, "wrapText": True, "cellClass": "wrapped"}
    both = {"cellClass": "wrapped lines", "wrapHeaderText": True}
    columns = [
        parts.column("number", "no.", 52, "groupOf(params.value)"),
        parts.column("shape", "mean beat", _WIDTH + 16, cellRenderer="MeanBeat", cellDataType=False, sortable=False),
        parts.column("name", "like", flex=1, minWidth=100, wrapText=True, autoHeight=True, cellClass="wrapped"),
        parts.column("count", "beats", 68, "count(params.value)"),
        parts.column("number", "your mark", 88, "groupMark(params.data)", **mark),
        parts.column("share", "share, coupling", 80, "shareAndCoupling(params.data)", **both),
    ]
    options: dict[str, Any] = {"rowSelection": parts.CHOOSE_MANY, "rowHeight": _HEIGHT + 12}
    return html.Div(
        [
            parts.many_marks("groups", "Mark the chosen groups"),
            parts.grid(ids.GROUPS, "Groups of beats", columns, "params.data.number + ''", "groups", **options),
            parts.buttons(parts.button("next beat of the group ▶", ids.NEXT_OF_GROUP)),
            html.P(id=ids.GROUP_WORDS, className="soft"),
        ]
    )


def group_rows(reviewed: Review, with_others: bool, numbers: list[int]) -> list[dict[str, Any]]:
    """Give the rows of the list: those of flagged groups and, if asked for, of the others, and what is in none.

    ``numbers`` has the group of each beat that is listed.
    """
    groups = [group for group in reviewed.groups if group.flagged or with_others]
    leads = len(reviewed.summary["leads"])
    size = {"width": _WIDTH, "height": _HEIGHT}
    drawn = mean_beats(groups, leads, _WIDTH / leads, _HEIGHT)
    rows: list[dict[str, Any]] = [
        {**group.to_json(), "number": group.number, "count": group.count, "shape": {**size, "lanes": lanes}}
        for group, lanes in zip(groups, drawn, strict=True)
    ]
    if rest := numbers.count(REST):
        rows.append({"number": REST, "name": "in no group", "count": rest, "share": rest / len(numbers)})
    return rows
