"""Calls on a Dask cluster: two processes of this machine, some of which are killed."""

import functools
import importlib
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

import evaluate_model
import preprocess_data
from ecg_anomaly import __version__, cluster, workers
from ecg_anomaly.batch.naming import find
from ecg_anomaly.batch.request import Request
from ecg_anomaly.batch.running import detect_all
from ecg_anomaly.cluster import ClusterExecutor, _versions, connected, with_detector
from ecg_anomaly.config import load_config
from ecg_anomaly.errors import UserError
from ecg_anomaly.handover.model import check_detector
from ecg_anomaly.processes import WorkerDied, share_out, stopped_by_termination
from tests.cluster_work import LOOK_EVERY_S, DiesOnce, die, folder_and_square, states, wait_for
from tests.conftest import Workspace
from tests.test_processes import AtOnce

ALLOWED_FAILURES = 1
UNLIKE = ("manifest.json", ".lock")  # which has the time, and paths
NAMES = [f"s{number:03}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of a cluster of two processes."""
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.deploy.lost-worker-timeout": "1h",  # a busy machine may take long to start a worker anew
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        connected(local.scheduler_address) as client,
    ):
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def config(finished: Workspace):
    overrides = [*finished.settings()[1::2]]
    return check_detector(load_config(overrides=overrides))


def test_calls_come_back_with_their_numbers(client, config):
    done = sorted(
        with_detector(folder_and_square, ((number,) for number in range(8)), config, client=client, ahead=8, per_task=3)
    )
    assert [(number, square) for number, (_, square, _) in done] == [(number, number**2) for number in range(8)]
    assert all(models.endswith("/models") and models != config.paths.models for _, (models, *_) in done)
    assert not list(with_detector(folder_and_square, [], config, client=client, ahead=8, per_task=3))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_worker_that_is_killed_costs_nothing(client, config, finished, tmp_path):
    """Of eight recordings in tasks of three, and results equal to the last bit those of one process."""

    def on_cluster(work, calls, config):
        killing = DiesOnce(work, 5, tmp_path / "died")
        yield from with_detector(killing, calls, config, client=client, ahead=8, per_task=3)

    def files_of(folder, calls):
        recordings = find([str(finished.records / "simdb" / "*.hea")], None, print)
        outcomes = list(detect_all(recordings, Request(folder, pages="none"), config, calls=calls))
        assert {outcome.recording.name: outcome.error for outcome in outcomes} == dict.fromkeys(NAMES, "")
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}

    here = files_of(tmp_path / "here", functools.partial(workers.with_detector, executors=AtOnce, workers=1))
    assert files_of(tmp_path / "cluster", on_cluster) == here
    assert (tmp_path / "died").exists()
    assert len(here) == 3 * len(NAMES) + 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_what_kills_each_worker_is_told_and_nothing_else_is_lost(client, config, monkeypatch):
    def executors():
        return ClusterExecutor(client)

    assert list(share_out(die, [()], executors, ahead=1)) == [(0, WorkerDied(ALLOWED_FAILURES + 1))]

    class Dying(AtOnce):
        def __init__(self, *_):
            pass

        def submit(self, work, square, calls):
            dies = any(number == 4 for (number,) in calls)
            return super().submit(lambda: WorkerDied(2) if dies else [square(None, *arguments) for arguments in calls])

    monkeypatch.setattr(cluster, "ClusterExecutor", Dying)
    calls = ((number,) for number in range(8))
    done = with_detector(lambda _, number: number**2, calls, config, client=client, ahead=8, per_task=3)
    assert dict(done) == {number: WorkerDied(2) if number == 4 else number**2 for number in range(8)}


def test_scripts_write_what_they_write_on_one_machine(client, finished, tmp_path):
    there = Workspace(tmp_path, finished.records)
    shutil.copytree(finished.models, there.models)
    on_cluster = [*there.settings(), "--cluster", client.scheduler.address]
    for script, folder, name in (
        (preprocess_data, "processed", "beats.csv"),
        (evaluate_model, "outputs", "reconstructions.npy"),
    ):
        assert script.main(on_cluster) == 0
        written = {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir() if path.name not in UNLIKE}
        assert written == {name: (finished.folder / folder / name).read_bytes() for name in written}
        assert name in written


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_what_is_interrupted_is_cancelled(client, config, tmp_path):
    client.wait_for_workers(2)

    def in_state(state: str) -> bool:
        return any(state in of_worker for of_worker in client.run(states).values())

    def interrupt():
        wait_until(lambda: any(tmp_path.iterdir()))
        os.kill(os.getpid(), signal.SIGTERM)

    calls = ((tmp_path, number) for number in range(100))
    with stopped_by_termination(), ThreadPoolExecutor(1) as thread, pytest.raises(KeyboardInterrupt):
        thread.submit(interrupt)
        list(with_detector(wait_for, calls, config, client=client, ahead=8, per_task=3))
    wait_until(lambda: in_state("cancelled") and not in_state("executing"))
    begun = set(tmp_path.iterdir())
    (tmp_path / "go on").touch()
    wait_until(lambda: not in_state("cancelled"))
    assert set(tmp_path.iterdir()) == {*begun, tmp_path / "go on"}


def test_what_is_wrong_with_the_cluster_is_told(client, tmp_path, monkeypatch):
    def failing(work, *arguments):
        with pytest.raises(UserError) as told:
            list(share_out(work, [arguments], lambda: ClusterExecutor(client), ahead=1))
        return str(told.value)

    (tmp_path / "only_here.py").write_text("def work(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "the cluster cannot load what it is sent: No module named 'only_here'; install there what is" in failing(
        importlib.import_module("only_here").work
    )
    monkeypatch.setattr(
        cluster, "_versions", lambda: {**dict.fromkeys(_versions(), "?"), "numpy": _versions()["numpy"]}
    )
    told = failing(len, "")
    assert re.match(rf"worker tcp://.*: has ecg_anomaly {__version__} instead of \?, Python 3\.\d+ instead of", told)
    assert "numpy" not in told


def test_a_cluster_that_cannot_be_reached_is_told(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(cluster, "_REACHED_WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for address, words in (
            (
                f"tcp://127.0.0.1:{silent.getsockname()[1]}",
                r"no Dask scheduler answers within 0\.2 s; check that it runs",
            ),
            (
                "scheduler",
                r"is no address of a Dask scheduler \(missing port.*\); give one such as tcp://scheduler:8786",
            ),
        ):
            with pytest.raises(UserError, match=f"--cluster {address}: {words}"), connected(address):
                pass
    monkeypatch.setitem(sys.modules, "distributed.comm", None)
    with pytest.raises(UserError, match=r'--cluster needs distributed.*: pip install "\.\[cluster\]"'), connected("x"):
        pass


def test_a_cluster_without_workers_is_waited_for(monkeypatch):
    told = []
    scheduler = SimpleNamespace(address="tcp://scheduler:8786")
    client = SimpleNamespace(scheduler=scheduler, nthreads=dict)
    with connected(client, told.append) as same:
        assert same is client
    assert told == ["tcp://scheduler:8786: the cluster has no worker yet; waiting for the first"]


def wait_until(condition):
    while not condition():
        time.sleep(LOOK_EVERY_S)
