"""One beat: all that is known of it in words, on ECG paper, and beside the patient's own beat."""

from __future__ import annotations

import math
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import Dash, Input, Output, State, ctx, html

from ecg_anomaly.detector.measures import LARGEST_SURPRISE, MEASURES, surprise_column
from ecg_anomaly.findings.annotated import Compared
from ecg_anomaly.findings.review import Review
from ecg_anomaly.reports import ecg_paper, styles
from ecg_anomaly.web import figures, ids, parts
from ecg_anomaly.web.sections.signal import beat_time_s, place_of
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.times import when
from ecg_anomaly.web.values import kept_of, number_of, row_of
from ecg_anomaly.words import CALLED, UNDEFINED, score_text

_ASKED = {
    "reconstruction": "Does it look like a normal beat?",
    "patient": "Does it look like this patient's beats?",
    "rhythm": "Does it come in time?",
}
_SCALES = ("5", "10", "20")  # millimetres on paper for a millivolt
_TURNS = {ids.PAPER_BACK: -8.0, ids.PAPER_ON: 8.0}  # seconds: some of what was seen stays
_NEAR_S = 2.5  # a beat so near to the middle of the paper is well seen
_AROUND = 20  # beats before and after, whose RR intervals are what is usual at that time


def layout(_state: ServerState) -> html.Section:
    """Lay the section out."""
    steps = parts.buttons(
        parts.button("◀ back", ids.PREVIOUS, "Back to the one before in the list"),
        parts.button("next ▶", ids.NEXT, "next of the list"),
        parts.button("◀ beat", ids.EARLIER, "Beat before"),
        parts.button("beat ▶", ids.LATER, "Beat after"),
        html.Span(className="gap"),
        parts.button("✓ Right", ids.MARK_RIGHT, title="it is not normal"),
        parts.button("✗ Wrong", ids.MARK_WRONG, title="it is normal"),
        parts.button("No mark", ids.MARK_NONE),
        label="Step through the list and mark beats",
    )
    scale = dmc.SegmentedControl(list(_SCALES), id=ids.SCALE, value=_SCALES[1], size="xs")
    tools = parts.buttons(
        parts.button("◀", ids.PAPER_BACK, "Paper before"),
        parts.button("▶", ids.PAPER_ON, "Paper after"),
        parts.button("Callipers", ids.PAPER_CALLIPERS, **parts.aria(pressed="false")),
        html.Div([scale, "mm/mV"], className="scale", role="group", **parts.aria(label="Millimetres per millivolt")),
        label="Move, scale and measure the paper",
    )
    return parts.section(
        "strip",
        "The chosen beat",
        steps,
        html.Div(id=ids.BEAT_WORDS, **parts.aria(live="polite")),
        tools,
        html.Div([html.Div(id=ids.PAPER, className="paper"), html.P(className="readout", id=ids.PAPER_READOUT)]),
        parts.soft(
            f"{ecg_paper.MM_PER_S:g} mm/s, as recorded; the pulse on the left is 1 mV. Click a beat to look at it."
        ),
        parts.figure(ids.BEAT_FIGURE, "The beat beside the patient's own beat and its reconstruction"),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

    @app.callback(
        Output(ids.BEAT_WORDS, "children"),
        [Input(ids.BEAT, "data"), Input(ids.THRESHOLD, "value"), Input(ids.MARKED, "data")],
        State(ids.READY, "data"),
    )
    def show_words(row: Any, threshold: float, _marked: int, key: str | None) -> Any:
        if key is None or row is None:
            return []
        review = state.recordings.review(key, threshold)
        return beat_words(review, row_of(row, len(review.beats)))

    @app.callback(
        [Output(ids.PAPER_CONTENT, "data"), Output(ids.ON_PAPER, "data")],
        [Input(name, "data") for name in (ids.READY, ids.BEAT, ids.AT, ids.MARKED)],
        [Input(ids.THRESHOLD, "value"), Input(ids.SCALE, "value")],
        [Input(button, "n_clicks") for button in _TURNS],
        State(ids.ON_PAPER, "data"),
    )
    def show_paper(*arguments: Any) -> tuple[str, Any]:
        key, row, at, _marked, threshold, scale, *_clicks, before = arguments
        if key is None:
            return "", None
        review, triggers = state.recordings.review(key, threshold), set(ctx.triggered_prop_ids.values())
        if triggers == {ids.READY}:  # what was chosen belongs to another recording
            if review.beats["flagged"].any():  # the page chooses the first
                return "", None
            row = at = None
        beat_s = beat_time_s(review.beats, row)
        at_s = None if at is None else place_of(at, review.stored.duration_s)[0]
        kept = kept_of(key, before)
        on_paper_s = None if kept is None else number_of(kept, "time in seconds")
        centre_s = next_paper(on_paper_s, beat_s, at_s, triggers)
        centre_s = min(max(0.0, centre_s), review.stored.duration_s)
        mm_per_mv = float(scale if scale in _SCALES else _SCALES[1])
        return figures.paper(review, centre_s, row, mm_per_mv), [key, centre_s]

    @app.callback(
        Output(ids.BEAT_FIGURE, "figure"),
        Input(ids.ON_PAPER, "data"),
        [State(ids.READY, "data"), State(ids.BEAT, "data")],
    )
    def show_figure(_on_paper: Any, key: str | None, row: Any) -> Any:  # follows the paper, as the overview its words
        if key is None or row is None:
            return parts.NO_FIGURE
        stored = state.recordings.stored(key)
        return figures.beat(stored, row_of(row, len(stored.beats))) if len(stored.shapes) else parts.NO_FIGURE

    parts.answer_in_browser(app, "showPaper", Output(ids.PAPER, "title"), Input(ids.PAPER_CONTENT, "data"))


def next_paper(on_paper_s: float | None, beat_s: float | None, at_s: float | None, triggers: set[str]) -> float:
    """Choose the middle of the paper that is shown next, when parts of the page ask (``triggers``).

    ``on_paper_s`` is that of what is shown, ``beat_s`` says when the chosen beat is, and ``at_s`` where to go; ``None``
    where there is none. Where the page goes, it chooses the nearest beat, too: the paper then stays.
    """
    for button in _TURNS.keys() & triggers:
        if on_paper_s is not None:
            return on_paper_s + _TURNS[button]
    if at_s is not None and (ids.AT in triggers or beat_s is None or abs(beat_s - at_s) <= _NEAR_S):
        return at_s
    if beat_s is not None and (ids.BEAT in triggers or on_paper_s is None):
        return beat_s
    return on_paper_s if on_paper_s is not None else 0.0


def beat_words(review: Review, row: int) -> list[Any]:
    """Say what is known of a beat: its verdict, RR intervals, and how unusual it is in each respect."""
    stored, beats = review.stored, review.beats
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
        facts.append(("your mark", parts.MARK_WORDS[beat["mark"]]))
    title = html.H3(f"{when(stored)(beat['time_s'])}: {verdict(beat)}")
    return [title, parts.facts(facts), questions(beat)]


def verdict(beat: pd.Series) -> str:
    """Say whether a beat is flagged, what it is like, and why."""
    if beat["flagged"]:
        return f"flagged, {CALLED[beat['called']]}, {styles.question(beat['reason'])}"
    if not beat["readable"]:
        return "cannot be read, not judged"
    return f"within {styles.EVENT_WORDS[beat['event']]}" if beat["event"] else "not flagged"


def questions(beat: pd.Series) -> html.Dl:
    """Draw how unusual the answer to each question was."""
    answers = []
    for name, measures in MEASURES.items():
        surprise = float(beat[surprise_column(name)])
        most = LARGEST_SURPRISE * sum(measures.values())
        share = min(max(surprise / most, 0.0), 1.0)
        bar = html.Span(className="bar", style={"width": f"{100 * share:.0f}%"})
        # What several measures add up to is no share of normal beats.
        words = rarity(surprise) if len(measures) == 1 else f"unusual to {share:.0%} of what is possible"
        answers.append((_ASKED[name], [bar, html.Span(words)]))
    return parts.facts(answers, "questions")


def rarity(surprise: float) -> str:
    """Say how many normal beats are at least as extreme: the surprise is -log of their share."""
    times = math.exp(min(max(surprise, 0.0), LARGEST_SURPRISE))
    if surprise >= LARGEST_SURPRISE:
        return f"fewer than 1 in {float(f'{times:.1g}'):,.0f} normal beats is as extreme"
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
