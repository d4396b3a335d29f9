"""What each row of an n-best list counts: the share that the teacher's scores give it."""

from collections.abc import Iterable

import numpy as np

from tfkd.data.text.text_corpus import TextCorpus
from tfkd.spec.errors import UserError
from tfkd.spec.options.stages import LIST_FIELDS

LIST, SCORE = LIST_FIELDS
_SHOWN = 40


def shares(lists: np.ndarray, scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """w_i = exp(s_i / T) / sum_j exp(s_j / T), j over the rows of i's list: each list has 1.

    With s the log-probabilities of whole outputs and T = 1 it is the teacher's distribution over
    outputs, cut down to those of the list (Kim and Rush 2016, section 3.2).

    Args:
        lists: int `[rows]`: the number of the list that each row is of, wherever its rows stand.
        scores: float `[rows]`.
        temperature: T.

    Returns:
        float32 `[rows]`.
    """
    _, lists = np.unique(lists, return_inverse=True)
    scaled = np.asarray(scores, np.float64) / temperature
    highest = np.full(lists.max(initial=-1) + 1, -np.inf)
    np.maximum.at(highest, lists, scaled)
    odds = np.exp(scaled - highest[lists])
    return (odds / np.bincount(lists, odds)[lists]).astype(np.float32)


def weights_of(text: TextCorpus, name: str, temperature: float = 1.0) -> np.ndarray:
    """The shares of a corpus's rows in their lists, by its fields `list` and `score`.

    Args:
        text: The corpus.
        name: How a spec calls it, for the message.
        temperature: T of `shares`.

    Raises:
        UserError: A row's number or score is none.
    """
    lists = _numbers(text.lines(LIST), len(text), np.int64, f"{name}.{LIST}", "a whole number")
    scores = _numbers(text.lines(SCORE), len(text), np.float64, f"{name}.{SCORE}", "a number")
    if ill := len(scores) - int(np.isfinite(scores).sum()):
        raise UserError(f"data.{name}.{SCORE}: {ill:,} rows are not finite; expected numbers.")
    return shares(lists, scores, temperature)


def _numbers(lines: Iterable[str], rows: int, kind: type, where: str, what: str) -> np.ndarray:
    found = np.empty(rows, kind)
    for row, line in enumerate(lines):
        try:
            found[row] = kind(line)
        except (ValueError, OverflowError):
            raise UserError(
                f"data.{where}: row {row + 1:,} is {line[:_SHOWN]!r}; expected {what}."
            ) from None
    return found
