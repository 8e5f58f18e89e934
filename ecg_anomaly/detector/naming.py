"""What a flagged beat is called: a guess from its shape and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

V, S, OTHER = "V", "S", "other"


def call_beats(beats: Mapping[str, Any] | pd.DataFrame) -> np.ndarray:
    """Name flagged beats by the likeliest output of the network.

    Parameters
    ----------
    beats
        Has the columns ``log_odds_S`` and ``log_odds_V`` (natural logarithms, against N) and ``flagged``.

    Returns
    -------
    ndarray
        Shape ``(beats,)``, text: `V` or `S` where that is the likeliest of N, S and V, `OTHER` where a beat is flagged
        all the same, empty where it is not flagged.
    """
    odds = np.column_stack([np.asarray(beats[name], dtype=float) for name in ("log_odds_S", "log_odds_V")])
    against_n = np.column_stack([np.zeros(len(odds)), odds])  # of two that are equal the first counts
    names = np.array([OTHER, S, V], dtype=object)[against_n.argmax(axis=1)]
    return np.where(np.asarray(beats["flagged"], dtype=bool), names, "")
