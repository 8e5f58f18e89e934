"""Opens the source that the user names."""

from __future__ import annotations

import functools
import math
import os
import sys
from dataclasses import dataclass

from ecg_anomaly.batch import Request, with_leads
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.live import lines
from ecg_anomaly.live.replay import Replay, find_recording
from ecg_anomaly.live.sources import Source
from ecg_anomaly.records.recording import open_recording


@dataclass(frozen=True)
class Named:
    """What the user names: one of a recording to replay, a stream, or neither for standard input.

    Attributes
    ----------
    replay
        Path of a recording, or ``database/name``.
    speed
        Of the replay, times the real one; ``None``: the real one.
    lsl
        Name or source id of a stream of the Lab Streaming Layer.
    """

    replay: str | None = None
    speed: float | None = None
    lsl: str | None = None


def open_source(named: Named, request: Request, config: Config) -> Source:
    """Open a source.

    Parameters
    ----------
    named
        What the user names.
    request
        Leads, sampling rate and gain, as far as the user says them.
    config
        Where records lie, which leads are preferred.

    Raises
    ------
    UserError
        When it cannot be opened, or an option does not fit it.
    """
    if named.replay is not None:
        return _replay(named.replay, 1.0 if named.speed is None else named.speed, request, config)
    if named.speed is not None:
        raise UserError("--speed is for --replay; leave it out, other sources come at their own speed")
    if request.gain is not None and not (request.gain > 0 and math.isfinite(request.gain)):
        raise UserError(f"--gain is {request.gain:g}; give a number above 0")
    return _standard_input(request, config) if named.lsl is None else _stream(named.lsl, request, config)


def _replay(name: str, speed: float, request: Request, config: Config) -> Source:
    if not speed > 0:
        raise UserError(f"--speed is {speed:g}; give a number above 0, or max")
    path = find_recording(name, config.paths.record_folders)
    return Replay(with_leads(open_recording(path, request.sampling_rate_hz, request.gain), request, config), speed)


def _standard_input(request: Request, config: Config) -> Source:
    if request.sampling_rate_hz is None:
        raise UserError(f"{lines.WHERE}: give its lines per second with --sampling-rate")
    if sys.stdin.isatty():
        raise UserError(f"{lines.WHERE}: is the keyboard; pipe samples into it: device | python detect_live.py --stdin")
    read = functools.partial(os.read, sys.stdin.fileno())
    return lines.SampleLines(read, request.sampling_rate_hz, request.leads, request.gain, config.records)


def _stream(name: str, request: Request, config: Config) -> Source:
    if request.sampling_rate_hz is not None:
        raise UserError("--sampling-rate is for --stdin and CSV files; leave it out, a stream says its own")
    from ecg_anomaly.live.lsl import LslStream

    return LslStream(name, request.leads, request.gain, config.records)
