"""Parts that the sections of the page are made of, with their names for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html

from ecg_anomaly.findings.marks import RIGHT, WRONG

MARK_WORDS = {RIGHT: "✓ right", WRONG: "✗ wrong"}
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


def field(label: str, control: Any, **properties: Any) -> html.Div:
    """Put a label above a control."""
    return html.Div([html.Label(label, htmlFor=control.id), control], **properties)


def figure(name: str, label: str, **config: Any) -> html.Div:
    """Make room for a figure of Plotly."""
    settings: Any = {"displaylogo": False, "responsive": True, "displayModeBar": False, **config}
    graph = dcc.Graph(id=name, figure=NO_FIGURE, config=settings)
    return html.Div(graph, className="figure", role="group", **aria(label=label))


def facts(pairs: Iterable[tuple[Any, Any]], name: str = "facts") -> html.Dl:
    """List terms and what there is to say of each."""
    return html.Dl([part for term, words in pairs for part in (html.Dt(term), html.Dd(words))], className=name)


def soft(text: str) -> html.P:
    """Write what need not be read."""
    return html.P(text, className="soft")


def answer_in_browser(app: Dash, function: str, *ends: Output | Input | Sequence[Output | Input]) -> None:
    """Have a function of ``page.js`` answer a callback."""
    app.clientside_callback(ClientsideFunction("page", function), *ends)  # type: ignore[no-untyped-call]
