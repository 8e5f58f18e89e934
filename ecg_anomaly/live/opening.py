"""Opens the source that the user names."""

from __future__ import annotations

import argparse
import functools
import math
import os
import sys

from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.lines import WHERE, SampleLines
from ecg_anomaly.live.lsl import LslStream
from ecg_anomaly.live.sources import LiveSignal, Replay
from ecg_anomaly.records.catalogue import find_recording


def open_source(options: argparse.Namespace, request: Request, config: Config) -> LiveSignal:
    """Open the source that the options of `options.add_options` name; ``request`` is made of them, too.

    Raises
    ------
    UserError
        When it cannot be opened, or an option does not fit it.
    """
    if options.replay is not None:
        speed = 1.0 if options.speed is None else options.speed
        if not speed > 0:
            raise UserError(f"--speed is {speed:g}; give a number above 0, or max")
        path = find_recording(options.replay, config.paths.record_folders)
        return Replay(open_leads(path, request, config), speed)
    if options.speed is not None:
        raise UserError("--speed is for --replay; leave it out, other sources come at their own speed")
    if request.gain is not None and not (request.gain > 0 and math.isfinite(request.gain)):
        raise UserError(f"--gain is {request.gain:g}; give a number above 0")
    if options.lsl is not None:
        if request.sampling_rate_hz is not None:
            raise UserError("--sampling-rate is for --stdin and tables; leave it out, a stream says its own")
        return LslStream(options.lsl, request.leads, request.gain, config.records)
    if request.sampling_rate_hz is None:
        raise UserError(f"{WHERE}: give its lines per second with --sampling-rate")
    if sys.stdin.isatty():
        raise UserError(f"{WHERE}: is the keyboard; pipe samples into it: device | python detect_live.py --stdin")
    read = functools.partial(os.read, sys.stdin.fileno())
    return SampleLines(read, request.sampling_rate_hz, request.leads, request.gain, config.records)
