"""The one error that users see."""


class UserError(Exception):
    """A mistake that the user can mend: what is wrong, where, and what to do, in one line."""
