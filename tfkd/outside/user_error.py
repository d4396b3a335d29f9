"""What is wrong with what comes from outside."""


class UserError(ValueError):
    """The user's input is wrong: the message says where, what, and what to do. Exit code 1."""
