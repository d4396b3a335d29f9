"""Errors that are the user's to mend: a message, no traceback."""

import contextlib
import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfkd.outside.printable import one_line
from tfkd.outside.user_error import UserError

_LONGEST = 100


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
        variant: The variant it was found in; empty: in the spec itself.
    """

    file: str
    line: int
    path: str
    message: str
    expected: str = ""
    suggestion: str = ""
    variant: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"
        if self.variant:
            text += f" (in variant {self.variant})"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion}?"
        return one_line(text)


class SpecErrors(UserError):  # noqa: N818 (it is several)
    """All faults of one spec, in the order of its lines; the text has a line for each."""

    def __init__(self, errors: Sequence[SpecError]):
        self.errors = sorted(errors, key=lambda error: (error.file, error.line, error.path))
        super().__init__("\n".join(str(error) for error in self.errors))


def nearest(word: str, names: Iterable[str]) -> str:
    """The name that was perhaps meant, or an empty text."""
    word = str(word)
    if len(word) > _LONGEST:  # nobody mistypes so much, and comparing takes its time
        return ""
    found = difflib.get_close_matches(word, [str(name) for name in names], n=1, cutoff=0.6)
    return found[0] if found else ""


def no_such_folder(path: Path, expected: str) -> str:
    """What is said of a folder that is not there: with the one beside it that was perhaps meant."""
    beside: list[str] = []
    with contextlib.suppress(OSError):
        beside = sorted(one.name for one in os.scandir(path.parent) if one.is_dir())
    near = nearest(path.name, [name for name in beside if not name.startswith(".")])
    told = f"; did you mean {path.parent / near}?" if near else ""
    return f"{path}: there is no such folder; expected {expected}{told}"
