"""What was worked out last, and is asked for again: by several parts of a page, or by several people at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Name = tuple[Any, ...]  # the key of a recording, and what else the value depends on


class Cache(Generic[Value]):
    """Keeps as many values as ``most``; each is worked out once, also when many threads ask for it at a time."""

    def __init__(self, most: int):
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[Name, Future[Value]] = OrderedDict()

    def get(self, name: Name, make: Callable[[], Value]) -> Value:
        """Give a value, which is made if it is not there; what ``make`` raises is raised, and not kept."""
        with self._lock:
            value = self._values.get(name)
            if mine := value is None:
                value = self._values[name] = Future()
            self._values.move_to_end(name)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        assert value is not None  # mypy does not see it
        if mine:
            try:
                value.set_result(make())
            except BaseException as error:
                with self._lock:
                    if self._values.get(name) is value:
                        del self._values[name]
                value.set_exception(error)
        return value.result()

    def drop(self, key: str) -> None:
        """Forget the values of a recording."""
        with self._lock:
            for name in [name for name in self._values if name[0] == key]:
                del self._values[name]
