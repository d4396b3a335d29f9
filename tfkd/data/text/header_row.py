"""First lines that may be headers: taken for rows, they teach a class of the column's name."""

from collections import Counter
from collections.abc import Sequence

from tfkd.data.text.sources import Value
from tfkd.spec.errors import UserError

LABEL = "label"
# Of fewer rows, or of more classes, a class of one row says nothing.
_FEWEST_ROWS, _MOST_CLASSES = 20, 1000


class HeaderWatch:
    """Looks at a corpus's rows as they are read.

    A first line is a header where its label is "label", or each of its fields has its own name. It
    may be one where it has a class of its own, and all others have several rows.

    Args:
        fields: The fields' names.
        advice: What to do with a header.
    """

    def __init__(self, fields: Sequence[str], advice: str):
        self._fields, self._advice = fields, advice
        self._label = fields.index(LABEL) if LABEL in fields else None
        self._rows: Counter[Value] = Counter()
        self._first: Counter[Value] = Counter()

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
        if first is None:
            return
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


def _word(value: Value) -> str:
    return _text(value).strip().strip("\"'").lower()
