"""The one error that users see, and what makes texts from files fit to be seen."""

import unicodedata
from collections.abc import Sequence

_UNSEEN = ("Cc", "Cf", "Cs")  # categories of Unicode: control and format characters, half ones


class UserError(Exception):
    """A mistake that the user can mend: what is wrong, where, and what to do, in one line."""

    def __init__(self, message: str):
        super().__init__(harmless(message))


def harmless(text: str, most: int | None = None) -> str:
    """Take out of a text from a file what is not seen but changes how it is shown; shorten it to so many characters.

    Control characters end lines and colour a terminal; marks of direction turn around what follows them.
    """
    if not text.isprintable():
        spaced = "".join(" " if mark.isspace() else mark for mark in text)
        text = "".join(mark for mark in spaced if unicodedata.category(mark) not in _UNSEEN)
    return text if most is None or len(text) <= most else f"{text[: most - 3]}..."


def first_few(problems: Sequence[str]) -> str:
    """Name the first three of several problems, and say how many more there are."""
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more


def missing_extra(doing: str, library: str, extra: str) -> UserError:
    """Say that something needs a library that comes with an extra of the package, and how to install it."""
    return UserError(f'{doing} needs {library}; install it in the project\'s folder with: pip install ".[{extra}]"')
