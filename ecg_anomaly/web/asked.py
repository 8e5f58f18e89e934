"""Requests for callbacks: anybody may send anything, so what no part of the page can hold is refused here."""

from __future__ import annotations

from typing import Annotated, Any

from dash import Dash
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ecg_anomaly.web import ids

_LONGEST = 1000  # text

_Count = Annotated[int, Field(strict=True, ge=0)] | None
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Text = Annotated[str, Field(strict=True, max_length=_LONGEST)]


class _Point(BaseModel):
    x: _Number


class _Click(BaseModel):
    points: Annotated[list[_Point], Field(min_length=1)]


class _Row(BaseModel):
    key: _Text
    reason: _Text


# What parts of the page may hold, whose properties callbacks read: by their property, and by name where parts differ.
_HOLD: dict[str, Any] = {
    "n_clicks": _Count,
    "n_intervals": _Count,
    "n_submit": _Count,
    "checked": Annotated[bool, Field(strict=True)] | None,
    "children": Any,  # which says that something has changed
    "clickData": _Click | None,
    "relayoutData": dict[_Text, Any] | None,
    "rowData": list[_Row] | None,
    "value": _Text | None,
}
_HOLD |= {f"{name}.data": _Text | None for name in (ids.OPENED, ids.READY, ids.DELETED, ids.DELETING, ids.PLAYING)}
_HOLD |= {f"{name}.data": list[Any] | None for name in (ids.MARKED, ids.ON_PAPER, ids.VIEW)}
_HOLD |= {
    f"{ids.AT}.data": Annotated[list[_Number | None], Field(min_length=2, max_length=2)] | None,
    f"{ids.BEAT}.data": _Count,
    f"{ids.CLICKED}.data": _Number | None,
    f"{ids.THRESHOLD}.value": _Number | None,
    f"{ids.THRESHOLD_FIELD}.value": _Text | _Number | None,
    f"{ids.RECORDS}.value": list[_Text] | None,
}
_ADAPTERS = {name: TypeAdapter(kind) for name, kind in _HOLD.items()}


class _Part(BaseModel):
    id: _Text
    property: _Text
    value: Any = None

    def name(self) -> str:
        return f"{self.id}.{self.property}"

    def check(self) -> None:
        _ADAPTERS[self.name() if self.name() in _ADAPTERS else self.property].validate_python(self.value)


class _Request(BaseModel):
    model_config = ConfigDict(strict=True)

    output: str
    outputs: _Part | list[_Part]
    inputs: list[_Part]
    state: list[_Part] = []
    changedPropIds: list[str] = []  # noqa: N815 - Dash's own name


def is_callback(app: Dash, body: Any) -> bool:
    """Tell whether a request is one that the page may make: of a callback, with values that its parts may hold."""
    try:
        asked = _Request.model_validate(body)
        known = app.callback_map.get(asked.output, {})
        if "callback" not in known:  # one that the page's scripts answer
            return False
        for parts, expected in ((asked.inputs, known["inputs"]), (asked.state, known["state"])):
            if [part.name() for part in parts] != [f"{part['id']}.{part['property']}" for part in expected]:
                return False
            for part in parts:
                part.check()
    except (ValidationError, RecursionError):
        return False
    outputs = asked.outputs if isinstance(asked.outputs, list) else [asked.outputs]
    is_written = [part.name() for part in outputs] == asked.output.strip(".").split("...")
    return is_written and {*asked.changedPropIds} <= {part.name() for part in asked.inputs}
