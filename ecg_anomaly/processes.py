"""Work that is shared out among processes, which end when the script does, or with a thread; signals that end it."""

from __future__ import annotations

import _thread
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, TypeVar

from ecg_anomaly.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOK_EVERY_S = 0.2  # whether work is to be ended


def in_processes(
    work: Callable[..., Result], calls: Sequence[tuple[Any, ...]], doing: str, pool: ProcessPoolExecutor | None = None
) -> Generator[Result, None, None]:
    """Call a function many times, in processes that end afterwards; yield the results in the given order.

    Parameters
    ----------
    work
        A function of a module.
    calls
        The arguments of each call.
    doing
        What a process does, for the message when one dies.
    pool
        The processes, from `process_pool`; else there is one per core.

    Raises
    ------
    UserError
        When a process is ended from outside.
    """
    with pool or process_pool(len(calls)) as executor:
        try:
            with without_ctrl_c():
                # Not by executor.map, which cancels what it waits for: that collides with the end of the processes.
                coming = deque(executor.submit(work, *arguments) for arguments in calls)
            while coming:
                yield coming.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                f"a process that {doing} was ended from outside, perhaps for want of memory; "
                "close other programs and run again"
            ) from None
        except (KeyboardInterrupt, GeneratorExit):  # it was interrupted here, or where the results go
            for process in multiprocessing.active_children():
                process.terminate()  # else it would go on with its work first
            raise
        finally:
            executor.shutdown(cancel_futures=True)


def one_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Give the result of each item, while a thread works on the next one."""
    with ThreadPoolExecutor(1) as thread:
        coming: deque[Future[Result]] = deque()
        for item in items:
            coming.append(thread.submit(work, item))
            if len(coming) > 1:
                yield coming.popleft().result()
        yield from (future.result() for future in coming)


def process_pool(
    most: int, method: str | None = None, start: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """Make processes: ``most``, but not more than there are cores.

    They start by a ``method`` of ``multiprocessing.get_context``, else in the platform's way, and call ``start`` with
    its arguments before their first work.
    """
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(min(most, os.cpu_count() or 1), context, _start_process, (start, *arguments))


def end_processes(pool: Executor) -> None:
    """End the processes of a pool at once, whatever they do; what they were to do fails, or is cancelled."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):  # Python 3.14 has kill_workers
        process.kill()


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Start processes inside the block that Ctrl-C never reaches, not even before they come to `_start_process`."""
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
