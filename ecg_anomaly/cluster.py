"""Calls that an existing Dask cluster makes, with a detector that travels with them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import importlib.metadata
import itertools
import logging
import pickle
import platform
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ecg_anomaly import __version__, workers
from ecg_anomaly.config import Config
from ecg_anomaly.detector.thresholds import FittedThreshold
from ecg_anomaly.errors import UserError, missing_extra
from ecg_anomaly.handover.model import files_to_detect
from ecg_anomaly.processes import Executors, WorkerDied, share_out
from ecg_anomaly.storage import SCRATCH
from ecg_anomaly.workers import Calls, WhichDetector

if TYPE_CHECKING:
    from ecg_anomaly.detector.scorer import TrainedDetector

Result = TypeVar("Result")

_REACHED_WITHIN_S = 10
_FEWEST_AHEAD = 256  # tasks under way: a cluster that grows with what there is to do must see that there is something
_KEPT = 4  # detectors of a worker that works for several runs
_LIBRARIES = ("numpy", "pandas", "scipy", "bottleneck", "wfdb")  # through which every number goes
_Batch = list[tuple[int, tuple[Any, ...]]]  # calls with their numbers
_SAME = "install there what is installed here, the extra cluster too (for example by one image for all)"


@dataclass(frozen=True)
class Sharing:
    """Where a script has its calls made: in processes of this machine, or on a cluster."""

    config: Config  # on a cluster with whole paths: its workers have other current folders
    detecting: Calls | None = None  # on a cluster, makes calls of recordings as `workers.with_detector` does
    scoring: Calls = workers.with_detector  # makes larger calls so
    executors: Executors | None = None  # on a cluster, makes what runs calls without a detector
    ahead: int | None = None  # how many of these are under way


@contextlib.contextmanager
def shared_out(cluster: str | Any | None, config: Config, tell: Callable[[str], None]) -> Iterator[Sharing]:
    """Have calls made on a cluster while the block lasts, by its address or client; without one, on this machine.

    An address in ``dask.scheduler`` counts where no other is given. ``tell`` and errors are as for `connected`.
    """
    cluster = cluster or config.dask.scheduler
    if cluster is None:
        yield Sharing(config)
        return
    with connected(cluster, tell) as client:
        few = 2 * max(1, sum(client.nthreads().values()))
        detecting = {"ahead": max(_FEWEST_AHEAD, few), "per_task": config.dask.recordings_per_task}
        yield Sharing(
            _with_whole_paths(config),
            functools.partial(with_detector, client=client, **detecting),
            functools.partial(with_detector, client=client, ahead=few),
            functools.partial(ClusterExecutor, client),
            few,
        )


def _with_whole_paths(config: Config) -> Config:
    paths = config.paths
    whole = {name: str(Path(getattr(paths, name)).absolute()) for name in ("processed", "models", "outputs")}
    records = [str(folder.absolute()) for folder in paths.record_folders]
    return config.model_copy(update={"paths": paths.model_copy(update={**whole, "records": records})})


@contextlib.contextmanager
def connected(cluster: str | Any, tell: Callable[[str], None] = lambda _: None) -> Iterator[Any]:
    """Give a client of a cluster: the ``distributed.Client`` that is given, or one for the block, by an address.

    The address is that of the scheduler. ``tell`` is called with a line where the cluster has no worker yet, for whom
    calls then wait.

    Raises
    ------
    UserError
        When Dask is not installed, or no scheduler answers there within 10 s.
    """
    with contextlib.ExitStack() as opened:
        client = opened.enter_context(_client_of(cluster)) if isinstance(cluster, str) else cluster
        if not client.nthreads():
            tell(f"{client.scheduler.address}: the cluster has no worker yet; waiting for the first")
        yield client


def _client_of(address: str) -> Any:
    client = _dask("distributed").Client
    for name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what goes wrong is told by errors
    _check_reached(address)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions: those that matter are compared where calls are made
        return client(address, set_as_default=False)


def _check_reached(address: str) -> None:
    """Check that a Dask scheduler answers: a client waits without end for something else that does."""
    comm, security = _dask("distributed.comm"), _dask("distributed.security")

    async def answers() -> None:
        asked = comm.connect(address, **security.Security().get_connection_args("client"))
        await (await asyncio.wait_for(asked, _REACHED_WITHIN_S)).close()

    try:
        with ThreadPoolExecutor(1) as thread:  # in a notebook this one has an event loop already
            thread.submit(asyncio.run, answers()).result()
    except (asyncio.TimeoutError, OSError):
        wrong = (
            f"no Dask scheduler answers within {_REACHED_WITHIN_S} s; check that it runs and may be reached from here"
        )
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        wrong = f"is no address of a Dask scheduler ({error}); give one such as tcp://scheduler:8786"
    else:
        return
    raise UserError(f"--cluster {address}: {wrong}")


def _dask(name: str) -> Any:
    """Import a module of Dask, which is of an extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing_extra("--cluster", error.name or name, "cluster") from None


