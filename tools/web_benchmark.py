"""How fast the server answers, measured without a browser: from an upload to the overview, and for each interaction.

What the browser adds, which draws the figures, is not in it.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dash import Dash
from flask.testing import FlaskClient

from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.records.simulate import LEADS, SAMPLING_RATE_HZ, simulate_record
from ecg_anomaly.web import ids
from ecg_anomaly.web.app import create_app
from ecg_anomaly.web.jobs import DONE
from ecg_anomaly.web.state import ServerState
from ecg_anomaly.web.warm_up import warm_up

_MINUTES, _SEED = 10.0, 3  # of the simulated record that is repeated
_REPETITIONS = {"30 minutes": 3, "24 hours": 144}
_STEPS_PER_MV = 200
_TIMES = 9  # each interaction
_POLL_S = 0.1

Property = tuple[str, str]  # of the page: the part's name and which of its properties


def measure_web(config: Config, folder: Path) -> list[dict[str, Any]]:
    """Measure the web application with simulated recordings, which are written to a folder."""
    state = ServerState(config)
    try:
        warm_up(state)
        app = create_app(state, ())
        return [row for name in _REPETITIONS for row in _measure(app, state, name, folder)]
    finally:
        state.close()


def _measure(app: Dash, state: ServerState, name: str, folder: Path) -> list[dict[str, Any]]:
    header = _write_record(folder, _REPETITIONS[name])
    page = _Page(app)
    started = time.perf_counter()
    key = _upload(page.client, header)
    page.change((ids.OPENED, "data"), key)
    while page.values[ids.READY, "data"] != key:
        if not page.values[ids.WORKING, "hidden"]:
            time.sleep(_POLL_S)
        elif state.recordings.progress(key).state != DONE:
            raise UserError(f"the web application has failed: {page.values[ids.MESSAGE, 'children']}")
        page.change((ids.POLL, "n_intervals"), None)
    rows: list[dict[str, Any]] = [
        {"what": f"web, {name}: upload to overview", "seconds": time.perf_counter() - started}
    ]
    threshold = page.values[ids.THRESHOLD, "value"]
    interactions: dict[str, Callable[[int], object]] = {
        "next beat": lambda _: page.change((ids.LATER, "n_clicks"), 1),
        "threshold": lambda number: page.change((ids.THRESHOLD, "value"), threshold * (1 + number / 50)),
        "zoom out": lambda _: page.change((ids.MOVES["out"], "n_clicks"), 1),
        "move": lambda _: page.change((ids.MOVES["left"], "n_clicks"), 1),
    }
    rows += [
        {"what": f"web, {name}: {words}", "milliseconds": 1000 * statistics.median(map(_timed(act), range(1, _TIMES)))}
        for words, act in interactions.items()
    ]
    state.recordings.delete(key)
    return rows


class _Page:
    """The page as the browser keeps it: calls the callbacks whose inputs have changed, after those they wait for."""

    def __init__(self, app: Dash):
        self.client = app.server.test_client()
        self.values: dict[Property, Any] = {}
        for part in app.layout()._traverse():
            if getattr(part, "id", None):
                self.values |= {(part.id, name): value for name, value in part.to_plotly_json()["props"].items()}
        callbacks = self.client.get("/_dash-dependencies").get_json()
        self._callbacks = [callback for callback in callbacks if not callback["clientside_function"]]
        self.values = {name: self.values.get(name) for name in self.values} | {
            name: self.values.get(name) for callback in self._callbacks for name in _names(callback, "inputs", "state")
        }
        self.values |= {(ids.WORKING, "hidden"): True}

    def change(self, name: Property, value: Any) -> None:
        """Do what a user does: change a property, and let all that follows from it be done."""
        self.values[name] = value
        changed = {name}
        waiting = self._asked_by(changed)
        while waiting:
            coming = {output for callback in waiting for output in _outputs(callback)}
            ready = [callback for callback in waiting if not coming & set(_names(callback, "inputs"))]
            news = set().union(*(self._call(callback, changed) for callback in ready))
            changed |= news
            waiting = [callback for callback in waiting if callback not in ready]
            waiting += [callback for callback in self._asked_by(news) if callback not in waiting]

    def _asked_by(self, changed: set[Property]) -> list[dict[str, Any]]:
        return [callback for callback in self._callbacks if changed & set(_names(callback, "inputs"))]

    def _call(self, callback: Mapping[str, Any], changed: set[Property]) -> set[Property]:
        several = callback["output"].startswith("..")
        outputs = [{"id": part, "property": name} for part, name in _outputs(callback, with_digest=True)]
        body = {
            "output": callback["output"],
            "outputs": outputs if several else outputs[0],
            "changedPropIds": [".".join(name) for name in _names(callback, "inputs") if name in changed],
            **{
                kind: [
                    {"id": part, "property": name, "value": self.values[part, name]}
                    for part, name in _names(callback, kind)
                ]
                for kind in ("inputs", "state")
            },
        }
        answer = self.client.post("/_dash-update-component", json=body)
        if answer.status_code == 204:  # nothing is to be changed
            return set()
        news = json.loads(answer.get_data())["response"]
        told = {(part, name): value for part, values in news.items() for name, value in values.items()}
        self.values |= told
        return set(told)


def _names(callback: Mapping[str, Any], *kinds: str) -> list[Property]:
    return [(part["id"], part["property"]) for kind in kinds for part in callback[kind]]


def _outputs(callback: Mapping[str, Any], with_digest: bool = False) -> list[Property]:
    """Read the outputs of a callback; what several write has a digest behind an ``@``."""
    names = [name.rpartition(".") for name in callback["output"].strip(".").split("...")]
    return [(part, name if with_digest else name.partition("@")[0]) for part, _, name in names]


def _upload(client: FlaskClient, header: Path) -> str:
    with header.open("rb") as about, header.with_suffix(".dat").open("rb") as signals:
        answer = client.post("/recordings", data={"file": [(about, header.name), (signals, f"{header.stem}.dat")]})
    told = answer.get_json()
    if "key" not in told:
        raise UserError(f"the web application takes no upload: {told['error']}")
    return str(told["key"])


def _write_record(folder: Path, repetitions: int) -> Path:
    """Write a simulated record that repeats itself, as a WFDB record; give its header."""
    steps = (simulate_record(1, _MINUTES, _SEED).signals_mv * _STEPS_PER_MV).round().astype("<i2")
    header = folder / f"web{repetitions}.hea"
    with header.with_suffix(".dat").open("wb") as file:
        for _ in range(repetitions):
            steps.tofile(file)
    lines = [f"{header.stem}.dat 16 {_STEPS_PER_MV} 16 0 0 0 0 {lead}" for lead in LEADS]
    first = f"{header.stem} {len(LEADS)} {SAMPLING_RATE_HZ} {repetitions * len(steps)}"
    header.write_text("\n".join([first, *lines, ""]), encoding="ascii")
    return header


def _timed(act: Callable[[int], object]) -> Callable[[int], float]:
    def seconds(number: int) -> float:
        started = time.perf_counter()
        act(number)
        return time.perf_counter() - started

    return seconds
