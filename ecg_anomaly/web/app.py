"""The application as a whole."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from dash import Dash, set_props

from ecg_anomaly.errors import UserError
from ecg_anomaly.reports.pages import environment
from ecg_anomaly.web import (
    callbacks_beats,
    callbacks_decide,
    callbacks_live,
    callbacks_open,
    callbacks_signal,
    ids,
)
from ecg_anomaly.web.callbacks_open import record_names
from ecg_anomaly.web.layout import page
from ecg_anomaly.web.server import add_routes
from ecg_anomaly.web.workbench import Workbench

# The browser asks in this order: what is answered in words comes before what has to be drawn.
_PARTS = (callbacks_open, callbacks_decide, callbacks_beats, callbacks_signal, callbacks_live)

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


def create_app(bench: Workbench, hosts: Sequence[str]) -> Dash:
    """Make the application.

    Parameters
    ----------
    bench
        The state of the server.
    hosts
        The names by which the server may be asked for; empty: any.
    """
    app = Dash(
        "ecg_anomaly.web",
        serve_locally=True,
        title="ECG Anomaly Detector",
        update_title="",
        compress=False,
        on_error=_tell,
        index_string=environment().from_string(_INDEX).render(),
    )
    app.layout = lambda: page(
        record_names(bench), bench.problem, bench.offered is not None, bench.config.scoring.components
    )
    for part in _PARTS:
        part.register(app, bench)
    add_routes(app, bench, hosts)
    return app


def _tell(error: Exception) -> None:
    """Tell the user what went wrong, in words; the details are for the terminal."""
    if isinstance(error, UserError):
        words = str(error)
    else:
        logging.getLogger(__name__).error("A callback failed", exc_info=error)
        words = "Something went wrong; the terminal in which the application runs says what."
    set_props(ids.MESSAGE, {"children": words})
