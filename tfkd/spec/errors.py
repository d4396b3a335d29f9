"""Errors that are the user's to mend: a message, no traceback."""


class UserError(ValueError):
    """The user's input is wrong: the message says where, what, and what to do. Exit code 1."""
