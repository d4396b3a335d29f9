"""Fields of soft labels: a number for each class of a row."""

from collections.abc import Iterable
from typing import Any

# A distribution over a corpus's classes, and numbers whose softmax it is.
PROBABILITIES, LOGITS = "probabilities", "logits"
NUMBERS = frozenset({PROBABILITIES, LOGITS})


def flat(columns: Iterable[Any]) -> list[Any]:
    """Columns or keys of fields, those of a field that has several one by one."""
    return [one for each in columns for one in (each if isinstance(each, list) else [each])]


def numbers_field(fields: Iterable[str]) -> str | None:
    """The one of a corpus's fields that has soft labels; None without any."""
    return next((name for name in fields if name in NUMBERS), None)


def fault_in_classes(options: Any) -> str | None:
    """What is wrong with a corpus's `classes` and the columns of its soft labels, and what was
    expected; None where nothing is.

    Args:
        options: The options of a corpus.
    """
    fields = getattr(options, "field_names", ())  # of a corpus that is none
    numbers, classes = sorted(NUMBERS & set(fields)), options.class_names
    if len(numbers) > 1:
        return "the fields probabilities and logits; expected one of them"
    if numbers and len(set(classes)) < max(2, len(classes)):
        given = f"classes: [{', '.join(classes)}]" if classes else "no classes"
        return (
            f"the field {numbers[0]}, and {given}; expected the names of the classes that its "
            "numbers are of, in their order, like classes: [negative, positive]"
        )
    if classes and not numbers:
        return (
            "classes, of a corpus without numbers for them; expected a field probabilities or "
            "logits beside the text"
        )
    places = getattr(options, "columns", None) or getattr(options, "fields", None)
    for name, columns in places.items() if isinstance(places, dict) else ():
        if isinstance(columns, list) and name not in NUMBERS:
            return (
                f"several columns of {name}; expected one: only probabilities and logits may have "
                "one for each class"
            )
        if isinstance(columns, list) and len({*columns}) < len(columns):
            twice = next(one for i, one in enumerate(columns) if one in columns[:i])
            return f"the column {twice} of {name} twice; expected one of its own for each class"
        if isinstance(columns, list) and len(columns) != len(classes):
            return (
                f"{len(columns)} columns of {name}, and {len(classes)} classes; expected one for "
                "each class, or one with all numbers"
            )
    return None
