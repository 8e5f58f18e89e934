"""Opens the sources that the user names."""

from __future__ import annotations

import argparse
import functools
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ecg_anomaly.batch.opening import open_leads
from ecg_anomaly.batch.request import Request
from ecg_anomaly.commandline import command_of
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.lines import WHERE, SampleLines
from ecg_anomaly.live.lsl import LslStream
from ecg_anomaly.live.sources import LiveSignal, Replay
from ecg_anomaly.records.catalogue import find_recording

_AT_ONCE = 16  # sources that are opened


def open_sources(options: argparse.Namespace, request: Request, config: Config) -> list[LiveSignal | UserError]:
    """Open the sources that the options of `options.add_options` name, or say why they cannot be; all at once.

    ``request`` is made of the options, too.

    Raises
    ------
    UserError
        When an option does not fit.
    """
    speed = 1.0 if options.speed is None else options.speed
    if not speed > 0:
        raise UserError(f"--speed is {speed:g}; give a number above 0, or max")
    if options.replay is not None:
        opened = functools.partial(_open_replay, speed=speed, request=request, config=config)
        return _open_each(opened, options.replay)
    if options.speed is not None:
        raise UserError("--speed is for --replay; leave it out, other sources come at their own speed")
    if request.gain is not None and not (request.gain > 0 and math.isfinite(request.gain)):
        raise UserError(f"--gain is {request.gain:g}; give a number above 0")
    if options.lsl is not None:
        if request.sampling_rate_hz is not None:
            raise UserError("--sampling-rate is for --stdin and tables; leave it out, a stream says its own")
        return _open_each(lambda name: LslStream(name, request.leads, request.gain, config.records), options.lsl)
    if request.sampling_rate_hz is None:
        raise UserError(f"{WHERE}: give its lines per second with --sampling-rate")
    if sys.stdin.isatty():
        command = command_of("detect_live.py")
        raise UserError(f"{WHERE}: is the keyboard; pipe samples into it: device | {command} --stdin")
    read = functools.partial(os.read, sys.stdin.fileno())
    return [SampleLines(read, request.sampling_rate_hz, request.leads, request.gain, config.records)]


def _open_replay(name: str, speed: float, request: Request, config: Config) -> Replay:
    return Replay(open_leads(find_recording(name, config.paths.record_folders), request, config), speed)


def _open_each(opened: Callable[[str], LiveSignal], names: Sequence[str]) -> list[LiveSignal | UserError]:
    """Open sources at once, since one may take seconds to answer."""

    def open_one(name: str) -> LiveSignal | UserError:
        try:
            return opened(name)
        except UserError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(open_one, names))
