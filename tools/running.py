"""Runs a script as users do, and measures what it costs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from ecg_anomaly.errors import UserError

SCRIPTS = ("preprocess_data.py", "train_model.py", "evaluate_model.py", "visualize_results.py")

_ROOT = Path(__file__).resolve().parent.parent
_LOOK_EVERY_S = 0.2  # how often memory is looked at

Row = dict[str, Any]  # what was measured, and its figures


def run_script(name: str, *options: str) -> Row:
    """Measure the time of a script, on the clock and of all processors, and the memory of all its processes together.

    Raises
    ------
    UserError
        When the script fails.
    """
    print(f"running {name} {options[0]}", file=sys.stderr, flush=True)
    started, before = time.perf_counter(), os.times()
    command = [sys.executable, str(_ROOT / name), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, _memory_bytes(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY_S)
        message = process.stderr.read() if process.stderr else ""
    if process.returncode:
        raise UserError(f"{name} ended with {process.returncode}: {message}")
    ended = os.times()
    cpu_s = ended.children_user + ended.children_system - before.children_user - before.children_system
    seconds = time.perf_counter() - started
    return {"what": name, "seconds": seconds, "cpu_seconds": cpu_s, "peak_mb": peak_bytes / 1e6}


def _memory_bytes(pid: int) -> int:
    """Memory of a process and its children that no other process shares (where the system tells)."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except psutil.Error:
        pass  # it has just ended
    return total
