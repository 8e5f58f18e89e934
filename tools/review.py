"""Measure the review of a recording in a real browser: ``python -m tools.review``; ``make benchmark`` has it, too.

From the drop of half an hour, and of a day, to the groups on the screen; marks that come fast; and how many groups and
events stand for the flagged beats of a day. The days are records of MIT-BIH one after the other, again and again.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from ecg_anomaly import commandline
from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.config import Config
from ecg_anomaly.findings.review import Review
from ecg_anomaly.records.catalogue import find_recording
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.warm_up import warm_up
from tools.application import served
from tools.browser import browsing, open_page
from tools.reading import STEPS_PER_MV, write_wfdb

_HALF_HOUR = ("208",)
_DAYS = {"day1": ("208", "119", "207"), "day2": ("106", "223", "203")}  # of DS1; their leads are MLII and V1
_HALF_HOURS = 48
_GROUPS = "#groups-grid .ag-center-cols-container .ag-row svg"
_WIDTH, _HEIGHT = 1280, 900
_MARKS, _PAUSE_MS = 15, 80
_PATIENCE_S, _POLL_S = 30.0, 0.1
_MISSING = -(2**15)  # a sample of format 16 that is not there

Row = dict[str, Any]


def measure_review(config: Config, folder: Path) -> Iterator[Row]:
    """Yield what was measured; recordings go to a folder.

    Raises
    ------
    UserError
        When there is no browser, no model, or a record is missing.
    """
    recordings = {"half-hour": write_repeated(folder / "half.hea", _HALF_HOUR, 1, config)}
    for name, records in _DAYS.items():
        recordings[name] = write_repeated(folder / f"{name}.hea", records, _HALF_HOURS // len(records), config)
    with served(config) as (address, state), browsing() as browser:
        warm_up(state)
        page = open_page(browser, address, _WIDTH, _HEIGHT)
        for name, header in recordings.items():
            started = time.perf_counter()
            page.set_input_files("#files", [str(header), str(header.with_suffix(".dat"))])
            page.locator("#headline h3", has_text=header.stem).wait_for()
            page.wait_for_selector(_GROUPS)
            yield {"what": f"review, {name}: drop to groups", "seconds": time.perf_counter() - started}
            key = state.recordings.entries()[0].key
            if name == "half-hour":
                yield {"what": f"review, {name}: marks kept of {_MARKS}", "count": _kept_marks(page, state, key)}
            else:
                yield from decisions(name, state.recordings.review(key))


def decisions(name: str, reviewed: Review) -> Iterator[Row]:
    """Say how much there is to decide of a recording: its groups, and its events as the page lists them."""
    groups = [group for group in reviewed.groups if group.flagged]
    beats = sum(group.count for group in groups)
    named = sum(group.count for group in groups if group.number)
    events = Counter(event.kind for event in reviewed.events)
    yield {"what": f"review, {name}: flagged beats", "count": beats}
    yield {"what": f"review, {name}: groups of them", "count": len(groups)}
    yield {"what": f"review, {name}: percent of them in a group other than the rest", "count": 100 * named / beats}
    yield {"what": f"review, {name}: kinds of events", "count": len(events)}
    for kind, count in events.most_common():
        yield {"what": f"review, {name}: {kind}", "count": count}


def write_repeated(header: Path, records: Sequence[str], repetitions: int, config: Config) -> Path:
    """Write records of MIT-BIH one after the other, so often, as one record; give its header."""
    parts = []
    for record in records:
        path = find_recording(f"mitdb/{record}", config.paths.record_folders)
        recording = open_leads(path, Request(path.parent), config)
        parts.append(recording.read() * STEPS_PER_MV)
    steps = np.nan_to_num(np.concatenate(parts).round(), nan=_MISSING)
    write_wfdb(header, steps, round(recording.sampling_rate_hz), recording.leads, repetitions)
    return header


def _kept_marks(page: Page, state: ServerState, key: str) -> int:
    """Mark beats as fast as fingers can; give how many of the marks there are in the end."""
    page.wait_for_selector("#beat-words h3")
    for _ in range(_MARKS):
        for pressed in "rn":
            page.keyboard.press(pressed)
        page.wait_for_timeout(_PAUSE_MS)
    until_s = time.monotonic() + _PATIENCE_S
    while (kept := state.recordings.entries()[0].marked or 0) < _MARKS and time.monotonic() < until_s:
        time.sleep(_POLL_S)
    assert state.recordings.entries()[0].key == key
    return kept


def show(config: Config) -> None:
    """Measure, and print each figure when it is there."""
    with tempfile.TemporaryDirectory() as folder:
        for row in measure_review(config, Path(folder)):
            what, (unit, value) = row["what"], next((name, row[name]) for name in row if name != "what")
            print(f"{what}: {value:.2f}" + (" s" if unit == "seconds" else ""), flush=True)


if __name__ == "__main__":
    sys.exit(commandline.run_script(show, __doc__))