class ClusterExecutor(Executor):
    """Has a cluster make calls, each on a worker that has the versions of this process.

    A call whose workers died each time gives a `WorkerDied`: Dask has tried it again already. Where there is something
    ``sent``, a future of the client, its result comes as the first argument of each call.
    """

    def __init__(self, client: Any, *sent: Any):
        self._tasks = client.get_executor(pure=False)  # a call may be made twice on purpose
        self._sent, self._start, self._versions = sent, _starter(), _versions()

    def submit(self, work: Callable[..., Result], /, *arguments: Any, **named: Any) -> Future[Result]:
        """Have a call made."""
        call = _dask("cloudpickle").dumps((work, arguments, named))
        outcome: Future[Any] = Future()
        task = self._tasks.submit(self._start, self._versions, call, *self._sent)
        task.add_done_callback(functools.partial(_pass_on, outcome))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what is under way, or have it cancelled: no worker begins it, or the next call of a batch."""
        self._tasks.shutdown(wait=wait and not cancel_futures)


def with_detector(
    work: Callable[..., Result],
    calls: Iterable[tuple[Any, ...]],
    config: Config,
    threshold: FittedThreshold | None = None,
    *,
    client: Any,
    ahead: int,
    per_task: int = 1,
) -> Generator[tuple[int, Result | WorkerDied], None, None]:
    """Call a function many times on a cluster, as `workers.with_detector` does on this machine.

    The workers need not see the folder of the detector: what they need of it is sent. Of the tasks, each of so many
    calls, ``ahead`` are under way at most. The calls of a task whose workers died are made again one by one, so that
    only what ends a worker is lost.
    """
    which = WhichDetector.of(config, threshold)
    packed = pickle.dumps(_Carried(which, files_to_detect(config)))
    # The result of a task, which unlike scattered data is made anew when the worker that has it dies.
    sent = client.submit(bytes, packed, pure=False)  # a key that is used again may still be let go of

    def done(batches: Iterable[_Batch]) -> Generator[tuple[_Batch, list[Result] | WorkerDied], None, None]:
        under_way: dict[int, _Batch] = {}

        def tasks() -> Iterator[tuple[Any, ...]]:
            for number, batch in enumerate(batches):
                under_way[number] = batch
                yield work, [arguments for _, arguments in batch]

        executors = functools.partial(ClusterExecutor, client, sent)
        with contextlib.closing(share_out(_detect_each, tasks(), executors, ahead=ahead)) as shared:
            for number, results in shared:
                yield under_way.pop(number), results

    numbered = enumerate(calls)
    again: _Batch = []
    for batches in (iter(lambda: list(itertools.islice(numbered, per_task)), []), ([call] for call in again)):
        with contextlib.closing(done(batches)) as finished:
            for batch, results in finished:
                numbers = [number for number, _ in batch]
                if not isinstance(results, WorkerDied):
                    yield from zip(numbers, results, strict=True)
                elif len(batch) > 1:
                    again += batch
                else:
                    yield numbers[0], results


@dataclass(frozen=True)
class _Carried:
    """A detector on its way to a worker."""

    which: WhichDetector
    files: dict[str, bytes] = field(compare=False)  # by name

    def read(self) -> TrainedDetector:
        """Read the detector, once in a process."""
        return _unpacked(self)[1].read()


@functools.lru_cache(_KEPT)
def _unpacked(carried: _Carried) -> tuple[tempfile.TemporaryDirectory[str], WhichDetector]:
    """Write the files of a detector to a folder, which lasts as long as what this gives."""
    which = carried.which
    parent = tempfile.TemporaryDirectory(dir=SCRATCH.get(), prefix="detector-")
    folder = Path(parent.name) / Path(which.config.paths.models).resolve().name  # by which results name the model
    folder.mkdir()
    for name, content in carried.files.items():
        (folder / name).write_bytes(content)
    paths = which.config.paths.model_copy(update={"models": str(folder), "outputs": str(folder)})
    return parent, WhichDetector.of(which.config.model_copy(update={"paths": paths}), which.threshold)


def _detect_each(packed: bytes, work: Callable[..., Result], calls: list[tuple[Any, ...]]) -> list[Result]:
    """Make the calls of a batch, until nobody waits for them."""
    carried: _Carried = pickle.loads(packed)
    detector = carried.read()
    return [work(detector, *arguments) for arguments in itertools.takewhile(_is_wanted, calls)]


def _is_wanted(_: object) -> bool:
    worker = _dask("distributed").get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return task is not None and task.state == "executing"


def _starter() -> Callable[..., Any]:
    """Give what begins a call on a worker: a function that travels itself, so that a worker without us can say so."""

    def ecg_anomaly(*arguments: Any) -> Any:
        import importlib

        return importlib.import_module("ecg_anomaly.cluster").run(*arguments)

    return ecg_anomaly


def run(versions: dict[str, str], call: bytes, *sent: Any) -> Any:
    """Make a call on a worker: by the versions that the client has, and on one core, as a process of one machine."""
    worker = _dask("distributed").get_worker()
    other = [f"{name} {own} instead of {versions[name]}" for name, own in _versions().items() if own != versions[name]]
    if other:
        raise UserError(f"worker {worker.address}: has {', '.join(other)}; {_SAME}")
    work, arguments, named = pickle.loads(call)
    kept = SCRATCH.set(worker.local_directory)  # which Dask empties when the worker is killed
    try:
        with threadpool_limits(1):
            return work(*sent, *arguments, **named)
    finally:
        SCRATCH.reset(kept)


@functools.cache
def _versions() -> dict[str, str]:
    """List what has to be equal where a call is made, so that its results are."""
    python = ".".join(platform.python_version_tuple()[:2])
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"ecg_anomaly": __version__, "Python": python, **libraries}


def _pass_on(outcome: Future[Any], task: Future[Any]) -> None:
    """Give a call what became of its task, in words where the cluster is at fault."""
    if task.cancelled():
        outcome.set_exception(UserError("the cluster dropped what it was to do: its scheduler has ended; run again"))
        return
    error = task.exception()
    if error is None:
        outcome.set_result(task.result())
    elif isinstance(error, _dask("distributed.scheduler").KilledWorker):
        outcome.set_result(WorkerDied(error.allowed_failures + 1))
    elif isinstance(error, ImportError) or "deserialization" in str(error):
        outcome.set_exception(
            UserError(f"the cluster cannot load what it is sent: {error.__cause__ or error}; {_SAME}")
        )
    else:
        outcome.set_exception(error)
