"""The corpus `everyday`: a probabilistic grammar of German and English, with its own ceiling.

A row is drawn in three steps. A *meaning* is drawn, whose words are Zipf's; German says it in one
way. The *variety* of English, British or American, plain or formal, is drawn from what the meaning
speaks of: z ~ p(z | meaning). Then each English word is drawn: w_i ~ p(w | z, its meaning, the
word that it goes with). So one German sentence has many translations of unequal frequency, whose
words agree in their variety and with their neighbours (`heavy rain`, `strong coffee`), and one
reference is one draw of them. The probability of a translation is exact:

    p(English | German) = sum over z of p(z | meaning) * product over i of p(w_i | z, ...)

Its mean negative logarithm, the entropy H(English | German), is the least loss that any model can
expect on the corpus: 1.77 nats a sentence of 8.3 words, as of 5.8 equally likely translations. The
most likely translation is about the best that any can write, and is the one drawn of 41 % of rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tfkd.data.grammars.everyday_english import in_english
from tfkd.data.grammars.everyday_german import in_german
from tfkd.data.grammars.everyday_lexicon import Choice
from tfkd.data.grammars.everyday_meaning import Meaning, MeaningDraw
from tfkd.data.stateless import keys, uniform

REVISION = 2  # to be raised when a row of any seed changes
_NUMBERS = 64  # random numbers of a row, for each of its two steps
_CHUNK = 2048


@dataclass(frozen=True)
class Row:
    """A pair, and what the grammar knows of it.

    Attributes:
        german, english: The pair.
        log_probability: Of the English, given the German; in nats.
        likeliest: The most probable translation.
    """

    german: str
    english: str
    log_probability: float
    likeliest: str


def everyday(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """Sentence pairs, each a function of (seed, row) alone.

    Args:
        rows: How many. Fewer rows of a seed are the first of more.
        seed: Any integer.

    Yields:
        (German, English).
    """
    for meaning, numbers in _drawn(rows, seed):
        yield in_german(meaning), in_english(meaning, drawing(meaning, numbers))


def with_ceiling(rows: int, seed: int) -> Iterator[Row]:
    """The rows of `everyday`, with the probability of each and its most probable translation."""
    for meaning, numbers in _drawn(rows, seed):
        draw = drawing(meaning, numbers)
        english = in_english(meaning, draw)
        best = in_english(meaning, _likeliest(meaning))
        yield Row(in_german(meaning), english, draw.log_probability(), best)


def _drawn(rows: int, seed: int) -> Iterator[tuple[Meaning, Iterator[float]]]:
    for start in range(0, rows, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, rows))
        meanings = uniform(keys(seed, 0, numbers, "everyday meaning"), _NUMBERS).tolist()
        words = uniform(keys(seed, 0, numbers, "everyday english"), _NUMBERS).tolist()
        for meaning, english in zip(meanings, words, strict=True):
            yield MeaningDraw(iter(meaning)).meaning(), iter(english)


class Speaker:
    """Picks words, and notes what was picked, for its probability.

    Args:
        meaning: What is said.
        place: The place of the word that it picks of a choice with several.
    """

    def __init__(self, meaning: Meaning, place: Callable[[Choice], int]):
        self._prior = np.array(meaning.varieties())
        self._place = place
        self._picked: list[tuple[Choice, int]] = []

    def __call__(self, choice: Choice) -> str:
        place = self._place(choice) if len(choice.words) > 1 else 0
        self._picked.append((choice, place))
        return choice.words[place]

    def log_probability(self) -> float:
        """log of sum over z of p(z) * product of p(w | z), over what was picked."""
        each = self._prior.copy()
        for choice, place in self._picked:
            each *= choice.shares[place]
        return float(np.log(each.sum()))


def drawing(meaning: Meaning, numbers: Iterator[float]) -> Speaker:
    """Draws the variety by the first number, then each word by one."""
    sums = np.cumsum(meaning.varieties())
    variety = min(int(np.searchsorted(sums, next(numbers), "right")), len(sums) - 1)
    return Speaker(meaning, lambda choice: choice.draw(next(numbers), variety))


def _likeliest(meaning: Meaning) -> Speaker:
    """Says the most probable translation of all, in whatever variety it may be.

    What has been picked so far is, of each variety, a probability; picks that others beat in every
    variety are given up, since what is still to be picked does not hang on them.
    """
    choices: list[Choice] = []

    def note(choice: Choice) -> int:
        choices.append(choice)
        return 0

    in_english(meaning, Speaker(meaning, note))
    kept: list[tuple[np.ndarray, tuple[int, ...]]] = [(np.array(meaning.varieties()), ())]
    for choice in choices:
        grown = [
            (shares * choice.shares[place], (*places, place))
            for shares, places in kept
            for place in range(len(choice.words))
        ]
        kept = []
        for shares, places in sorted(grown, key=lambda one: -one[0].sum()):
            if not any((shares <= better).all() for better, _ in kept):
                kept.append((shares, places))
    best = iter(kept[0][1])  # of the greatest sum
    return Speaker(meaning, lambda _: next(best))
