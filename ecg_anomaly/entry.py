"""The one command that ``pip install`` brings, ``ecg-anomaly``: the scripts as its sub-commands."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from ecg_anomaly import __version__
from ecg_anomaly.commandline import COMMAND, SUBCOMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command with the arguments that follow it; return its exit status."""
    parser = argparse.ArgumentParser(COMMAND, description="Finds heartbeats that are not normal in ECG recordings.")
    parser.add_argument("--version", action="version", version=f"{COMMAND} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, what) in SUBCOMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)  # its script has its options, and its own help
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = parser.parse_args(given[:1]).command
    sys.argv = [f"{COMMAND} {name}", *given[1:]]  # what messages call the program
    return int(_script(SUBCOMMANDS[name][0]).main())


def _script(file: str) -> ModuleType:
    """Import a script: a wheel has it in the package, a checkout at the top level."""
    name = file.removesuffix(".py")
    try:
        return importlib.import_module(f"ecg_anomaly.scripts.{name}")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("ecg_anomaly.scripts"):
            raise
        return importlib.import_module(name)
