"""Labelled rows that the package makes itself: texts, pairs and marked words with their classes."""

from collections.abc import Iterator, Sequence

import numpy as np

from tfkd.data.grammars.generated import german_english
from tfkd.data.stateless import bits, keys
from tfkd.spec.options.corpora import OPINIONS, PAIRED, READINGS

REVISION = 1  # to be raised when a row of any seed changes
_CHUNK = 4096
_OPINIONS = (
    (("good", "fine", "lovely", "great"), "positive"),
    (("bad", "poor", "dull", "awful"), "negative"),
)
# Words of two readings, each with what stands before and behind them, and the reading.
_READINGS = (
    ("We saw a", "lead", "pipe", "metal"),
    ("Some people", "lead", "us there", "guide"),
    ("There fell a", "tear", "of joy", "drop"),
    ("They often", "tear", "it apart", "rip"),
    ("It was a cold", "wind", "again", "air"),
    ("We must", "wind", "the old clock", "turn"),
)


def labelled(rows: int, seed: int, fields: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Rows of some fields, each a function of (seed, row) alone; a label follows from the others.

    With `mark` a word of two readings is marked, and the label is its reading; with a second text
    (`text_b` or `target`) the label says whether that is the first one's German or another one's;
    else it is the opinion that the text ends with.

    Args:
        rows: How many. Fewer rows of a seed are the first of more.
        seed: Any integer.
        fields: Of `text`, `text_b`, `source`, `target`, `label`, `mark`, `probabilities`; `source`
            is the text, `target` the second one, and the label has most of the probabilities of
            the classes in their order, 0.7 to 0.97.

    Yields:
        The fields' values, in their order.
    """
    # Another row's German comes of another seed.
    pairs = zip(german_english(rows, seed), german_english(rows, seed + 2**20), strict=True)
    wanted = set(fields)
    for number, ((german, english), (other, _)) in enumerate(pairs):
        if number % _CHUNK == 0:
            numbers = np.arange(number, min(number + _CHUNK, rows))
            draws = bits(keys(seed, 0, numbers, "labelled"), 2).tolist()
        row = _row(draws[number % _CHUNK], english, german, other, wanted)
        yield tuple(row[field] for field in fields)


def _row(
    draws: Sequence[int], text: str, second: str, other: str, fields: set[str]
) -> dict[str, str]:
    mark, classes = "0", OPINIONS
    if "mark" in fields:
        before, word, behind, label = _READINGS[draws[0] % len(_READINGS)]
        classes = READINGS
        mark = str(len(text) + 1 + len(before) + 1)
        text = f"{text} {before} {word} {behind}."
    elif {"text_b", "target"} & fields:
        label, classes = ("same", "other")[draws[0] % 2], PAIRED
        second = other if label == "other" else second
    else:
        words, label = _OPINIONS[draws[0] % 2]
        text = f"{text} It was {words[draws[1] % len(words)]}."
    return {
        "text": text, "source": text, "text_b": second, "target": second, "label": label,
        "mark": mark, "probabilities": _spread(label, classes, draws[1]),
    }  # fmt: skip


def _spread(label: str, classes: Sequence[str], draw: int) -> str:
    """A distribution over classes as a line, in thousandths: most of it is the label's."""
    others = len(classes) - 1
    each = (300 - draw % 271) // others
    numbers = [1000 - each * others if name == label else each for name in classes]
    return " ".join(f"{number / 1000:.3f}" for number in numbers)
