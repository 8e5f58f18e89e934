"""Measure how many patients one core follows live, and what a further one takes in memory.

``python -m tools.patients`` prints it without files, or with them by ``--keep``; ``make benchmark`` has both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil

from ecg_anomaly import commandline
from ecg_anomaly.batch.request import Request
from ecg_anomaly.config import Config
from ecg_anomaly.handover.model import check_detector, read_detector
from ecg_anomaly.live.recorder import Recorder, open_recorder
from ecg_anomaly.live.session import Session, push_together
from ecg_anomaly.live.sources import Portion
from ecg_anomaly.records.simulate import LEADS, SAMPLING_RATE_HZ, simulate_record

_PATIENTS, _RECORDS = 100, 8  # who are followed, and how many different ones they are
_PORTION_S = 1
_WARM_UP_S, _SECONDS = 60, 40  # of signal, before and while time is taken
_SEED = 3
# What BLAS does on other cores is no work of this one.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure_patients(*options: str) -> list[dict[str, Any]]:
    """Measure in processes of their own; ``options`` are those that all scripts share."""
    rows = []
    for kept in ([], ["--keep"]):
        command = [sys.executable, "-m", "tools.patients", *kept, *options]
        done = subprocess.run(command, env=os.environ | _ONE_THREAD, stdout=subprocess.PIPE, check=True, text=True)
        rows.append(json.loads(done.stdout))
    return rows


def _measure(config: Config, keep: bool) -> dict[str, Any]:
    detector = read_detector(check_detector(config))
    minutes = (_WARM_UP_S + _SECONDS) / 60
    records = [simulate_record(number, minutes, _SEED).signals_mv for number in range(1, _RECORDS + 1)]
    rate_hz = Fraction(SAMPLING_RATE_HZ)
    source: Any = SimpleNamespace(origin="simulated", sampling_rate_hz=rate_hz, leads=LEADS)
    sessions = [Session(detector, rate_hz, LEADS) for _ in range(_PATIENTS)]
    with tempfile.TemporaryDirectory() as folder:
        recorders = [
            open_recorder(Request(Path(folder)), str(number), detector, source) if keep else None
            for number in range(_PATIENTS)
        ]
        _follow(sessions[:1], recorders[:1], records, 0, _WARM_UP_S)
        before_bytes = _own_bytes()
        _follow(sessions[1:], recorders[1:], records, 0, _WARM_UP_S)
        session_bytes = (_own_bytes() - before_bytes) / (_PATIENTS - 1)
        started_s = time.process_time()
        _follow(sessions, recorders, records, _WARM_UP_S, _WARM_UP_S + _SECONDS)
        portion_s = (time.process_time() - started_s) / _PATIENTS / _SECONDS * _PORTION_S
    return {
        "what": f"live, {_PORTION_S} s of one of {_PATIENTS} patients{', kept on disk' if keep else ''}",
        "milliseconds": 1000 * portion_s,
        "patients_per_core": int(_PORTION_S / portion_s),
        "session_mb": session_bytes / 1e6,
    }


def _follow(
    sessions: list[Session], recorders: list[Recorder | None], records: list[np.ndarray], start_s: int, end_s: int
) -> None:
    """Push a stretch of signal to all sessions, a portion of each after the other."""
    for second in range(start_s, end_s, _PORTION_S):
        samples = slice(second * SAMPLING_RATE_HZ, (second + _PORTION_S) * SAMPLING_RATE_HZ)
        portions = [Portion(records[number % len(records)][samples]) for number in range(len(sessions))]
        told = push_together(list(zip(sessions, portions, strict=True)), float(second))
        for recorder, portion, news in zip(recorders, portions, told, strict=True):
            if recorder is not None:
                recorder.add(portion, news.findings)


def _own_bytes() -> int:
    memory = psutil.Process().memory_full_info()
    return int(getattr(memory, "uss", memory.rss))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", action="store_true", help="measure with all that is kept on disk")


def _print(config: Config, options: argparse.Namespace) -> None:
    print(json.dumps(_measure(config, options.keep)))


if __name__ == "__main__":
    sys.exit(commandline.run_with_options(_print, _add_options, __doc__, None))
