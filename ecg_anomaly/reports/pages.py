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


def page(template: str, figures: Mapping[str, go.Figure], **content: Any) -> str:
    """Fill in a template; figures go by the name of their place. The page fetches nothing: all is inside."""
    text = ",".join(f"{json.dumps(name)}:{figure.to_json()}" for name, figure in figures.items())
    data = Markup("{" + text.replace("<", "\\u003c") + "}")  # within a script only "<" could end it
    return environment().get_template(template).render(figures=data, plotly=Markup(get_plotlyjs()), **content)


def as_text(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Tabulate columns of a table as text."""
    texts = {title: table[column].map(written) for title, (column, written) in columns.items()}
    return pd.DataFrame(texts).reset_index(drop=True)


def _seconds(interval_s: float) -> str:
    return UNDEFINED if pd.isna(interval_s) else f"{interval_s:.2f}"


# What the tables of beats share.
SCORE_AND_THRESHOLD: Columns = {SCORE: ("anomaly_score", score_text), "threshold": ("threshold", score_text)}
RR_INTERVALS: Columns = {"RR before (s)": ("rr_before_s", _seconds), "RR after (s)": ("rr_after_s", _seconds)}
