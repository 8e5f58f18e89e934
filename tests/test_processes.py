"""Work in other processes: one that dies is replaced; when it is interrupted it ends at once, and none says a word."""

import functools
import itertools
import os
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path

import psutil
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.processes import WorkerDied, in_order, process_pool, share_out, without_ctrl_c
from tests.conftest import ROOT

PATIENCE_S = 600  # for what is certain to come, on the busiest machine

PROGRAM = """
import signal, sys, time
from ecg_anomaly.processes import in_processes, stopped_by_termination

def work(seconds):
    time.sleep(seconds)
    return seconds

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background turns off
    try:
        with stopped_by_termination():
            for seconds in in_processes(work, [(0,), (1e6,), (1e6,), (1e6,)], "waits"):
                print(seconds, flush=True)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("ctrl_c", [True, False], ids=["Ctrl-C", "termination"])
def test_what_is_stopped_ends_at_once_with_its_processes(tmp_path, ctrl_c):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, **pipes, env=environment, start_new_session=True) as process:
        assert process.stdout.readline() == "0\n"
        workers = psutil.Process(process.pid).children()
        if ctrl_c:  # a terminal sends it to all of them
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        said = process.communicate(timeout=PATIENCE_S)
    assert (said, process.returncode) == (("stopped\n", ""), 0)
    assert workers
    assert not psutil.wait_procs(workers, PATIENCE_S)[1]


def kill_own_process(notes: Path, number: int, deaths: int) -> int:
    """Die as a process does for want of memory, so many times, then work."""
    note = notes / str(number)
    died = len(note.read_text()) if note.exists() else 0
    if died < deaths:
        note.write_text("x" * (died + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_process_that_dies_is_replaced_and_its_work_tried_again(tmp_path):
    deaths = [0, 1, 0, 9, 0, 2, 0]
    calls = ((tmp_path, number, count) for number, count in enumerate(deaths))
    done = dict(share_out(kill_own_process, calls, functools.partial(process_pool, 2), ahead=3))
    assert done == {0: 0, 1: 1, 2: 4, 3: WorkerDied(3), 4: 16, 5: 25, 6: 36}


class AtOnce(Executor):
    """Makes calls as they come."""

    def submit(self, work, *arguments):
        future = Future()
        future.set_result(work(*arguments))
        return future


def test_calls_are_taken_as_there_is_room():
    taken = []
    calls = ((taken.append(number) or number,) for number in itertools.count())
    done = share_out(abs, calls, AtOnce, ahead=3)
    assert sorted(itertools.islice(done, 6)) == [(number, number) for number in range(6)]
    assert taken == list(range(6))
    assert list(share_out(abs, [], AtOnce, ahead=3)) == []


def test_results_come_in_the_order_of_the_calls():
    done = ((number, str(number)) for number in (2, 0, 1, 4, 3))
    assert list(in_order(done, "counts")) == ["0", "1", "2", "3", "4"]
    died = ((number, result) for number, result in [(1, 1), (0, WorkerDied(3))])
    with pytest.raises(UserError, match=r"that counts was ended from outside 3 times.*run again"):
        list(in_order(died, "counts"))


def test_a_signal_waits_until_a_process_has_started():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background turns off
    try:
        with pytest.raises(KeyboardInterrupt), without_ctrl_c():
            signal.raise_signal(signal.SIGINT)
            started = True
    finally:
        signal.signal(signal.SIGINT, before)
    assert started
