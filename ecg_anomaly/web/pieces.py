"""Parts of the page that follow from the recording, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from dash import html

from ecg_anomaly.detector.measures import MEASURES, surprise_column
from ecg_anomaly.evaluation.metrics import ANOMALOUS_CLASSES
from ecg_anomaly.findings.store import Stored
from ecg_anomaly.reports import recording_page, styles
from ecg_anomaly.web.aria import aria
from ecg_anomaly.web.decisions import RIGHT, WRONG, Outcome
from ecg_anomaly.web.evaluated import Evaluated
from ecg_anomaly.words import UNDEFINED, clock, count_text, percent, score_text

PAGE_ROWS = 12
MARK_SIGNS = {RIGHT: "✓ right", WRONG: "✗ wrong"}

_ASKED = {
    "reconstruction": "Does it look like a normal beat?",
    "patient": "Does it look like this patient's beats?",
    "rhythm": "Does it come in time?",
}
_LONGEST_BAR = 15.0  # surprise; more is drawn as long as that
_RAREST = 1e6


def headline(told: Mapping[str, Any]) -> list[Any]:
    """Sum a recording up."""
    return [
        html.H3(told["recording"]),
        html.P(" ".join(recording_page.headline(told)), className="words"),
        *(html.P(note, className="note") for note in told["notes"]),
        html.Dl(
            [part for term, words in recording_page.facts(told) for part in (html.Dt(term), html.Dd(words))],
            className="facts",
        ),
    ]


def flagged_list(beats: pd.DataFrame, rows: np.ndarray, chosen: int | None, marks: Mapping[int, str]) -> Any:
    """List flagged beats, each with a button that shows it."""
    if not len(rows):
        return html.P("No beat is flagged for these reasons.")
    titles = ("time", "score", "reason", "your mark")
    lines = []
    for row, words in zip(rows.tolist(), styles.beat_words(beats.iloc[rows]), strict=True):
        beat = beats.iloc[row]
        button = html.Button(
            clock(beat["time_s"]),
            type="button",
            className="link",
            **_data(beat=row),
            **aria(label=f"Show the beat at {words}"),
        )
        cells = (button, score_text(beat["anomaly_score"]), styles.question(beat["reason"]))
        now = aria(current="true") if row == chosen else {}
        lines.append(
            html.Tr([*(html.Td(cell) for cell in cells), html.Td(MARK_SIGNS.get(marks.get(row, ""), ""))], **now)
        )
    head = html.Thead(html.Tr([html.Th(title, scope="col") for title in titles]))
    return html.Div(html.Table([head, html.Tbody(lines)]), className="scroll", tabIndex=0)


def beat_words(stored: Stored, beats: pd.DataFrame, row: int, mark: str) -> list[Any]:
    """Say what is known of a beat: its verdict, RR intervals, and how surprising each answer was."""
    beat = beats.iloc[row]
    usual_s = _usual_rr_s(beats, row)
    facts = (
        ("score", f"{score_text(beat['anomaly_score'])}, threshold {score_text(beat['threshold'])}"),
        ("RR before", _interval(beat["rr_before_s"], usual_s)),
        ("RR after", _interval(beat["rr_after_s"], usual_s)),
        ("signal quality", f"{beat['quality']:.0%}"),
        *([("annotated as", _annotated_class(stored, row))] if stored.compared is not None else []),
        *([("your mark", MARK_SIGNS[mark])] if mark else []),
    )
    return [
        html.H3(f"{clock(beat['time_s'])}: {verdict(beat)}"),
        html.Dl([part for term, words in facts for part in (html.Dt(term), html.Dd(words))], className="facts"),
        questions(beat, stored.components),
    ]


def verdict(beat: pd.Series) -> str:
    """Say whether a beat is flagged, and why."""
    if beat["flagged"]:
        return f"flagged, {styles.question(beat['reason'])}"
    if not beat["readable"]:
        return "cannot be read, not judged"
    return f"within {styles.EVENT_WORDS[beat['event']]}" if beat["event"] else "not flagged"


def questions(beat: pd.Series, components: Sequence[str]) -> html.Div:
    """Draw how surprising the answer to each question was."""
    lines = []
    for name in components:
        surprise = float(beat[surprise_column(name)])
        share = min(max(surprise, 0.0), _LONGEST_BAR) / _LONGEST_BAR
        words = f"surprise {surprise:.1f}" + (f": {rarity(surprise)}" if len(MEASURES[name]) == 1 else "")
        lines += [
            html.Dt(_ASKED[name]),
            html.Dd([html.Span(className="bar", style={"width": f"{100 * share:.0f}%"}), html.Span(words)]),
        ]
    return html.Div([html.Dl(lines, className="questions")])


def rarity(surprise: float) -> str:
    """Say how many normal beats are at least as extreme: the surprise is -log of their share."""
    times = math.exp(min(max(surprise, 0.0), math.log(_RAREST)))
    if times >= _RAREST * 0.999:
        return "fewer than 1 in a million normal beats is as extreme"
    if times < 1.5:
        return "most normal beats are as extreme"
    shown = round(times) if times < 10 else int(float(f"{times:.2g}"))
    return f"1 in {shown:,} normal beats is as extreme"


def outcome(found: Outcome, evaluated: Evaluated | None, shift: float, marks: Mapping[int, str]) -> list[Any]:
    """Say what a threshold does to this recording, and what it did to the test patients of the model."""
    tiles = [("flagged beats", f"{found.flagged:,}"), ("flagged per hour", score_text(found.flagged_per_hour))]
    if found.figures is not None:
        sensitivity = found.figures["sensitivity"]
        tiles += [
            ("false alarms per hour", score_text(found.false_alarms_per_hour)),
            ("of the anomalous beats found", percent(sensitivity["all"], 0)),
            *(
                (f"found of class {name}", percent(sensitivity[name], 0))
                for name in ANOMALOUS_CLASSES
                if sensitivity[name] is not None
            ),
        ]
    tiles += _marked(marks)
    parts: list[Any] = [_tiles(tiles)]
    if found.figures is None:
        parts.append(
            html.P("Without annotations nobody knows which of them are false alarms: mark them.", className="soft")
        )
    elif found.missed:
        parts.append(html.P(f"{count_text(found.missed, 'annotated beat')} not found at all.", className="soft"))
    if evaluated is not None:
        there = evaluated.at(shift)
        parts.append(
            html.P(
                f"On the {evaluated.patients} test {evaluated.word} of this model, such a threshold raises "
                f"{score_text(there.false_alarms_per_hour)} false alarms per hour and finds "
                f"{percent(there.sensitivity, 0)} of the anomalous beats."
            )
        )
    return parts


def _marked(marks: Mapping[int, str]) -> list[tuple[str, str]]:
    counts = pd.Series(list(marks.values()), dtype=object).value_counts()
    return [(f"marked {mark}", f"{counts.get(mark, 0):,}") for mark in (RIGHT, WRONG)] if marks else []


def _tiles(tiles: Sequence[tuple[str, str]]) -> html.Dl:
    return html.Dl([html.Div([html.Dt(term), html.Dd(words)]) for term, words in tiles], className="tiles")


def _annotated_class(stored: Stored, row: int) -> str:
    assert stored.compared is not None  # the caller looked
    if not stored.compared.counting[row]:
        return "flutter, no beat"
    if not stored.compared.matched[row]:
        return "no beat"
    return styles.class_name(str(stored.compared.classes[row]))


def _usual_rr_s(beats: pd.DataFrame, row: int) -> float:
    """Median RR interval of the beats around a beat: what is usual at that time."""
    return float(beats["rr_before_s"].iloc[max(0, row - 20) : row + 21].median())


def _interval(rr_s: float, usual_s: float) -> str:
    if not math.isfinite(rr_s):
        return UNDEFINED
    return f"{rr_s:.2f} s" + (f", {rr_s / usual_s:.0%} of those around" if usual_s > 0 else "")


def _data(**values: int) -> dict[str, Any]:
    """Make attributes for the page's script."""
    return {f"data-{name}": str(value) for name, value in values.items()}
