"""The page: its parts, their names for screen readers, and the keys that work without a mouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from ecg_anomaly.reports import styles
from ecg_anomaly.web import decisions, downloads, ids
from ecg_anomaly.web.aria import aria
from ecg_anomaly.web.figures import nothing

_POLL_MS = 200
_LIVE_MS = 500
_GRAPH: Any = {"displaylogo": False, "responsive": True, "displayModeBar": False}

SPEEDS = (1, 2, 5, 10)

_KEYS = (
    ("n, p", "next and previous flagged beat of the list"),
    (", .", "previous and next beat of the recording"),
    ("r, w, u", "mark the flagged beat as right, as wrong, or take the mark away"),
    ("+ - h l", "zoom in and out, move left and right in the signal"),
)


def page(records: Sequence[str], problem: str, offered: bool, components: Sequence[str]) -> html.Div:
    """Lay the page out.

    Parameters
    ----------
    records
        Names of the records that can be opened without an upload.
    problem
        Why no recording can be analysed; empty if one can.
    offered
        Whether there is another model that can be used.
    components
        The questions that the anomaly score adds up.
    """
    return html.Div(
        [
            html.A("Skip to the flagged beats", href="#beats", className="skip"),
            html.Header(
                [
                    html.H1("ECG Anomaly Detector"),
                    html.Nav(
                        [
                            html.A(text, href=f"#{name}")
                            for name, text in (
                                ("open", "Open"),
                                ("overview", "Overview"),
                                ("beats", "Beats"),
                                ("signal", "Signal"),
                                ("decide", "Decide"),
                                ("live", "Live"),
                            )
                        ],
                        **aria(label="Parts of the page"),
                    ),
                ]
            ),
            html.P(
                [
                    html.Strong("Not a medical device."),
                    " Research software: no diagnosis or treatment may rest on it. Recordings stay on this machine.",
                ],
                className="notice",
            ),
            html.Main(
                [
                    _model_notice(problem, offered),
                    _open(records),
                    html.Div(
                        [_overview(), _beats(components), _signal(), _decide()], id=ids.RECORDING_PARTS, hidden=True
                    ),
                    _live(records),
                    _stores(),
                ]
            ),
        ]
    )


def _section(name: str, title: str, children: Sequence[Any]) -> html.Section:
    heading = html.H2(title, id=f"{name}-title")
    return html.Section([heading, *children], id=name, tabIndex=-1, **aria(labelledby=f"{name}-title"))


def _model_notice(problem: str, offered: bool) -> html.Div:
    if not problem:
        return html.Div(html.Button(id=ids.TAKE_OFFERED, hidden=True), id=ids.MODEL)
    if offered:
        way = [
            html.P("The demo's model is there. It was trained on simulated records: use it to look around."),
            html.Button("Use the demo's model", id=ids.TAKE_OFFERED, type="button"),
        ]
    else:
        way = [
            html.P(
                [
                    "To look around, make a model from simulated records: ",
                    html.Code("make demo"),
                    "; then start this again.",
                ]
            ),
            html.Button(id=ids.TAKE_OFFERED, hidden=True),
        ]
    return html.Div(
        [html.H2("There is no trained model yet"), html.P(problem), *way], id=ids.MODEL, className="card", role="alert"
    )


def _open(records: Sequence[str]) -> html.Section:
    return _section(
        "open",
        "Open a recording",
        [
            html.Div(
                [
                    html.Div(id=ids.DROP, className="drop"),  # upload.js puts the field for files in
                    html.Div(
                        [
                            html.Label("or a record that is on this machine", htmlFor=ids.RECORD),
                            dcc.Dropdown(
                                list(records), id=ids.RECORD, placeholder="database/record", disabled=not records
                            ),
                            html.Div(
                                [
                                    html.Button(
                                        "Open the record", id=ids.OPEN_RECORD, type="button", disabled=not records
                                    ),
                                    html.Button("Open a simulated example", id=ids.OPEN_EXAMPLE, type="button"),
                                ],
                                className="buttons",
                            ),
                        ]
                    ),
                ],
                className="two",
            ),
            html.Details(
                [
                    html.Summary("A table (.csv) without times, or not in millivolts"),
                    html.Div(
                        [
                            _field("samples per second", ids.RATE, "as the file says"),
                            _field("units per millivolt", ids.GAIN, "1"),
                        ],
                        className="fields",
                    ),
                ]
            ),
            html.Div(
                [
                    html.Progress(id=ids.BAR, max="1", value="0", **aria(label="Progress of the analysis")),
                    html.Button("Cancel", id=ids.CANCEL, type="button"),
                ],
                id=ids.WORKING,
                className="working",
                hidden=True,
            ),
            html.P(id=ids.MESSAGE, role="status", **aria(live="polite")),
        ],
    )


def _field(label: str, name: str, placeholder: str) -> html.Div:
    return html.Div([html.Label(label, htmlFor=name), dcc.Input(id=name, type="number", placeholder=placeholder)])


def _overview() -> html.Section:
    return _section(
        "overview",
        "Overview",
        [
            html.Div(id=ids.HEADLINE),
            _figure(ids.OVERVIEW, "Heart rate, anomaly score and events over the whole recording", _GRAPH),
            html.P("Click a flagged beat to look at it.", className="soft"),
        ],
    )


def _figure(name: str, label: str, config: Any) -> html.Div:
    graph = dcc.Graph(id=name, figure=nothing(), config=config, className="graph")
    return html.Div(graph, className="figure", role="group", **aria(label=label))


def _beats(components: Sequence[str]) -> html.Section:
    return _section(
        "beats",
        "Flagged beats",
        [
            html.Div(
                [
                    html.Div([_list_controls(components), html.Div(id=ids.LIST), _pager()], className="list"),
                    html.Div(
                        [
                            html.Div(
                                [
                                    html.Button("◀ flagged", id=ids.PREVIOUS, type="button"),
                                    html.Button("flagged ▶", id=ids.NEXT, type="button"),
                                    html.Button("◀ beat", id=ids.EARLIER, type="button", **aria(label="Beat before")),
                                    html.Button("beat ▶", id=ids.LATER, type="button", **aria(label="Beat after")),
                                    html.Span(className="gap"),
                                    html.Button("✓ Right", id=ids.MARK_RIGHT, type="button", title="it is not normal"),
                                    html.Button("✗ Wrong", id=ids.MARK_WRONG, type="button", title="it is normal"),
                                    html.Button("No mark", id=ids.MARK_NONE, type="button"),
                                ],
                                className="buttons",
                                role="toolbar",
                                **aria(label="Step through flagged beats and mark them"),
                            ),
                            html.Div(id=ids.BEAT_WORDS, **aria(live="polite")),
                            html.Div(id=ids.PAPER, className="paper"),
                            html.P("25 mm/s, 10 mm/mV, as recorded. Click a beat to look at it.", className="soft"),
                            _figure(
                                ids.BEAT_FIGURE, "The beat beside the patient's own beat and its reconstruction", _GRAPH
                            ),
                        ],
                        className="look",
                    ),
                ],
                className="list-and-look",
            ),
            html.Details(
                [
                    html.Summary("Keys"),
                    html.Dl(
                        [part for keys, words in _KEYS for part in (html.Dt(html.Kbd(keys)), html.Dd(words))],
                        className="facts",
                    ),
                    dcc.Checklist([{"label": "use these keys", "value": "on"}], ["on"], id=ids.KEYS, persistence=True),
                ]
            ),
        ],
    )


def _list_controls(components: Sequence[str]) -> html.Div:
    return html.Div(
        [
            html.Fieldset(
                [
                    html.Legend("Order"),
                    dcc.RadioItems(
                        [
                            {"label": "highest score first", "value": decisions.BY_SCORE},
                            {"label": "time", "value": decisions.BY_TIME},
                        ],
                        decisions.BY_SCORE,
                        id=ids.ORDER,
                    ),
                ]
            ),
            html.Fieldset(
                [
                    html.Legend("Flagged for"),
                    dcc.Checklist(
                        [{"label": styles.question(name), "value": name} for name in components],
                        list(components),
                        id=ids.REASONS,
                    ),
                ]
            ),
        ],
        className="controls",
    )


def _pager() -> html.Div:
    return html.Div(
        [
            html.Button("◀", id=ids.PAGE_BACK, type="button", **aria(label="Previous page of the list")),
            html.Span(id=ids.PAGE_WORDS),
            html.Button("▶", id=ids.PAGE_ON, type="button", **aria(label="Next page of the list")),
        ],
        className="pager",
    )


def _signal() -> html.Section:
    buttons = (("in", "+", "Zoom in"), ("out", "-", "Zoom out"), ("left", "◀", "Earlier"), ("right", "▶", "Later"))
    return _section(
        "signal",
        "The whole signal",
        [
            html.P(
                "Drag to move, turn the wheel to zoom, click a mark to look at its beat. "
                "On a touch screen, use the buttons.",
                className="soft",
            ),
            html.Div(
                [
                    *(
                        html.Button(sign, id=ids.MOVES[by], type="button", title=words, **aria(label=words))
                        for by, sign, words in buttons
                    ),
                    html.Button("All", id=ids.MOVES["all"], type="button"),
                    html.Button("The chosen beat", id=ids.MOVES["beat"], type="button"),
                ],
                className="buttons",
                role="toolbar",
                **aria(label="Zoom and move the signal"),
            ),
            _figure(ids.SIGNAL, "The signal, to be zoomed and moved", {**_GRAPH, "scrollZoom": True}),
        ],
    )


def _decide() -> html.Section:
    return _section(
        "decide",
        "Decide",
        [
            html.Label(
                "Threshold: a beat is flagged where its score is so far above what is usual for the patient",
                id=ids.THRESHOLD_LABEL,
            ),
            dcc.Slider(0, 1, 0.01, value=0, id=ids.THRESHOLD, updatemode="mouseup", marks=None),
            html.Div([html.Button("The model's own threshold", id=ids.RESET, type="button")], className="buttons"),
            html.Div(id=ids.OUTCOME, **aria(live="polite")),
            html.H3("Take along"),
            html.Div(
                [
                    html.A(words, id=ids.DOWNLOADS[kind], href="#", className="button", download="")
                    for kind, words in (
                        (downloads.BEATS, "Table of beats (CSV)"),
                        (downloads.ANNOTATIONS, "WFDB annotations with your marks"),
                        (downloads.REPORT, "Report (HTML)"),
                    )
                ],
                className="buttons",
            ),
            html.Div(
                [
                    html.Button("Close and delete the recording", id=ids.CLOSE, type="button"),
                    html.Span("It is deleted from here when you leave the page, or after an hour.", className="soft"),
                ],
                className="buttons",
            ),
        ],
    )


def _live(records: Sequence[str]) -> html.Section:
    return _section(
        "live",
        "Live",
        [
            html.P("Play a record as if it came in from a patient: beats are judged as they arrive.", className="soft"),
            html.Div(
                [
                    html.Div(
                        [
                            html.Label("record", htmlFor=ids.LIVE_RECORD),
                            dcc.Dropdown(list(records), id=ids.LIVE_RECORD, placeholder="the simulated example"),
                        ],
                        className="wide",
                    ),
                    html.Div(
                        [
                            html.Label("speed", htmlFor=ids.SPEED),
                            dcc.Dropdown(
                                [{"label": f"{speed} times", "value": speed} for speed in SPEEDS],
                                1,
                                id=ids.SPEED,
                                clearable=False,
                                searchable=False,
                            ),
                        ]
                    ),
                    html.Button("Play", id=ids.PLAY, type="button"),
                    html.Button("Stop", id=ids.STOP, type="button"),
                ],
                className="fields",
            ),
            html.P(id=ids.LIVE_WORDS, role="status", **aria(live="off")),
            html.Div(_figure(ids.LIVE_FIGURE, "The signal as it comes in", _GRAPH), id=ids.LIVE_PART, hidden=True),
            html.Div(id=ids.LIVE_NEWS, role="log", **aria(label="Flagged beats and events", live="polite")),
        ],
    )


def _stores() -> html.Div:
    return html.Div(
        [
            dcc.Store(id=ids.OPENED, storage_type="session"),  # key of the recording that is analysed or shown
            dcc.Store(id=ids.READY),  # the same, when there are results
            dcc.Store(id=ids.BEAT),  # row of the beat that is looked at
            dcc.Store(id=ids.CLICKED),  # time that was clicked on ECG paper
            dcc.Store(id=ids.MARKED),  # counts marks, so that what shows them follows
            dcc.Store(id=ids.LIST_PAGE, data=0),
            dcc.Store(id=ids.VIEW),  # the stretch of signal that is seen
            dcc.Store(id=ids.SHADES),  # what is shaded in it
            dcc.Store(id=ids.PAPER_CONTENT),
            dcc.Store(id=ids.ON_PAPER),  # recording and row of the beat on the paper
            dcc.Store(id=ids.PLAYING),  # key of what is played
            dcc.Interval(id=ids.POLL, interval=_POLL_MS, disabled=True),
            dcc.Interval(id=ids.LIVE_TICK, interval=_LIVE_MS, disabled=True),
        ]
    )
