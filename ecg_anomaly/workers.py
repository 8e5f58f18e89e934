"""Processes that hold a trained detector, each of which reads it once and analyses many recordings with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from ecg_anomaly.config import Config
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.handover.model import read_detector
from ecg_anomaly.processes import in_processes, process_pool

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

Result = TypeVar("Result")

_PROCESSES = 2  # each holds TensorFlow, which takes about 0.7 GB
_METHOD = "spawn"  # TensorFlow does not survive a fork

# The detector of a worker process.
_detector: TrainedDetector | None = None


def with_detector(
    work: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    doing: str,
    config: Config,
    threshold: FittedThreshold | None = None,
) -> Generator[Result, None, None]:
    """Call a function many times, in a few processes; yield the results in the given order.

    A single call is made in this process: starting another takes seconds. Parameters as for `in_processes`, but that
    the first argument of each call, a `TrainedDetector`, is added, and for `handover.model.read_detector`.
    """
    if len(calls) == 1:
        yield work(read_detector(config, threshold), *calls[0])
        return
    its_calls = [(work, *arguments) for arguments in calls]
    yield from in_processes(call_with_detector, its_calls, doing, detector_pool(config, threshold))


def detector_pool(config: Config, threshold: FittedThreshold | None = None) -> ProcessPoolExecutor:
    """Make processes that hold a detector, for calls of `call_with_detector` that may come one by one."""
    return process_pool(_PROCESSES, _METHOD, _read_detector, config, threshold)


def call_with_detector(work: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function, in a process that `detector_pool` made, with the detector as its first argument."""
    assert _detector is not None  # the worker has started
    return work(_detector, *arguments)


def _read_detector(config: Config, threshold: FittedThreshold | None) -> None:
    global _detector  # noqa: PLW0603 - a process pool has no other place for what its tasks share
    _detector = read_detector(config, threshold)
