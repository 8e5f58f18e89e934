"""The application as a whole: the page and the callbacks of its sections."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import Dash, dcc, html, set_props

from ecg_anomaly.errors import UserError
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.web import ids, parts
from ecg_anomaly.web.sections import bar, lists, live, overview, signal, strip, threshold, worklist
from ecg_anomaly.web.sections import open as opening
from ecg_anomaly.web.server import ALIVE, add_routes
from ecg_anomaly.web.state import ServerState

_POLL_MS, _LIVE_MS = 200, 500
_LINKS = {"open": "Open", "worklist": "Worklist", "overview": "Overview", "beats": "Review"}
_LINKS |= {"signal": "Signal", "threshold": "Threshold", "live": "Live"}
# The browser asks in this order: what is answered in words comes before what has to be drawn.
_CALLBACKS = (opening, worklist, threshold, bar, lists, overview, strip, signal, live)
_STORES = (
    ids.READY,  # key of the recording that is shown: it was opened, and there are results
    ids.BEAT,  # row of the beat that is looked at
    ids.AT,  # the stretch to go to: its middle and, where it matters, its length, in seconds
    ids.CLICKED,  # time that was clicked on ECG paper
    ids.MARKED,  # counts marks, so that what shows them follows
    ids.VIEW,  # the stretch of signal that is seen
    ids.SHADES,  # what is shaded in it
    ids.PAPER_CONTENT,
    ids.ON_PAPER,  # recording and row of the beat on the paper
    ids.PLAYING,  # key of what is played
)

# Mantine's blue is too light for white text; see assets/page.css for its other colours.
_THEME = {
    "primaryColor": "blue",
    "primaryShade": {"light": 8, "dark": 4},
    "autoContrast": True,
    "fontFamily": "inherit",
}

_PACKAGED = (
    "The detector that comes with the package judges, since nobody has trained one here; it has learned normal beats "
    "of the MIT-BIH Arrhythmia Database."
)
_NO_ANSWER = (
    "The server does not answer; is it still running? What you mark stays in this page, and is sent when it is back."
)
_INDEX = """
{%- from "page_parts.jinja" import style -%}
{%- from "ecg_paper.jinja" import paper_squares, paper_style -%}
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ECG Anomaly Detector</title>
<link rel="icon" href="data:,">
<style>
{{ style("(prefers-color-scheme: dark)") }}
{{ paper_style() }}
</style>
{% raw %}{%css%}{% endraw %}
</head>
<body>
{{ paper_squares() }}
<noscript><p>This page needs JavaScript, which comes from this machine alone.</p></noscript>
{% raw %}{%app_entry%}{%config%}{%scripts%}{%renderer%}{% endraw %}
</body>
</html>
"""


def create_app(state: ServerState, hosts: Sequence[str]) -> Dash:
    """Make the application, which answers to some names of this machine; see `add_routes`."""
    app = Dash(
        "ecg_anomaly.web",
        serve_locally=True,
        title="ECG Anomaly Detector",
        update_title="",
        compress=False,
        health_endpoint=ALIVE,
        prevent_initial_callbacks=True,
        on_error=_show_error,
        index_string=environment().from_string(_INDEX).render(),
    )
    app.layout = lambda: _page(state)
    for section in _CALLBACKS:
        section.register(app, state)

    add_routes(app, state, hosts)
    return app


def _page(state: ServerState) -> dmc.MantineProvider:
    """Lay the page out."""
    links = [html.A(words, href=f"#{name}") for name, words in _LINKS.items()]
    notice = " Research software: no diagnosis or treatment may rest on it. Recordings stay on this machine."
    columns = [html.Div(section.layout(state)) for section in (lists, strip)]
    of_a_recording = [
        bar.layout(state),
        overview.layout(state),
        html.Div(columns, className="list-and-look"),
        *(section.layout(state) for section in (signal, threshold)),
    ]
    main = [
        *_detector_notice(state),
        opening.layout(state),
        worklist.layout(state),
        html.Div(of_a_recording, id=ids.RECORDING_PARTS, hidden=True),
        live.layout(state),
        dcc.Store(id=ids.OPENED, storage_type="session"),  # key of the recording that is to be shown
        *(dcc.Store(id=name) for name in _STORES),
        dcc.Interval(id=ids.POLL, interval=_POLL_MS, disabled=True),
        dcc.Interval(id=ids.LIVE_TICK, interval=_LIVE_MS, disabled=True),
    ]
    return dmc.MantineProvider(
        [
            html.A("Skip to the review", href="#beats", className="skip"),
            html.Header([html.H1("ECG Anomaly Detector"), html.Nav(links, **parts.aria(label="Parts of the page"))]),
            html.Aside(
                [html.Strong("Not a medical device."), notice], className="notice", **parts.aria(label="Notice")
            ),
            html.Main(main),
            html.P(_NO_ANSWER, id=ids.OFFLINE, className="offline", role="alert", hidden=True),
            html.Div(
                [html.P(id=ids.MESSAGE, role="status"), parts.button("✕", ids.DISMISS, "Dismiss the message")],
                className="message",
            ),
        ],
        theme=_THEME,
        defaultColorScheme="auto",
    )


def _detector_notice(state: ServerState) -> list[Any]:
    """Say what to know of the detector: that there is none, or that it is the one that comes with the package."""
    if state.problem:
        return [html.Div([html.H2("There is no detector yet"), html.P(state.problem)], className="card", role="alert")]
    return [parts.soft(_PACKAGED)] if state.is_packaged else []


def _show_error(error: Exception) -> None:
    """Say what went wrong, in words; the details are for the terminal."""
    if isinstance(error, UserError):
        words = str(error)
    else:
        logging.getLogger(__name__).error("A callback failed", exc_info=error)
        words = "Something went wrong; the terminal in which the application runs says what."
    set_props(ids.MESSAGE, {"children": words})
