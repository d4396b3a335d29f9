"""The texts of a row that a rule looks at, and how long they are."""

from collections.abc import Mapping, Sequence

from tfkd.spec.options.base import NOT_TEXT

Row = Mapping[str, str]


def texts_of(row: Row, on: Sequence[str] | None) -> list[str]:
    """The texts of some fields; None: of all that hold text."""
    if on is not None:
        return [row[field] for field in on]
    return [text for field, text in row.items() if field not in NOT_TEXT]


def length_of(text: str, unit: str) -> int:
    """Words between white space, or characters without the white space around."""
    return len(text.split()) if unit == "words" else len(text.strip())


def folded(text: str) -> str:
    """A text whatever its case and its spaces."""
    return " ".join(text.casefold().split())
