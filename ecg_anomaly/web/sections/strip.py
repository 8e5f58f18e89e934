"""One beat: all that is known of it in words, on ECG paper, and beside the patient's own beat."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from dash import Dash, Input, Output, State, html, no_update

from ecg_anomaly.detector.measures import MEASURES, surprise_column
from ecg_anomaly.findings.annotated import Compared
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.reports import styles
from ecg_anomaly.web import figures, ids, parts
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.words import CALLED, UNDEFINED, clock, score_text

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
    return parts.section(
        "strip",
        "The chosen beat",
        steps,
        html.Div(id=ids.BEAT_WORDS, **parts.aria(live="polite")),
        html.Div(id=ids.PAPER, className="paper"),
        parts.soft("25 mm/s, 10 mm/mV, as recorded. Click a beat to look at it."),
        parts.figure(ids.BEAT_FIGURE, "The beat beside the patient's own beat and its reconstruction"),
    )


def register(app: Dash, state: ServerState) -> None:
    """Connect the section."""

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
        facts.append(("your mark", parts.MARK_WORDS[beat["mark"]]))
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
