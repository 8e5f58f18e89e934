"""How long people wait for answers of the web application while others use it, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from dash import Dash

from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.web import ids
from tools.page import Page

_USERS, _ROUNDS = 10, 8
_PAUSE_S = 1.0  # in which a person looks, before each step
_THRESHOLD = 1.05  # times that of the model


def measure_load(app: Dash, header: Path) -> Iterator[dict[str, Any]]:
    """Have ten people review a recording each: go to beats, mark them, change the threshold."""
    pages = [Page(app) for _ in range(_USERS)]
    keys = [page.open(header) for page in pages]
    for page in pages:
        page.waits_s.clear()  # of the upload
    with ThreadPoolExecutor(_USERS) as threads:
        list(threads.map(_review, pages, keys, range(_USERS)))
    waits_ms = 1000 * np.concatenate([page.waits_s for page in pages])
    yield {
        "what": f"web, {_USERS} users at once: one answer",
        "milliseconds": float(np.median(waits_ms)),
        "milliseconds_99th": float(np.percentile(waits_ms, 99)),
        "milliseconds_longest": float(waits_ms.max()),
    }


def _review(page: Page, key: str, user: int) -> None:
    """Review as one of them, who does not begin when the others do."""
    time.sleep(_PAUSE_S * user / _USERS)
    own = page.properties[ids.THRESHOLD, "value"]
    for number in range(_ROUNDS):
        row = 20 * number + user
        factor = _THRESHOLD ** (number % 3)
        for step, arguments in (
            (page.change, (ids.BEAT, "data", row)),
            (page.mark, (key, row, WRONG if row % 2 else RIGHT)),
            (page.change, (ids.THRESHOLD, "value", own * factor)),
        ):
            time.sleep(_PAUSE_S)
            step(*arguments)
