"""The one error that users see."""

from collections.abc import Sequence


class UserError(Exception):
    """A mistake that the user can mend: what is wrong, where, and what to do, in one line."""


def first_few(problems: Sequence[str]) -> str:
    """Name the first three of several problems, and say how many more there are."""
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more
