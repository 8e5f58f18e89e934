"""Words, colours and signs that all figures share, so that a class looks the same everywhere.

The colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; each comes with a
marker or a line style of its own, so that no figure speaks by colour alone.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.beats.events import ASYSTOLE, UNREADABLE, Event
from ecg_anomaly.beats.swings import FIBRILLATION, TACHYCARDIA
from ecg_anomaly.findings.rhythms import (
    BIGEMINY,
    COUPLET,
    FAST,
    IRREGULAR,
    KINDS,
    PAUSE,
    RUN,
    SLOW,
    TRIGEMINY,
    TRIPLET,
    Rhythm,
    describe,
)

BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
GREY = "#808080"  # reads on a white and on a dark page

SIMULATED = "simulated records"
SCORE = "anomaly score"

CLASS_NAMES = {"N": "normal", "S": "supraventricular", "V": "ventricular", "F": "fusion", "Q": "paced or unclear"}
CLASS_COLOURS = {"N": GREY, "S": BLUE, "V": VERMILLION, "F": GREEN, "Q": PURPLE}

# The questions that the anomaly score asks of a beat, and what an unusual answer means.
QUESTIONS = {
    "reconstruction": "shape: unlike a normal beat",
    "patient": "unlike this patient's beats",
    "rhythm": "rhythm: early or late",
    "ectopy": "like a simulated ectopic beat",
}

# What is not beats at all, or more than each of them: most urgent first.
EVENT_WORDS = {
    FIBRILLATION: "ventricular flutter or fibrillation",
    ASYSTOLE: "asystole (no beats)",
    TACHYCARDIA: "ventricular tachycardia",
    **{kind: kind for kind in KINDS},
    RUN: "run (4 and more)",
    TRIPLET: "triplet (run of 3)",
    UNREADABLE: "cannot be read",
}

EVENT_COLOURS = {
    **{ASYSTOLE: BLUE, TACHYCARDIA: VERMILLION, FIBRILLATION: PURPLE, UNREADABLE: GREY},
    **{RUN: VERMILLION, TRIPLET: VERMILLION, COUPLET: ORANGE, BIGEMINY: ORANGE, TRIGEMINY: ORANGE},
    **{PAUSE: BLUE, SLOW: SKY, FAST: GREEN, IRREGULAR: PURPLE},
}

PLOTLY_SYMBOLS = {".": "circle", "o": "circle", "^": "triangle-up", "s": "square", "x": "x-thin"}
PLOTLY_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot"}

_BUTTONS_HEIGHT = 32  # pixels at the top of a figure that stay free for Plotly's buttons

# The threshold in Plotly's words.
THRESHOLD = {"mode": "lines", "name": "threshold", "line": {"dash": "dash", "width": 1.5, "color": ORANGE}}

# What drawings share with the page that holds them: in an SVG these give way to the page's own, light or dark.
INK, RULE, GROUND = "#1b1f24", "#e3e4e6", "#fefefe"
PAGE_COLOURS = {INK: "var(--ink)", RULE: "var(--rule)", GROUND: "var(--card)"}


# Settings of Matplotlib for all figures.
FIGURE: Any = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "lines.solid_capstyle": "butt",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "font.sans-serif": ["DejaVu Sans"],  # comes with Matplotlib, so that figures look alike everywhere
}


@dataclass(frozen=True)
class Sign:
    """How one kind of beat is drawn: a colour, and a marker in Matplotlib's words."""

    colour: str
    marker: str
    filled: bool = True

    @property
    def symbol(self) -> str:
        """The marker in Plotly's words."""
        return PLOTLY_SYMBOLS[self.marker] + ("" if self.filled else "-open")

    @property
    def look(self) -> dict[str, Any]:
        """Marker and colour as arguments of Matplotlib."""
        fill = "full" if self.filled else "none"
        return {"color": self.colour, "marker": self.marker, "fillstyle": fill, "linestyle": "none"}


