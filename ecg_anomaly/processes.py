"""Work that is shared out among processes, which end when the script does; signals that end it."""

from __future__ import annotations

import _thread
import functools
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, TypeVar

from ecg_anomaly.errors import UserError

Result = TypeVar("Result")

Executors = Callable[[], Executor]
"""Makes what runs calls, such as a pool of processes: at first, and anew when one of its processes has died."""

_LOOK_EVERY_S = 0.2  # whether work is to be ended
_MOST_ON_WINDOWS = 61  # processes that one can wait for


@dataclass(frozen=True)
class WorkerDied:
    """In place of a result: the process that worked on it died, each time."""

    times: int


def share_out(
    work: Callable[..., Result], calls: Iterable[tuple[Any, ...]], executors: Executors, *, ahead: int, tries: int = 2
) -> Generator[tuple[int, Result | WorkerDied], None, None]:
    """Call a function many times, in processes that are replaced when they die; yield what is done as it is done.

    Parameters
    ----------
    work
        A function of a module; what it raises is raised here.
    calls
        The arguments of each call, of any number: they are taken as there is room.
    executors
        Makes the processes. An executor says that one has died by a `BrokenExecutor`, of the calls that this ended
        or, as a pool does, of all.
    ahead
        How many calls are under way at most.
    tries
        How many more times a call is tried, alone, that was under way when a process died.

    Yields
    ------
    tuple
        The number of the call, from 0, and its result.
    """
    sharing = _Sharing(work, executors)
    coming = enumerate(calls)
    deaths: dict[int, int] = {}  # of the processes that had a call, by its number
    suspects: deque[tuple[int, tuple[Any, ...]]] = deque()  # one of them ends the process that runs it
    try:
        while True:
            if not suspects:
                for call in itertools.islice(coming, ahead - len(sharing.under_way)):
                    sharing.submit(*call)
            elif not sharing.under_way:
                sharing.submit(*suspects.popleft())
            if not sharing.under_way:
                return
            for number, arguments, future in sharing.done():
                error = future.exception()
                if not isinstance(error, BrokenExecutor):
                    deaths.pop(number, None)
                    yield number, future.result()
                    continue
                deaths[number] = deaths.get(number, 0) + 1
                if deaths[number] <= tries:
                    suspects.append((number, arguments))
                else:
                    yield number, WorkerDied(deaths.pop(number))
    except BaseException:
        end_processes(sharing.executor)  # which would go on with their work first
        raise
    finally:
        sharing.executor.shutdown(cancel_futures=True)


class _Sharing:
    """Calls that are under way, and what runs them."""

    def __init__(self, work: Callable[..., Any], executors: Executors):
        self._work, self._executors, self.executor = work, executors, executors()
        self.under_way: dict[Future[Any], tuple[int, tuple[Any, ...]]] = {}

    def submit(self, number: int, arguments: tuple[Any, ...]) -> None:
        """Have a call made, in a new process where one has died."""
        with without_ctrl_c():  # it may start a process
            try:
                future = self.executor.submit(self._work, *arguments)
            except BrokenExecutor:
                self.executor.shutdown()
                self.executor = self._executors()
                future = self.executor.submit(self._work, *arguments)
            self.under_way[future] = number, arguments

    def done(self) -> Iterator[tuple[int, tuple[Any, ...], Future[Any]]]:
        """Wait until one or more calls are done; give each with its number and arguments."""
        for future in wait(self.under_way, return_when=FIRST_COMPLETED).done:
            yield *self.under_way.pop(future), future


def in_processes(
    work: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    doing: str,
    executors: Executors | None = None,
    ahead: int | None = None,
) -> Generator[Result, None, None]:
    """Call a function many times, in processes that end afterwards; yield the results in the given order.

    Parameters
    ----------
    work, calls, executors, ahead
        As for `share_out`; without ``executors`` there is a process per core, and calls for them and the next one.
    doing
        What a process does, for the message when one dies.

    Raises
    ------
    UserError
        When a process is ended from outside each time that a call is tried.
    """
    executors = executors or functools.partial(process_pool, max(1, min(len(calls), cores())))
    yield from in_order(share_out(work, calls, executors, ahead=ahead or cores() + 1), doing)


def in_order(done: Generator[tuple[int, Result | WorkerDied], None, None], doing: str) -> Generator[Result, None, None]:
    """Yield what `share_out` gives in the order of the calls; parameters and errors as of `in_processes`."""
    early: dict[int, Result] = {}
    following = 0
    with closing(done):
        for number, result in done:
            if isinstance(result, WorkerDied):
                raise UserError(
                    f"a process that {doing} was ended from outside {result.times} times, perhaps for want of memory; "
                    "close other programs and run again"
                )
            early[number] = result
            while following in early:
                yield early.pop(following)
                following += 1


def cores() -> int:
    """Count the cores that this process may use; a batch system may grant fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_pool(
    processes: int, method: str | None = None, start: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """Make processes, so many at most.

    They start by a ``method`` of ``multiprocessing.get_context``, else in the platform's way, and call ``start`` with
    its arguments before their first work.
    """
    most = min(processes, _MOST_ON_WINDOWS) if sys.platform == "win32" else processes
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(most, context, _start_process, (start, *arguments))


def end_processes(pool: Executor) -> None:
    """End the processes of a pool at once, whatever they do; what they were to do fails, or is cancelled."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):  # Python 3.14 has kill_workers
        process.kill()


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Start processes inside the block, which Ctrl-C never reaches, not even before they come to `_start_process`.

    A signal that interrupts does so after the block: a process that is only half known could not be ended.
    """
    with _signals_wait():
        if not hasattr(signal, "pthread_sigmask"):  # on Windows
            yield
            return
        resource_tracker.ensure_running()  # which would lift the block that processes inherit
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Have a signal that comes inside the block do what it does after it."""
    if threading.current_thread() is not threading.main_thread():  # no handler runs there
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = {number: handler for number, handler in before.items() if callable(handler)}  # others are the system's
    for number in handled:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def stopped_by_termination() -> Iterator[None]:
    """Have a termination signal inside the block interrupt as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ending_signals(tell: Callable[[], None] = lambda: None) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or termination signal inside the block into an event; the next one interrupts as usual.

    The first one calls ``tell`` too.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        ended.set()
        tell()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class EndedError(BaseException):
    """Work was ended by `ended_when`; no `Exception`, so that nobody takes it for a problem of the work."""


@contextmanager
def ended_when(gone: Callable[[], bool]) -> Iterator[None]:
    """End the work inside the block soon after a condition holds, wherever it is: by an `EndedError`.

    It must be the main thread of its process that works; in another one the block runs to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    working, over = True, threading.Event()

    def end(*_: object) -> None:
        nonlocal working
        if working:
            working = False
            raise EndedError

    def watch() -> None:
        while not over.wait(_LOOK_EVERY_S):
            if gone():
                _thread.interrupt_main(signal.SIGTERM)  # calls end, also where the system has no signals
                return

    before = signal.signal(signal.SIGTERM, end)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        try:
            yield
        finally:
            working = False
            over.set()
            watcher.join()  # so that it ends no later work
    finally:
        signal.signal(signal.SIGTERM, before)


def _start_process(start: Callable[..., None] | None, *arguments: Any) -> None:
    """Leave Ctrl-C to the parent process, and end with it: a killed script must not leave workers behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # where the process is a copy of one that takes it for Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start is not None:
        start(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is a worker
    parent.join()
    os._exit(1)
