"""Flagged beats: the list of them, steps from beat to beat, the user's marks, and all that is known of one of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from ecg_anomaly.detector.measures import MEASURES, surprise_column
from ecg_anomaly.findings.annotated import Compared
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.reports import styles
from ecg_anomaly.web import decisions, figures, ids, parts
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import CALLED, GUESS, UNDEFINED, clock, score_text

_PAGE_ROWS = 12
_STEPS = {ids.NEXT: 1, ids.PREVIOUS: -1, ids.LATER: 1, ids.EARLIER: -1}
_PAGES = {ids.PAGE_BACK: -1, ids.PAGE_ON: 1}
_MARKS = {ids.MARK_RIGHT: RIGHT, ids.MARK_WRONG: WRONG, ids.MARK_NONE: ""}
_KEYS = (
    ("n, p", "next and previous flagged beat of the list"),
    (", .", "previous and next beat of the recording"),
    ("r, w, u", "mark the flagged beat as right, as wrong, or take the mark away"),
    ("+ - h l", "zoom in and out, move left and right in the signal"),
)
_MARK_WORDS = {RIGHT: "✓ right", WRONG: "✗ wrong"}

_ASKED = {
    "reconstruction": "Does it look like a normal beat?",
    "patient": "Does it look like this patient's beats?",
    "rhythm": "Does it come in time?",
}
_LONGEST_BAR = 15.0  # surprise; more is drawn as long as that
_RAREST = 1e6
_AROUND = 20  # beats before and after, whose RR intervals are what is usual at that time


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    orders = (("highest score first", decisions.BY_SCORE), ("time", decisions.BY_TIME))
    order = dcc.RadioItems([{"label": text, "value": by} for text, by in orders], decisions.BY_SCORE, id=ids.ORDER)
    filters = (
        ("Called", ids.CALLED, CALLED),
        ("Flagged for", ids.REASONS, {name: styles.question(name) for name in MEASURES}),
    )
    controls = [html.Fieldset([html.Legend("Order"), order])]
    for title, name, options in filters:
        boxes = dcc.Checklist([{"label": text, "value": key} for key, text in options.items()], list(options), id=name)
        controls.append(html.Fieldset([html.Legend(title), boxes]))
    pager = [
        parts.button("◀", ids.PAGE_BACK, "Previous page of the list"),
        html.Span(id=ids.PAGE_WORDS),
        parts.button("▶", ids.PAGE_ON, "Next page of the list"),
    ]
    beat_list = [
        html.Div(controls, className="controls"),
        parts.soft(GUESS),
        html.Div(id=ids.LIST),
        html.Div(pager, className="pager"),
    ]
    steps = parts.buttons(
        parts.button("◀ flagged", ids.PREVIOUS),
        parts.button("flagged ▶", ids.NEXT),
        parts.button("◀ beat", ids.EARLIER, "Beat before"),
        parts.button("beat ▶", ids.LATER, "Beat after"),
        html.Span(className="gap"),
        parts.button("✓ Right", ids.MARK_RIGHT, title="it is not normal"),
        parts.button("✗ Wrong", ids.MARK_WRONG, title="it is normal"),
        parts.button("No mark", ids.MARK_NONE),
        label="Step through flagged beats and mark them",
    )
    keys = [
        html.Summary("Keys"),
        parts.facts((html.Kbd(keys), words) for keys, words in _KEYS),
        dcc.Checklist([{"label": "use these keys", "value": "on"}], ["on"], id=ids.KEYS, persistence=True),
    ]
    look = [
        steps,
        html.Div(id=ids.BEAT_WORDS, **parts.aria(live="polite")),
        html.Div(id=ids.PAPER, className="paper"),
        parts.soft("25 mm/s, 10 mm/mV, as recorded. Click a beat to look at it."),
        parts.figure(ids.BEAT_FIGURE, "The beat beside the patient's own beat and its reconstruction"),
    ]
    both = [html.Div(beat_list, className="list"), html.Div(look, className="look")]
    return parts.section("beats", "Flagged beats", html.Div(both, className="list-and-look"), html.Details(keys))


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.BEAT, "data"),
        [Input(ids.READY, "data"), Input(ids.CLICKED, "data")],
        [Input(name, "clickData") for name in (ids.OVERVIEW, ids.SIGNAL)],
        [Input(name, "n_clicks") for name in _STEPS],
        [State(name, "value") for name in (ids.THRESHOLD, ids.ORDER, ids.CALLED, ids.REASONS)],
        State(ids.BEAT, "data"),
    )
    def choose(key: str | None, on_paper_s: float, on_overview: Any, on_signal: Any, *arguments: Any) -> int | None:
        threshold, *chosen, current = arguments[len(_STEPS) :]
        if key is None:
            return None
        reviewed = state.recordings.review(key, threshold)
        stored, beats = reviewed.stored, reviewed.beats
        times_s, every = beats["time_s"].to_numpy(), np.arange(len(beats))
        flagged = decisions.listed(beats, *chosen)
        trigger = str(ctx.triggered_id)
        if trigger in _STEPS:
            rows = flagged if trigger in (ids.NEXT, ids.PREVIOUS) else every
            return decisions.step(rows, times_s, current, _STEPS[trigger])
        match trigger:
            case ids.CLICKED:
                return decisions.nearest(every, times_s, on_paper_s)
            case ids.SIGNAL:
                return decisions.nearest(every, times_s, on_signal["points"][0]["x"])
            case ids.OVERVIEW:
                time_s = figures.overview_time_s(stored, on_overview["points"][0]["x"])
                return decisions.nearest(flagged if len(flagged) else every, times_s, time_s)
        return decisions.step(flagged, times_s, None, 1)

    @app.callback(
        Output(ids.MARKED, "data"),
        [Input(button, "n_clicks") for button in _MARKS],
        [State(ids.READY, "data"), State(ids.BEAT, "data")],
    )
    def mark(*arguments: Any) -> Any:
        key, row = arguments[len(_MARKS) :]
        if key is None or row is None:
            return no_update
        what = f"beat at {clock(state.recordings.stored(key).beats['time_s'].iloc[row])}"
        state.recordings.mark(key, [row], _MARKS[str(ctx.triggered_id)], what)
        return state.recordings.history(key).version

    @app.callback(
        [Output(ids.LIST, "children"), Output(ids.PAGE_WORDS, "children"), Output(ids.LIST_PAGE, "data")],
        [Input(name, "data") for name in (ids.READY, ids.BEAT, ids.MARKED)],
        [Input(name, "value") for name in (ids.THRESHOLD, ids.ORDER, ids.CALLED, ids.REASONS)],
        [Input(name, "n_clicks") for name in _PAGES],
        State(ids.LIST_PAGE, "data"),
    )
    def show_list(*arguments: Any) -> tuple[Any, ...]:
        key, row, _marked, threshold, order, names, reasons, _back, _on, page = arguments
        if key is None:
            return [], "", 0
        beats = state.recordings.review(key, threshold).beats
        rows = decisions.listed(beats, order, names, reasons)
        trigger = str(ctx.triggered_id)
        if trigger in _PAGES or trigger == ids.MARKED:
            page += _PAGES.get(trigger, 0)
        else:
            page = next(iter(np.flatnonzero(rows == row) // _PAGE_ROWS), 0)
        pages = max(1, -(-len(rows) // _PAGE_ROWS))
        page = int(np.clip(page, 0, pages - 1))
        shown = rows[page * _PAGE_ROWS : (page + 1) * _PAGE_ROWS]
        words = f"page {page + 1:,} of {pages:,}, {len(rows):,} flagged"
        return flagged_list(beats, shown, row), words, page

    @app.callback(
        Output(ids.BEAT_WORDS, "children"),
        [Input(ids.BEAT, "data"), Input(ids.THRESHOLD, "value"), Input(ids.MARKED, "data")],
        State(ids.READY, "data"),
    )
    def show_words(row: int | None, threshold: float, _marked: int, key: str | None) -> Any:
        if key is None or row is None:
            return []
        reviewed = state.recordings.review(key, threshold)
        return beat_words(reviewed.stored, reviewed.beats, row)

    @app.callback(
        [Output(ids.PAPER_CONTENT, "data"), Output(ids.ON_PAPER, "data")],
        [Input(ids.BEAT, "data"), Input(ids.THRESHOLD, "value")],
        [State(ids.READY, "data"), State(ids.ON_PAPER, "data")],
    )
    def show_paper(row: int | None, threshold: float, key: str | None, before: list[Any] | None) -> tuple[str, Any]:
        if key is None or row is None:
            return "", None
        reviewed = state.recordings.review(key, threshold)
        paper = figures.paper(reviewed.stored, reviewed.beats, row)
        return paper, no_update if before == [key, row] else [key, row]

    @app.callback(Output(ids.BEAT_FIGURE, "figure"), Input(ids.ON_PAPER, "data"))  # follows it, as the overview does
    def show_figure(on_paper: tuple[str, int] | None) -> Any:
        return parts.NO_FIGURE if on_paper is None else figures.beat(state.recordings.stored(on_paper[0]), on_paper[1])

    parts.answer_in_browser(app, "showPaper", Output(ids.PAPER, "title"), Input(ids.PAPER_CONTENT, "data"))


def flagged_list(beats: pd.DataFrame, rows: np.ndarray, chosen: int | None) -> Any:
    """List flagged beats, each with a button that shows it."""
    if not len(rows):
        return html.P("No beat is called so and flagged for these reasons.")
    shown, lines = beats.iloc[rows], []
    for row, (_, found), words in zip(rows.tolist(), shown.iterrows(), styles.beat_words(shown), strict=True):
        names = {"data-beat": str(row), **parts.aria(label=f"Show the beat at {words}")}
        cells = (
            html.Button(clock(found["time_s"]), type="button", className="link", **names),
            score_text(found["anomaly_score"]),
            CALLED[found["called"]],
            styles.question(found["reason"]),
            _MARK_WORDS.get(found["mark"], ""),
        )
        lines.append(
            html.Tr([html.Td(cell) for cell in cells], **(parts.aria(current="true") if row == chosen else {}))
        )
    titles = [html.Th(title, scope="col") for title in ("time", "score", "called", "reason", "your mark")]
    return html.Div(html.Table([html.Thead(html.Tr(titles)), html.Tbody(lines)]), className="scroll", tabIndex=0)


def beat_words(stored: Stored, beats: pd.DataFrame, row: int) -> list[Any]:
    """Say what is known of a beat: its verdict, RR intervals, and how surprising each answer was."""
    beat = beats.iloc[row]
    usual_s = float(beats["rr_before_s"].iloc[max(0, row - _AROUND) : row + _AROUND + 1].median())
    facts = [
        ("score", f"{score_text(beat['anomaly_score'])}, threshold {score_text(beat['threshold'])}"),
        ("RR before", _interval(beat["rr_before_s"], usual_s)),
        ("RR after", _interval(beat["rr_after_s"], usual_s)),
        ("signal quality", f"{beat['quality']:.0%}"),
    ]
    if stored.compared is not None:
        facts.append(("annotated as", _annotated_class(stored.compared, row)))
    if beat["mark"]:
        facts.append(("your mark", _MARK_WORDS[beat["mark"]]))
    title = html.H3(f"{clock(beat['time_s'])}: {verdict(beat)}")
    return [title, parts.facts(facts), questions(beat)]


def verdict(beat: pd.Series) -> str:
    """Say whether a beat is flagged, what it is like, and why."""
    if beat["flagged"]:
        return f"flagged, {CALLED[beat['called']]}, {styles.question(beat['reason'])}"
    if not beat["readable"]:
        return "cannot be read, not judged"
    return f"within {styles.EVENT_WORDS[beat['event']]}" if beat["event"] else "not flagged"


def questions(beat: pd.Series) -> html.Dl:
    """Draw how surprising the answer to each question was."""
    answers = []
    for name, measures in MEASURES.items():
        surprise = float(beat[surprise_column(name)])
        share = min(max(surprise, 0.0), _LONGEST_BAR) / _LONGEST_BAR
        words = f"surprise {surprise:.1f}" + (f": {rarity(surprise)}" if len(measures) == 1 else "")
        bar = html.Span(className="bar", style={"width": f"{100 * share:.0f}%"})
        answers.append((_ASKED[name], [bar, html.Span(words)]))
    return parts.facts(answers, "questions")


def rarity(surprise: float) -> str:
    """Say how many normal beats are at least as extreme: the surprise is -log of their share."""
    times = math.exp(min(max(surprise, 0.0), math.log(_RAREST)))
    if times >= _RAREST * 0.999:
        return "fewer than 1 in a million normal beats is as extreme"
    if times < 1.5:
        return "most normal beats are as extreme"
    shown = round(times) if times < 10 else int(float(f"{times:.2g}"))
    return f"1 in {shown:,} normal beats is as extreme"


def _annotated_class(compared: Compared, row: int) -> str:
    if not compared.counting[row]:
        return "flutter, no beat"
    return styles.class_name(str(compared.classes[row])) if compared.matched[row] else "no beat"


def _interval(rr_s: float, usual_s: float) -> str:
    if not math.isfinite(rr_s):
        return UNDEFINED
    return f"{rr_s:.2f} s" + (f", {rr_s / usual_s:.0%} of those around" if usual_s > 0 else "")
