"""Processes that hold a trained detector, each of which reads it once and analyses many recordings with it."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecg_anomaly.config import Config
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import read_detector
from ecg_anomaly.handover.scores import read_threshold
from ecg_anomaly.manifest import folder_fingerprint
from ecg_anomaly.processes import Executors, WorkerDied, cores, process_pool, share_out

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

Result = TypeVar("Result")

Calls = Callable[..., Generator[tuple[int, Any], None, None]]
"""Calls a function with a detector and other arguments, many times, here as `with_detector` does or elsewhere."""

_METHOD = "spawn"  # a process that is forked may inherit a lock of a thread of its parent, which nobody lifts
_KEPT = 4  # detectors of a process that works for several runs


@dataclass(frozen=True)
class WhichDetector:
    """Says which detector is to be used, to a process that may have it; equal by what the detector is."""

    config: Config = field(compare=False)  # from `handover.model.check_detector`
    threshold: FittedThreshold | None = field(compare=False)  # without one, that of its file
    model: str  # fingerprint of the network, the reference and the threshold
    settings: str  # fingerprint of all settings

    @classmethod
    def of(cls, config: Config, threshold: FittedThreshold | None = None) -> WhichDetector:
        """Tell which detector the settings name."""
        cut_at = (threshold or read_threshold(config.paths.outputs)).to_json()
        model = _digest([*folder_fingerprint(config.paths.models), cut_at])
        return cls(config, threshold, model, _digest(config.model_dump(mode="json")))

    def read(self) -> TrainedDetector:
        """Read the detector, once in a process.

        Raises
        ------
        UserError
            When its files are no longer those that were meant, or are others on this machine.
        """
        return _read(self)


def with_detector(
    work: Callable[..., Result],
    calls: Iterable[tuple[Any, ...]],
    config: Config,
    threshold: FittedThreshold | None = None,
    *,
    executors: Executors | None = None,
    workers: int | None = None,
    ahead: int | None = None,
) -> Generator[tuple[int, Result | WorkerDied], None, None]:
    """Call a function many times, with a detector as its first argument; yield what is done as `processes.share_out`.

    Parameters
    ----------
    work
        A function of a module; its first argument is a `TrainedDetector`.
    calls
        Its other arguments in each call, of any number.
    config, threshold
        As for `handover.model.read_detector`.
    executors
        As for `processes.share_out`: what runs the calls. Without it, processes of this machine do, but a single call
        is made in this process: starting another takes a second.
    workers
        How many calls are made at a time; without it, one per core.
    ahead
        How many calls are under way at most; without it, those and the next one.
    """
    which, workers = WhichDetector.of(config, threshold), workers or cores()
    if executors is None:
        first = list(itertools.islice(calls := iter(calls), 2))
        if len(first) < 2:
            yield from ((number, _call(which, work, *arguments)) for number, arguments in enumerate(first))
            return
        calls, executors = itertools.chain(first, calls), functools.partial(process_pool, workers, _METHOD)
    asked = ((which, work, *arguments) for arguments in calls)
    yield from share_out(_call, asked, executors, ahead=ahead or workers + 1)


def detector_pool(config: Config, workers: int | None = None) -> ProcessPoolExecutor:
    """Make processes that hold a detector, for calls of `call_with_detector` that may come one by one.

    They start as they are needed, up to the number ``workers``; without it, one per core.
    """
    return process_pool(workers or cores(), _METHOD, _hold, WhichDetector.of(config))


def call_with_detector(work: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function, in a process that `detector_pool` made, with the detector as its first argument."""
    assert _held is not None  # the worker has started
    return _call(_held, work, *arguments)


# That of a process that `detector_pool` made.
_held: WhichDetector | None = None


def _hold(which: WhichDetector) -> None:
    global _held  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _held = which
    which.read()


def _call(which: WhichDetector, work: Callable[..., Result], *arguments: Any) -> Result:
    # Of more threads sums come out another way, and processes take each other's cores.
    with threadpool_limits(1, "blas"):
        return work(which.read(), *arguments)


@functools.lru_cache(_KEPT)
def _read(which: WhichDetector) -> TrainedDetector:
    detector = read_detector(which.config, which.threshold)
    if WhichDetector.of(which.config, which.threshold) != which:
        raise UserError(
            f"{which.config.paths.models}: the detector is another one than when this run began; run again, and leave "
            "its files as they are meanwhile"
        )
    return detector


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
