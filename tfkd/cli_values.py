"""Values that options of the command line take."""

import argparse

from tfkd.spec.seeds import MOST
from tfkd.spec.source.asked_seeds import seeds_override


def column(text: str) -> tuple[str, str | int]:
    """A field and its column."""
    field, equals, column = text.partition("=")
    if not equals or not column or field not in ("text", "text_b", "label", "source", "target"):
        raise argparse.ArgumentTypeError(
            f"{text!r}; expected FIELD=COLUMN, FIELD one of text, text_b, label, source, target; "
            "what a command is for stands before it: tfkd init PATH --columns ..., tfkd evaluate "
            "RUN --columns ..."
        )
    number = column.removeprefix("-")  # -1 is the last, of CoNLL's columns
    digits = number.isascii() and number.isdecimal() and len(number) < 4
    return field, int(column) if digits else column


def samples(text: str) -> int:
    """A number of bootstrap samples, or of trials."""
    number = int(text)
    if not 10 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("expected 10 to 1,000,000")
    return number


def sigmas(text: str) -> list[float]:
    """Standard deviations."""
    found = [float(one) for one in text.split(",")]
    if not all(0 <= one < float("inf") for one in found):
        raise argparse.ArgumentTypeError("expected numbers of 0 or more, like 0.01,0.02")
    return found


def seed(text: str) -> int:
    """A seed as specs take it."""
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError("expected 0 to 2,147,483,647")
    return number


def count(text: str) -> int:
    """A number of 1 or more."""
    number = int(text)
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError("expected 1 to 10,000")
    return number


def times(text: str) -> int:
    """How often something is done again, or never."""
    number = int(text)
    if not 0 <= number <= 10_000:
        raise argparse.ArgumentTypeError("expected 0 to 10,000")
    return number


def seeds(text: str) -> str:
    """Seeds, as the override that they are."""
    try:
        return seeds_override(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number of seeds, 1 to {MOST}, or different seeds like 1,2,3"
        ) from None


samples.__name__ = count.__name__ = times.__name__ = seed.__name__ = "number"
sigmas.__name__ = "list of numbers"