@dataclass(frozen=True)
class Line:
    """How one curve is drawn, in Matplotlib's words: a colour, a line style, and a marker where it has points."""

    colour: str
    style: str
    width: float = 1.6
    marker: str = ""

    @property
    def look(self) -> dict[str, Any]:
        """Colour, style and width as arguments of Matplotlib."""
        return {"color": self.colour, "linestyle": self.style, "linewidth": self.width}


# What became of a beat, in the order in which it is drawn: the rare ones on top.
NOT_FLAGGED, FALSE_ALARM = "normal, not flagged", "false alarm"
FOUND, OVERLOOKED = "anomalous, found", "anomalous, missed"
OUTCOMES = {
    NOT_FLAGGED: Sign(GREY, "."),
    FALSE_ALARM: Sign(ORANGE, "x", filled=False),
    FOUND: Sign(VERMILLION, "^"),
    OVERLOOKED: Sign(BLUE, "o", filled=False),
}

CLASS_LINES = {
    "S": Line(BLUE, "-", 2.0, "o"),
    "V": Line(VERMILLION, "--", 2.0, "^"),
    "F": Line(GREEN, "-.", 2.0, "s"),
}

# Kinds of noise, by their names in noise.csv.
NOISE_NAMES = {"baseline_wander": "baseline wander", "muscle": "muscle noise", "electrode_motion": "electrode motion"}
# They look like the classes, which no figure shows beside them.
NOISE_LINES = dict(zip(NOISE_NAMES, CLASS_LINES.values(), strict=True))

DETECTOR_LINES = (Line(BLUE, "-", 2.4), Line(VERMILLION, "--"), Line(GREEN, "-."))  # the anomaly score, the baselines


def layout(height: int, top: int = _BUTTONS_HEIGHT) -> dict[str, Any]:
    """Layout of a Plotly figure of this height in pixels, the legend above it; colours are left to the page."""
    legend = {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1 - _BUTTONS_HEIGHT / height, "x": 0}
    return {"template": "none", "height": height, "legend": legend, "margin": {"l": 62, "r": 14, "t": top, "b": 52}}


def shade(start: float, end: float, colour: str, opacity: float) -> dict[str, Any]:
    """Shape that shades a stretch of time across all rows of a Plotly figure."""
    place = {"xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1}
    return {"type": "rect", **place, "fillcolor": colour, "opacity": opacity, "line": {"width": 0}, "layer": "below"}


def question(key: str) -> str:
    """Say what an unusual answer to a question means, from the key of the component."""
    return QUESTIONS.get(key, key.replace("_", " "))


def event_words(event: Event) -> str:
    """Say what an event or a rhythm is."""
    return describe(event) if isinstance(event, Rhythm) else EVENT_WORDS[event.kind]


def class_name(aami_class: str) -> str:
    """Class with its meaning, for example ``V ventricular``."""
    return f"{aami_class} {CLASS_NAMES.get(aami_class, '')}".strip()


def literal(text: object) -> str:
    """Write what comes from a file so that Plotly shows it as it is: in its texts a few HTML tags are links and fonts.

    Every name of a lead, a recording or a symbol that goes into a figure passes here.
    """
    return html.escape(str(text), quote=False)


def plain(text: str) -> str:
    """Write what comes from a file so that Matplotlib shows it as it is: what stands between $ would be a formula."""
    return text.replace("$", r"\$")


def beat_words(beats: pd.DataFrame, when: Callable[[float], str] = words.clock) -> list[str]:
    """Say of each beat ``when`` it came, its score and, where it is flagged, what it is called and the reason.

    They have the columns of the table of beats.
    """
    columns = (beats[name] for name in ("time_s", "anomaly_score", "called", "reason"))
    return [
        f"{when(time_s)}: {SCORE} {words.score_text(score)}"
        + (f", {words.CALLED[called]}, {question(reason)}" if called else "")
        for time_s, score, called, reason in zip(*columns, strict=True)
    ]
