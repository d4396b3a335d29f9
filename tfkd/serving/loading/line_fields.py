"""A line of a classifier's input, whose fields are apart by tabs."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.spec.errors import UserError

MARK = "mark"


def fields_of(line: str, inputs: Sequence[str]) -> dict[str, Any]:
    """A line's fields by name; a mark is a number.

    Args:
        line: The line.
        inputs: The fields' names in order: `text`, and `text_b` or `mark`. Where there is one, a
            tab is a part of it.

    Raises:
        UserError: It has other fields.
    """
    inputs = list(inputs)
    values = [line] if inputs == ["text"] else line.split("\t")
    fits = len(values) == len(inputs)
    row: dict[str, Any] = dict(zip(inputs, values, strict=False))
    if fits and MARK in row:
        fits = row[MARK].isascii() and row[MARK].isdecimal() and len(row[MARK]) < 10
        row[MARK] = int(row[MARK]) if fits else 0
        fits = fits and row[MARK] < max(1, len(row["text"]))
    if not fits:
        wanted = ", a tab, ".join(inputs)
        place = "; the mark is the character's place in the text, from 0"
        raise UserError(
            f"a line is {line[:80]!r}; expected {wanted}{place if MARK in inputs else ''}"
        )
    return row


def has_text(row: Mapping[str, Any]) -> bool:
    """Whether each of a row's texts has a character that is no space."""
    return all(value.strip() for value in row.values() if isinstance(value, str))
