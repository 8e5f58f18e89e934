"""Names and states for screen readers."""

from __future__ import annotations

from typing import Any


def aria(**words: str) -> dict[str, Any]:
    """Make attributes of an element: ``label`` becomes ``aria-label``."""
    return {f"aria-{name}": value for name, value in words.items()}
