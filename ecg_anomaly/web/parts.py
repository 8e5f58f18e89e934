"""Parts that the sections of the page are made of, with their names for screen readers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.web import ids

MARK_WORDS = {RIGHT: "✓ right", WRONG: "✗ wrong"}
# Many rows may be chosen at once, with the mouse or the keyboard, in boxes or by clicks with Shift and Ctrl.
CHOOSE_MANY = {
    "mode": "multiRow",
    "enableClickSelection": True,
    "checkboxes": True,
    "headerCheckbox": True,
    "selectAll": "filtered",
}
_GRID_LOOK = json.dumps(
    {
        "fontFamily": "inherit",
        "fontSize": 14,
        "backgroundColor": "var(--page)",
        "foregroundColor": "var(--ink)",
        "headerTextColor": "var(--ink)",
        "headerBackgroundColor": "var(--card)",
        "borderColor": "var(--rule)",
        "accentColor": "var(--accent)",
        "selectedRowBackgroundColor": "var(--chosen)",
        "rowHoverColor": "var(--card)",
        "cellHorizontalPadding": 8,
    }
)
NO_FIGURE: dict[str, Any] = {"layout": {"xaxis": {"visible": False}, "yaxis": {"visible": False}}}


def aria(**words: str) -> dict[str, Any]:
    """Make attributes of an element: ``label`` becomes ``aria-label``."""
    return {f"aria-{name}": value for name, value in words.items()}


def section(name: str, title: str, *children: Any) -> html.Section:
    """Make a section of the page, which links lead to."""
    heading = html.H2(title, id=f"{name}-title")
    return html.Section([heading, *children], id=name, tabIndex=-1, **aria(labelledby=f"{name}-title"))


def button(text: str, name: str, label: str = "", **properties: Any) -> html.Button:
    """Make a button; one whose text is a sign needs a label."""
    return html.Button(text, id=name, type="button", **(aria(label=label) if label else {}), **properties)


def buttons(*children: Any, label: str = "") -> html.Div:
    """Put buttons side by side; with a label they are a toolbar."""
    return html.Div(list(children), className="buttons", **({"role": "toolbar", **aria(label=label)} if label else {}))


def figure(name: str, label: str, **config: Any) -> html.Div:
    """Make room for a figure of Plotly."""
    settings: Any = {"displaylogo": False, "responsive": True, "displayModeBar": False, **config}
    graph = dcc.Graph(id=name, figure=NO_FIGURE, config=settings)
    return html.Div(graph, className="figure", role="group", **aria(label=label))


def column(field: str, title: str, width: int | None = None, shown: str = "", **properties: Any) -> dict[str, Any]:
    """Make a column of a `grid`: a function of ``review.js`` may say how its values are shown."""
    size = {"width": width} if width else {}
    form = {"valueFormatter": {"function": shown}} if shown else {}
    return {"field": field, "headerName": title, **size, **form, **properties}


def grid(
    name: str,
    label: str,
    columns: Sequence[dict[str, Any]],
    row_id: str,
    look: str = "",
    rows: Sequence[dict[str, Any]] = (),
    **options: Any,
) -> html.Div:
    """Make a grid whose rows the page's script knows by ``row_id``, an expression of JavaScript."""
    no_rows = options.pop("noRows", "Nothing is listed.")
    table = dag.AgGrid(
        id=name,
        columnDefs=list(columns),
        rowData=list(rows),
        getRowId=row_id,
        defaultColDef={"resizable": True, "sortable": True, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "theme": {"function": f"themeQuartz.withParams({_GRID_LOOK})"},
            "localeText": {"noRowsToShow": no_rows},
            "headerHeight": 38,
            "animateRows": False,
            "ensureDomOrder": True,
            "suppressDragLeaveHidesColumns": True,
            **options,
        },
        style={"height": "100%", "width": "100%"},
    )
    return html.Div(table, className=f"grid {look}", role="group", **aria(label=label))


def choices(name: str, label: str, data: Sequence[Any], none: str, **properties: Any) -> dmc.MultiSelect:
    """Make a control that chooses some of many; ``none`` names the button that chooses none of them."""
    return dmc.MultiSelect(
        id=name,
        label=label,
        data=list(data),
        clearable=True,
        clearButtonProps=aria(label=none),
        withScrollArea=False,
        comboboxProps={"withinPortal": False},
        **properties,
    )


def many_marks(name: str, label: str) -> html.Div:
    """Make the buttons that mark what is chosen in a list."""
    signs = {"right": "✓ Right", "wrong": "✗ Wrong", "none": "No mark"}
    marks = (button(text, ids.MANY[mark][name], f"{label}: {text}") for mark, text in signs.items())
    return buttons(html.Span(f"{label}:", id=ids.CHOSEN[name], className="soft"), *marks, label=label)


def facts(pairs: Iterable[tuple[Any, Any]], name: str = "facts") -> html.Dl:
    """List terms and what there is to say of each."""
    return html.Dl([part for term, words in pairs for part in (html.Dt(term), html.Dd(words))], className=name)


def soft(text: str) -> html.P:
    """Write what need not be read."""
    return html.P(text, className="soft")


def answer_in_browser(app: Dash, function: str, *ends: Output | Input | Sequence[Output | Input]) -> None:
    """Have a function of the page's scripts answer a callback."""
    app.clientside_callback(ClientsideFunction("page", function), *ends)  # type: ignore[no-untyped-call]
