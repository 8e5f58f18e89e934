"""The page of the web application without a browser: what it asks the server for, for measurements."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dash import Dash
from werkzeug.test import TestResponse

from ecg_anomaly.errors import UserError
from ecg_anomaly.web import ids

_POLL_S = 0.1

Property = tuple[str, str]  # of the page: the part's name and which of its properties


class Page:
    """The page as a browser keeps it: calls the callbacks whose inputs have changed, after those they wait for."""

    def __init__(self, app: Dash):
        self._client = app.server.test_client()
        self.waits_s: list[float] = []  # for each answer
        callbacks = self._client.get("/_dash-dependencies").get_json()
        self._callbacks = [callback for callback in callbacks if not callback["clientside_function"]]
        self.properties: defaultdict[Property, Any] = defaultdict(lambda: None)
        for part in app.layout()._traverse_ids():
            self.properties |= {(part.id, name): value for name, value in part.to_plotly_json()["props"].items()}

    def open(self, header: Path) -> str:
        """Upload a WFDB record, and wait until the page shows it; give its key."""
        key = self._upload(header)
        while self.properties[ids.READY, "data"] != key:
            if self.properties[ids.POLL, "disabled"]:
                raise UserError(f"the web application has failed: {self.properties[ids.MESSAGE, 'children']}")
            time.sleep(_POLL_S)
            self.change(ids.POLL, "n_intervals", 1)
        return key

    def mark(self, key: str, row: int, mark: str) -> None:
        """Mark a beat, and let all that follows from it be done."""
        body = {"rows": [row], "mark": mark, "what": f"beat {row}"}
        answer = self._post(f"/recordings/{key}/marks", json=body)
        self.change(ids.MARKED, "data", [key, answer.get_json()["version"]])

    def _upload(self, header: Path) -> str:
        with header.open("rb") as about, header.with_suffix(".dat").open("rb") as signals:
            files = [(about, header.name), (signals, f"{header.stem}.dat")]
            answer = self._post("/recordings", data={"file": files}).get_json()
        if "key" not in answer:
            raise UserError(f"the web application takes no upload: {answer['error']}")
        self.change(ids.OPENED, "data", answer["key"])
        return str(answer["key"])

    def change(self, part: str, name: str, value: Any) -> None:
        """Do what a user does: change a property, and let all that follows from it be done."""
        self.properties[part, name] = value
        changed = {(part, name)}
        waiting = self._asked_by(changed)
        while waiting:
            ready = [one for one in waiting if not any(_feeds(other, one) for other in waiting if other is not one)]
            called = (ready or waiting)[0]  # none is ready where some feed each other
            news = self._call(called, changed)
            changed |= news
            waiting.remove(called)
            waiting += [one for one in self._asked_by(news) if one not in waiting and one is not called]

    def _post(self, path: str, **content: Any) -> TestResponse:
        started = time.perf_counter()
        answer: TestResponse = self._client.post(path, **content)
        self.waits_s.append(time.perf_counter() - started)
        if answer.status_code >= 400:
            raise UserError(f"the web application does not answer: {answer.get_data(as_text=True)}")
        return answer

    def _asked_by(self, changed: set[Property]) -> list[dict[str, Any]]:
        return [callback for callback in self._callbacks if changed & set(_inputs(callback))]

    def _call(self, callback: Mapping[str, Any], changed: set[Property]) -> set[Property]:
        outputs = [{"id": part, "property": name} for part, name in _outputs(callback, with_digest=True)]
        body = {
            "output": callback["output"],
            "outputs": outputs if callback["output"].startswith("..") else outputs[0],
            "changedPropIds": [".".join(name) for name in _inputs(callback) if name in changed],
        }
        for kind in ("inputs", "state"):
            body[kind] = [part | {"value": self.properties[part["id"], part["property"]]} for part in callback[kind]]
        answer = self._post("/_dash-update-component", json=body)
        if answer.status_code == 204:  # nothing is to be changed
            return set()
        response = json.loads(answer.get_data())["response"]
        news = {(part, name): value for part, values in response.items() for name, value in values.items()}
        self.properties |= news
        return set(news)


def _feeds(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return not set(_outputs(one)).isdisjoint(_inputs(other))


def _inputs(callback: Mapping[str, Any]) -> list[Property]:
    return [(part["id"], part["property"]) for part in callback["inputs"]]


def _outputs(callback: Mapping[str, Any], with_digest: bool = False) -> list[Property]:
    """Read the outputs of a callback; what several write has a digest behind an ``@``."""
    names = [name.rpartition(".") for name in callback["output"].strip(".").split("...")]
    return [(part, name if with_digest else name.partition("@")[0]) for part, _, name in names]
