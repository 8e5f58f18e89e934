"""Runs a script that stops at a named place until a line comes: ``python -m tests.scripts.paused PLACE SCRIPT ...``.

What a test does to a running script must find it running: it says on standard output when it has reached the place.
Ctrl-C interrupts it as in a terminal, even if the tests themselves run in the background, where a shell turns that off.
"""

import importlib
import signal
import sys

PAUSED = "paused"


def pause_at(place: str) -> None:
    """Make the function at ``module:Class.function`` wait before it does its work, when it is called first."""
    module, _, path = place.partition(":")
    owner = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function, waits = getattr(owner, name), iter([True])

    def waiting(*arguments, **options):
        if next(waits, False):
            print(PAUSED, flush=True)
            sys.stdin.readline()
        return function(*arguments, **options)

    setattr(owner, name, waiting)


if __name__ == "__main__":
    _, place, script, *options = sys.argv
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pause_at(place)
    sys.argv[0] = script  # which messages begin with
    sys.exit(importlib.import_module(script.removesuffix(".py")).main(options))
