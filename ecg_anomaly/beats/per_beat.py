"""Tables of arrays that have one entry per beat, each array of a shape of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd

Table = TypeVar("Table", bound="PerBeat")


class PerBeat:
    """Base of dataclasses whose fields all have one entry per beat: arrays, others of this kind, mappings of arrays."""

    def __len__(self) -> int:
        return len(next(iter(vars(self).values())))

    def chosen(self: Table, rows: np.ndarray | slice) -> Table:
        """Choose some of the beats, by a mask, an index or a slice."""
        return type(self)(*(_combined([value], lambda arrays: arrays[0][rows]) for value in vars(self).values()))

    @classmethod
    def joined(cls: type[Table], parts: Sequence[Table]) -> Table:
        """Put beats that follow each other into one table; at least one part is needed."""
        fields = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*(_combined(values, np.concatenate) for values in fields))

    @classmethod
    def collected(cls: type[Table], parts: Iterable[tuple[slice, Table]], beats: int) -> Table:
        """Put parts into the rows that are theirs, of so many; each can go before the next comes, unlike with `joined`.

        At least one part is needed.
        """
        whole: Table | None = None
        for rows, part in parts:
            whole = _combined([part], functools.partial(_empty, beats)) if whole is None else whole
            whole = _combined([whole, part], functools.partial(_filled, rows))
        assert whole is not None
        return whole


def rows_of_each_record(records: pd.Series) -> list[slice]:
    """Find the rows of each record in a column of their names: no record knows of another."""
    names = records.to_numpy()
    starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
    if len(starts) - 1 > len(set(names)) > 0:
        raise ValueError("the beats of a record have to follow each other")
    return [slice(start, end) for start, end in pairwise(starts) if start < end]


def in_each_record(function: Callable[..., np.ndarray], beats: pd.DataFrame, *columns: str) -> np.ndarray:
    """Apply a function of arrays of one record to columns of a table of many, record by record; shape ``(beats,)``."""
    values = [beats[name].to_numpy() for name in columns]
    result = np.empty(len(beats))
    for rows in rows_of_each_record(beats["record"]):
        result[rows] = function(*(value[rows] for value in values))
    return result


def _empty(beats: int, arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.empty((beats, *arrays[0].shape[1:]), arrays[0].dtype)


def _filled(rows: slice, arrays: Sequence[np.ndarray]) -> np.ndarray:
    whole, part = arrays
    whole[rows] = part
    return whole


def _combined(values: Sequence[Any], combine: Callable[[Sequence[np.ndarray]], np.ndarray]) -> Any:
    """Combine one field of several tables, whatever it consists of."""
    first = values[0]
    if isinstance(first, PerBeat):
        fields = zip(*(vars(value).values() for value in values), strict=True)
        return type(first)(*(_combined(field, combine) for field in fields))
    if isinstance(first, dict):
        return {key: combine([value[key] for value in values]) for key in first}
    return combine(values)
