"""Soft labels in a corpus's own fields: a number for each class, as somebody else's teacher says.

The field `probabilities` has the distribution over the corpus's `classes`, the field `logits` any
numbers whose softmax it is. A row's numbers stand in one line, with blanks or commas between.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfkd.data.text.sources import Fault
from tfkd.spec.errors import UserError
from tfkd.spec.options.soft_labels import LOGITS, PROBABILITIES, numbers_field

# What probabilities may lack of 1, or have more: they are often rounded to two or three digits.
TOLERANCE = 0.01
_APART = re.compile(r"[\s,]+")
# Characters and numbers of a row that a message shows.
_SHOWN = 60


def numbers_in(line: str) -> np.ndarray:
    """The numbers of a line, float64 `[n]`; brackets around them are left out.

    Raises:
        ValueError: One is no number.
    """
    words = _APART.split(line.strip("[]() \t"))
    return np.array([float(word) for word in words if word], np.float64)


def fault_in(field: str, line: str, classes: Sequence[str]) -> str | None:
    """What is wrong with a row's numbers, and what was expected; None where nothing is."""
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
    try:
        found = numbers_in(line)
    except ValueError:
        return f"{shown!r} are no numbers; expected {len(classes)}, with blanks between"
    if len(found) != len(classes):
        names = ", ".join(classes[:5]) + ", ..." * (len(classes) > 5)
        return (
            f"{len(found)} numbers ({shown}); expected {len(classes)}, one for each of `classes` "
            f"({names})"
        )
    if not np.isfinite(found).all():
        return f"{shown}; expected finite numbers"
    if field == LOGITS:
        return None
    if found.min() < 0:
        return f"{shown}, of which {found.min():g} is below 0; expected probabilities"
    if abs(found.sum() - 1) > TOLERANCE:
        return (
            f"{shown} add up to {found.sum():.6g}; expected 1, give or take {TOLERANCE} (numbers "
            f"that are no probabilities are the field `{LOGITS}`)"
        )
    return None


def checked_numbers(
    fields: Sequence[str], classes: Sequence[str]
) -> Callable[[Any, Callable[[int], str]], None] | None:
    """What refuses a row with wrong numbers; None where no field has any.

    A row is refused, not left out as a bad one: numbers of other classes, or of another kind, are
    wrong in each row, though some may look right.

    Args:
        fields: The corpus's fields.
        classes: Its classes.

    Returns:
        `(row, place)`: takes a row as it was decoded, or the `Fault` in its place, and what names
        a field's place. It raises a UserError.
    """
    field = numbers_field(fields)
    if field is None:
        return None
    index = list(fields).index(field)

    def check(row: Any, place: Callable[[int], str]) -> None:
        if isinstance(row, Fault):
            missing = row.bad and row.field == index
            wrong = f"{row.reason}; expected {len(classes)} numbers" if missing else None
        else:
            wrong = fault_in(field, row[index], classes)
        if wrong is not None:
            raise UserError(f"{place(index)}: {field}: {wrong}")

    return check


def log_probabilities_in(field: str, line: str) -> np.ndarray:
    """log q of a row's classes in their order, float64 `[C]`, with sum(q) = 1.

    Probabilities are divided by their sum, which `TOLERANCE` lets differ from 1; logits z give
    log q_c = z_c - log(sum_k exp z_k). A class without any probability has -inf.
    """
    found = numbers_in(line)
    if field == PROBABILITIES:
        with np.errstate(divide="ignore"):
            return np.log(found / found.sum())
    found = found - found.max()
    return found - np.log(np.exp(found).sum())
