"""The threshold and what it does, and the files to download."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import Dash, Input, Output, ctx, html, no_update

from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.records.simulate import is_simulated
from ecg_anomaly.web import decisions, ids, parts
from ecg_anomaly.web.decisions import Outcome
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import count_text, percent, score_text

_FILES = {
    "beats": "Table of beats (CSV)",
    "annotations": "WFDB annotations with your marks",
    "report": "Report (HTML)",
    "print": "Page to print",
}


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    slider = dmc.Slider(
        id=ids.THRESHOLD,
        min=0,
        max=1,
        value=0,
        updatemode="mouseup",
        label=None,
        thumbLabel="Threshold",
    )
    field = dmc.NumberInput(
        id=ids.THRESHOLD_FIELD,
        label="Threshold: a beat is flagged where its score is above it",
        description="Empty: the model's own.",
        debounce=True,
        hideControls=True,
    )
    how: dict[str, dict[str, Any]] = {kind: {"download": ""} for kind in _FILES} | {"print": {"target": "_blank"}}
    links = [
        html.A(text, id=ids.DOWNLOADS[kind], href="#", className="button", **how[kind]) for kind, text in _FILES.items()
    ]
    return parts.section(
        "threshold",
        "Threshold and files",
        field,
        slider,
        parts.buttons(parts.button("The model's own threshold", ids.RESET)),
        html.Div(id=ids.OUTCOME, role="status"),
        html.H3("Download"),
        parts.buttons(*links),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        [Output(ids.THRESHOLD, name) for name in ("min", "max", "step", "value")],
        [Output(ids.THRESHOLD_FIELD, name) for name in ("value", "decimalScale", "step")],
        [Input(ids.READY, "data"), Input(ids.RESET, "n_clicks")],
        [Input(ids.THRESHOLD, "value"), Input(ids.THRESHOLD_FIELD, "value")],
    )
    def settle(key: str | None, _reset: int, slid: Any, entered: Any) -> tuple[Any, ...]:
        if key is None:
            return (no_update,) * 7
        recordings = state.recordings
        own, trigger = recordings.stored(key).threshold.threshold, ctx.triggered_id
        scale = decisions.scale(own)
        if trigger != ids.READY:
            asked = {ids.THRESHOLD: slid, ids.THRESHOLD_FIELD: entered}.get(str(trigger))
            recordings.choose_threshold(key, decisions.chosen_threshold(asked, own))
        threshold = recordings.threshold(key)
        shown = round(threshold, scale.decimals)
        return scale.lowest, scale.highest, scale.step, threshold, shown, scale.decimals, scale.step

    @app.callback(
        Output(ids.OUTCOME, "children"),
        [Input(ids.READY, "data"), Input(ids.MARKED, "data"), Input(ids.THRESHOLD, "value")],
    )
    def show_outcome(key: str | None, _marked: Any, threshold: float) -> Any:
        if key is None:
            return []
        reviewed = state.recordings.review(key, threshold)
        tested = decisions.read_tested(state.config.paths.outputs)
        outcome = decisions.outcome(reviewed)
        return outcome_words(outcome, tested, threshold, reviewed.beats["mark"])

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
