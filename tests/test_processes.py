"""Work in other processes that is interrupted: it ends at once, with all of them, and none says a word."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

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
