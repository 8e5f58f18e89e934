"""What the HTML pages have in common; their shared style and script are in ``page.html.jinja``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ecg_anomaly.reports.styles import SCORE
from ecg_anomaly.words import UNDEFINED, score_text

PLOTLY = "plotly.min.js"  # the file that the pages of a batch share
_SAME = 200  # characters that begin it: they name its version

Columns = Mapping[str, tuple[str, Callable[[Any], Any]]]
"""Columns of a table of text: by title, the column that it comes from, and how its values are written."""


def environment() -> Environment:
    """Give the templates of the package."""
    # Names of records and symbols come from users' files: everything is escaped.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, figures: Mapping[str, go.Figure], plotly: str = "", **content: Any) -> str:
    """Fill in a template; figures go by the name of their place.

    The page fetches nothing: all is inside, but what draws the figures where ``plotly`` says where that lies, from the
    page's folder (see `share_plotly`).
    """
    text = ",".join(f"{json.dumps(name)}:{figure.to_json()}" for name, figure in figures.items())
    data = Markup("{" + text.replace("<", "\\u003c") + "}")  # within a script only "<" could end it
    inside = "" if plotly else Markup(get_plotlyjs())
    return environment().get_template(template).render(figures=data, plotly=inside, plotly_file=plotly, **content)


def is_plotly(path: Path) -> bool:
    """Tell whether a file is what `share_plotly` writes, of any version."""
    return "* plotly.js v" in _beginning(path)


def share_plotly(folder: Path, staging: Path) -> None:
    """Have `PLOTLY` lie in a folder, of this version; it is written to another of the same disk, then moved there."""
    target, text = folder / PLOTLY, get_plotlyjs()
    if not (target.is_file() and _beginning(target) == text[:_SAME]):
        (staging / PLOTLY).write_text(text, encoding="utf-8")
        (staging / PLOTLY).replace(target)


def _beginning(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_SAME)


def as_text(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Tabulate columns of a table as text."""
    texts = {title: table[column].map(written) for title, (column, written) in columns.items()}
    return pd.DataFrame(texts).reset_index(drop=True)


def _seconds(interval_s: float) -> str:
    return UNDEFINED if pd.isna(interval_s) else f"{interval_s:.2f}"


# What the tables of beats share.
SCORE_AND_THRESHOLD: Columns = {SCORE: ("anomaly_score", score_text), "threshold": ("threshold", score_text)}
RR_INTERVALS: Columns = {"RR before (s)": ("rr_before_s", _seconds), "RR after (s)": ("rr_after_s", _seconds)}
