"""What the HTML pages have in common; their shared style and script are in ``page_parts.jinja``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup


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


def figures_json(figures: Mapping[str, go.Figure]) -> Markup:
    """Write figures, by the name of their place, as JSON for a script element of a page."""
    text = ",".join(f"{json.dumps(name)}:{figure.to_json()}" for name, figure in figures.items())
    return Markup("{" + text.replace("<", "\\u003c") + "}")  # within a script only "<" could end it
