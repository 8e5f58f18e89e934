"""Messages and notes of the package, which name options of the scripts, as a reader of Python understands them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecg_anomaly.errors import UserError

_ARGUMENTS = {
    **{"--leads": "leads=", "--sampling-rate": "sampling_rate_hz=", "--gain": "gain="},
    **{"--config": "config=", "--set": "settings:", "--force": "force=True", "--resume": "resume=True"},
    **{"--output": "output=", "--pages": "pages="},
}
_SCRIPTS = {
    "python preprocess_data.py": "ecg_anomaly.preprocess()",
    "python train_model.py": "ecg_anomaly.train()",
    "python evaluate_model.py": "ecg_anomaly.evaluate()",
}
_OPTION = re.compile(rf"({'|'.join(_ARGUMENTS)})\b( (?=[\d.]))?")


def in_python(words: str) -> str:
    """Name arguments and functions where a message names options and scripts: ``gain=1000`` for ``--gain 1000``."""
    for script, call in {**_SCRIPTS, "leave the option out": "leave the argument out"}.items():
        words = words.replace(script, call)
    return _OPTION.sub(lambda match: _ARGUMENTS[match[1]], words)


@contextmanager
def told_in_python() -> Iterator[None]:
    """Raise the errors of a block in the words of `in_python`; a disk that is full is one of them."""
    try:
        yield
    except UserError as error:
        raise UserError(in_python(str(error))) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UserError(f"{where}{error.strerror or error}") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise what prevents a block from writing a file or folder as an error that names it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from None
