"""The threshold and what it does, and the files to download."""

from __future__ import annotations

from typing import Any

import pandas as pd
from dash import Dash, Input, Output, ctx, dcc, html, no_update

from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.records.simulate import is_simulated
from ecg_anomaly.web import decisions, ids, parts
from ecg_anomaly.web.decisions import Outcome
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import count_text, percent, score_text

_FILES = {"beats": "Table of beats (CSV)", "annotations": "WFDB annotations with your marks", "report": "Report (HTML)"}


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    label = "Threshold: a beat is flagged where its score is above it"
    links = (
        html.A(text, id=ids.DOWNLOADS[kind], href="#", className="button", download="") for kind, text in _FILES.items()
    )
    return parts.section(
        "threshold",
        "Threshold and files",
        html.Label(label, id=ids.THRESHOLD_LABEL),
        dcc.Slider(0, 1, 0.01, value=0, id=ids.THRESHOLD, updatemode="mouseup", marks=None),
        parts.buttons(parts.button("The model's own threshold", ids.RESET)),
        html.Div(id=ids.OUTCOME, **parts.aria(live="polite")),
        html.H3("Download"),
        parts.buttons(*links),
        parts.buttons(
            parts.button("Close and delete the recording", ids.CLOSE),
            html.Span("Until then it stays, whether this page is open or not.", className="soft"),
        ),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.THRESHOLD, name) for name in ("min", "max", "step", "value")],
        [Input(ids.READY, "data"), Input(ids.RESET, "n_clicks")],
    )
    def reset(key: str | None, _reset: int) -> tuple[Any, ...]:
        if key is None:
            return (no_update,) * 4
        threshold = state.recordings.stored(key).threshold.threshold
        return *decisions.slider(threshold), threshold

    @app.callback(
        Output(ids.OUTCOME, "children"),
        [Input(ids.READY, "data"), Input(ids.MARKED, "data")],
        [Input(ids.THRESHOLD, "value"), Input(ids.THRESHOLD, "drag_value")],
    )
    def show_outcome(key: str | None, _marked: int, value: float, dragged: float | None) -> Any:
        if key is None:
            return []
        by_drag = any(triggered["prop_id"].endswith("drag_value") for triggered in ctx.triggered)
        threshold = dragged if by_drag and dragged is not None else value
        reviewed = state.recordings.review(key, threshold)
        marks = reviewed.beats["mark"]
        tested = decisions.read_tested(state.config.paths.outputs)
        return outcome_words(decisions.outcome(reviewed.stored, reviewed.beats), tested, threshold, marks)

    hrefs = [Output(name, "href") for name in ids.DOWNLOADS.values()]
    parts.answer_in_browser(app, "downloadLinks", hrefs, [Input(ids.READY, "data"), Input(ids.THRESHOLD, "value")])


def outcome_words(outcome: Outcome, tested: pd.DataFrame | None, threshold: float, marks: pd.Series) -> list[Any]:
    """Say what a threshold does to this recording, and what it did to the test patients of the model."""
    tiles = [
        ("flagged beats", f"{outcome.flagged:,}"),
        ("flagged per hour", score_text(outcome.per_hour(outcome.flagged))),
    ]
    lines: list[Any] = []
    if outcome.figures is None:
        lines.append(parts.soft("Without annotations nobody knows which of them are false alarms: mark them."))
    else:
        sensitivity = outcome.figures["sensitivity"]
        tiles += [
            ("false alarms per hour", score_text(outcome.per_hour(outcome.false_alarms))),
            ("of the anomalous beats found", percent(sensitivity["all"], 0)),
        ]
        found = [(name, sensitivity[name]) for name in ANOMALOUS_CLASSES if sensitivity[name] is not None]
        tiles += [(f"found of class {name}", percent(share, 0)) for name, share in found]
        if outcome.missed:
            lines.append(parts.soft(f"{count_text(outcome.missed, 'annotated beat')} not found at all."))
    if marks.any():
        tiles += [(f"marked {mark}", f"{(marks == mark).sum():,}") for mark in (RIGHT, WRONG)]
    if tested is not None:
        alarms_per_hour, share = decisions.outcome_of_test(tested, threshold)
        records = tested["record"].unique()
        simulated = " (simulated)" if len(records) and all(map(is_simulated, records)) else ""
        lines.append(
            html.P(
                f"On {count_text(len(records), 'test patient')}{simulated} of this model, such a threshold raises "
                f"{score_text(alarms_per_hour)} false alarms per hour and finds "
                f"{percent(share, 0)} of the anomalous beats."
            )
        )
    return [html.Dl([html.Div([html.Dt(term), html.Dd(words)]) for term, words in tiles], className="tiles"), *lines]
