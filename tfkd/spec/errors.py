"""Errors that are the user's to mend: a message, no traceback."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class UserError(ValueError):
    """The user's input is wrong: the message says where, what, and what to do. Exit code 1."""


@dataclass(frozen=True)
class SpecError:
    """One fault of a spec.

    Attributes:
        file: The YAML file, or `--set`.
        line: The line in it, from 1; 0 where there is none.
        path: The dotted path of keys.
        message: What is wrong.
        expected: What was expected; may be empty.
        suggestion: A name that was perhaps meant; may be empty.
    """

    file: str
    line: int
    path: str
    message: str
    expected: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return text


class SpecErrors(UserError):
    """All faults of one spec, in the order of its lines."""

    def __init__(self, errors: Sequence[SpecError]):
        self.errors = sorted(errors, key=lambda error: (error.file, error.line, error.path))
        super().__init__("\n".join(str(error) for error in self.errors))


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that was perhaps meant, or an empty text."""
    found = difflib.get_close_matches(str(word), list(names), n=1, cutoff=0.6)
    return found[0] if found else ""
