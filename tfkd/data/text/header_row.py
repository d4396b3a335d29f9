"""First lines that may be headers: taken for rows, they teach a class of the column's name."""

import re
from collections import Counter
from collections.abc import Sequence

from tfkd.data.text.sources import Value
from tfkd.data.transforms import text_fields
from tfkd.spec.errors import UserError

LABEL = "label"
# Of fewer rows, or of more classes, a class of one row says nothing.
_FEWEST_ROWS, _MOST_CLASSES = 20, 1000
# What columns are called, and no sentence of one word, which ends in a stop; where more of the
# rows' texts could be a name, too, it says nothing.
_NAME, _NAMES_AMONG_ROWS = re.compile(r"[^\W\d]([\w.-]{0,38}\w)?"), 0.1


class HeaderWatch:
    """Looks at a corpus's rows as they are read.

    A first line is a header where its label is "label", or each of its fields has its own name. It
    may be one where it has a class of its own, and all others have several rows; or where its
    fields are single words, and the texts of other rows are not.

    Args:
        fields: The fields' names.
        advice: What to do with a header.
    """

    def __init__(self, fields: Sequence[str], advice: str):
        self._fields, self._advice = fields, advice
        self._label = fields.index(LABEL) if LABEL in fields else None
        self._rows: Counter[Value] = Counter()
        self._first: Counter[Value] = Counter()
        self._texts = text_fields(fields)
        self._read = self._may_be_names = 0
        self._names: list[tuple[str, Sequence[Value]]] = []

    def see(self, row: Sequence[Value], first: str | None) -> None:
        """Takes a row.

        Args:
            row: Its fields.
            first: The name of its line, where that is the first one of a file; else None.

        Raises:
            UserError: It is a header.
        """
        if self._label is not None and len(self._rows) <= _MOST_CLASSES:
            self._rows[row[self._label]] += 1
        self._read += 1
        if all(_is_name(row[index]) for index in self._texts):
            self._may_be_names += 1
        if first is None:
            return
        if all(map(_is_name, row)) and self._texts and len(self._names) < _MOST_CLASSES:
            self._names.append((first, row))
        if self._label is not None:
            self._first[row[self._label]] += 1
        named = [
            _word(value) == name.lower() for value, name in zip(row, self._fields, strict=True)
        ]
        if all(named) or (self._label is not None and named[self._label]):
            raise UserError(
                f"{first}: the first line has the columns' names, not a row: {self._advice}."
            )

    def warning(self) -> str | None:
        """What is said of first lines that may be headers; None where there is none."""
        return self._class_alone() or self._named()

    def _named(self) -> str | None:
        """What is said of a first line of single words above rows of longer texts."""
        rows = self._read - len(self._names)
        others = self._may_be_names - len(self._names)
        if not self._names or rows < _FEWEST_ROWS or others > _NAMES_AMONG_ROWS * rows:
            return None
        place, row = self._names[0]
        if self._label is not None and self._rows[row[self._label]] > len(self._names):
            return None
        return (
            f"{place}: the first line, {', '.join(repr(_text(one).strip()) for one in row)}, has "
            f"single words, as a header would, and the rows below have not: if it is one, "
            f"{self._advice}"
        )

    def _class_alone(self) -> str | None:
        """What is said of a class that only first lines have; None where there is none."""
        if not 2 < len(self._rows) <= _MOST_CLASSES or self._rows.total() < _FEWEST_ROWS:
            return None
        alone = [label for label, rows in self._rows.items() if rows == self._first[label]]
        if len(alone) != 1 or min(n for one, n in self._rows.items() if one not in alone) < 2:
            return None
        return (
            f"the class {_text(alone[0])!r} stands in the first line alone, as a header would: if "
            f"it is one, {self._advice}"
        )


def _text(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_name(value: Value) -> bool:
    return _NAME.fullmatch(_text(value).strip().strip("\"'")) is not None


def _word(value: Value) -> str:
    return _text(value).strip().strip("\"'").lower()
