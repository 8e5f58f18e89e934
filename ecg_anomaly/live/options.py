"""The options of ``detect_live.py``; without any import that ``--help`` would wait for."""

from __future__ import annotations

import argparse
import math


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the signal comes from, and where results go."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--replay",
        metavar="RECORDING",
        action="append",
        help="a recording, by path or as mitdb/208; several times: all at once",
    )
    source.add_argument(
        "--stdin", action="store_true", help="a line per sample, one number per lead, on standard input"
    )
    source.add_argument(
        "--lsl",
        metavar="NAME",
        action="append",
        help="name or source id of a stream of the Lab Streaming Layer; several times: all at once",
    )
    source.add_argument(
        "--finish", action="store_true", help="make the files of what was cut off in --output, of all or of --name"
    )
    parser.add_argument("--speed", type=_speed, help="of a replay, times the real one; max: as fast as possible")
    parser.add_argument("--leads", help="leads to use, as II,V1")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="lines per second on standard input")
    parser.add_argument("--gain", type=float, metavar="UNITS", help="units per millivolt where the source does not say")
    parser.add_argument("--duration", type=float, metavar="SECONDS", default=math.inf, help="end after so much signal")
    parser.add_argument("--view", choices=("terminal",), help="draw the signal while it comes")
    parser.add_argument("--output", metavar="FOLDER", help="where results go; default: nothing is written")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        help="what the files are called, once for each signal; default: as the recording or stream, or stdin",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace results that are there, and begin anew after a recording that was cut off, finished as NAME.1",
    )


def _speed(text: str) -> float:
    return math.inf if text in ("max", "0") else float(text)
