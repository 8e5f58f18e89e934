"""What the scripts have in common on the command line: options, errors in words, exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_anomaly.errors import UserError

if TYPE_CHECKING:
    from ecg_anomaly.config import Config

EXIT_SUCCESS = 0
EXIT_SOME_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

COMMAND = "ecg-anomaly"  # what pip installs; its sub-commands, the script of each and what it is for
SUBCOMMANDS = {
    "detect": ("detect_anomalies.py", "find the beats that are not normal in recordings"),
    "live": ("detect_live.py", "find them while the signal arrives"),
    "app": ("web_app.py", "find and review them on a page in the browser"),
    "preprocess": ("preprocess_data.py", "cut annotated records into beats, to train and test with"),
    "train": ("train_model.py", "train the autoencoder on normal beats; needs the extra train"),
    "evaluate": ("evaluate_model.py", "score the test beats and compare with the annotations"),
    "visualize": ("visualize_results.py", "draw what was found: plots and a report"),
}


def run_script(work: Callable[[Config], None], description: str | None, argv: Sequence[str] | None = None) -> int:
    """Run a script that has the options that all scripts share and no others; see `run_with_options`."""
    return run_with_options(lambda config, _: work(config), lambda parser: None, description, argv)


def run_with_options(
    work: Callable[[Config, argparse.Namespace], int | None],
    add_options: Callable[[argparse.ArgumentParser], None],
    description: str | None,
    argv: Sequence[str] | None,
) -> int:
    """Parse the options, load the config and do the work, which may return the exit status.

    The work imports what is slow to import itself, so that ``--help`` and a mistake in the config are answered at once.
    ``add_options`` adds the script's own options to the parser, and the description (its docstring) is shown by
    ``--help``; without ``argv`` the arguments are those of the process.

    Returns
    -------
    int
        The exit status: 0 on success, 1 when some of several inputs failed, 2 on a mistake that the user can mend
        (one line on standard error says which), 130 after Ctrl-C.
    """
    parser = make_parser(add_options, description)
    arguments = parser.parse_args(argv)
    try:
        from ecg_anomaly.config import load_config  # pydantic and YAML take half a second: --help need not wait

        return work(load_config(arguments.config, arguments.overrides), arguments) or EXIT_SUCCESS
    except UserError as error:
        return _fail(parser.prog, str(error))
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted; what was there before is unchanged", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output (head, less) has seen enough; the files were complete before they were told of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SUCCESS
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        reason = error.strerror or str(error)
        return _fail(parser.prog, f"{reason}{where}; mend that and run again, what was there before is unchanged")


def make_parser(
    add_options: Callable[[argparse.ArgumentParser], None], description: str | None
) -> argparse.ArgumentParser:
    """Make the parser of a script, with the options that all scripts share and its own; see `run_with_options`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings that replace those of config.yaml, key by key"
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one setting for this run, for example --set training.epochs=5; may be repeated",
    )
    add_options(parser)
    return parser


def add_cluster_option(parser: argparse.ArgumentParser) -> None:
    """Add what says that other machines do the work."""
    parser.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler, as tcp://scheduler:8786")


def asked_leads(text: str | None) -> tuple[str, ...]:
    """Take apart the names of leads that are asked for, between commas: ``II, V1``; none is asked for without a text.

    Raises
    ------
    UserError
        When there is no name, or one twice.
    """
    if text is None:
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    twice = [name for number, name in enumerate(names) if name.lower() in map(str.lower, names[:number])]
    if twice or not names:
        wrong = f"{twice[0]} twice" if twice else "no lead"
        raise UserError(f"--leads names {wrong}; name leads between commas, each once, as II,V1")
    return names


def command_of(script: str) -> str:
    """Say how the user runs a script: ``python train_model.py``, or as a sub-command where one was run."""
    names = {file: name for name, (file, _) in SUBCOMMANDS.items()}
    if Path(sys.argv[0]).name.startswith(COMMAND) and script in names:
        return f"{COMMAND} {names[script]}"
    return f"python {script}" if script.endswith(".py") else script


def positive_count(text: str) -> int:
    """Read a whole number above 0, as the type of an option."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def warn(line: str) -> None:
    """Say something that the user should know beside the results."""
    print(f"{Path(sys.argv[0]).name}: {line}", file=sys.stderr)


def _fail(program: str, message: str) -> int:
    print(f"{program}: error: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_USER_ERROR
