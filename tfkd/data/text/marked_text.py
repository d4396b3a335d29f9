"""Texts that are cut at their mark, so that the mark begins a piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.encoded import encode_corpus
from tfkd.data.ragged import Ragged
from tfkd.data.text.text_corpus import TextCorpus


def encode_marked(text: TextCorpus, field: str, tokenizer: Any, folder: Path) -> dict[str, Any]:
    """`encode_corpus` of texts that are cut at their mark, so that the mark begins a piece.

    The ids of `text` are those of what stands before the mark and those of the rest, end to end;
    `mark` is the number of the former. Chinese text is cut at every character anyway.

    Args:
        text: A corpus with the fields `text` and `mark`: the marked character's place in the text,
            from 0.
        field: `text` or `mark`.
        tokenizer: Of the text.
        folder: An existing folder.
    """
    return encode_corpus(_Halves(text), field, _Cut(tokenizer, field), folder)


class _Halves:
    """A corpus whose lines are (what stands before the mark, the rest)."""

    def __init__(self, text: TextCorpus):
        self._text = text

    def __len__(self) -> int:
        return len(self._text)

    def lines(self, field: str, start: int, stop: int) -> Iterator[tuple[str, str]]:
        marks = self._text.lines("mark", start, stop)
        for line, mark in zip(self._text.lines("text", start, stop), marks, strict=True):
            yield line[: int(mark)], line[int(mark) :]


class _Cut:
    """A tokenizer of texts in two halves, or of the place where they meet."""

    def __init__(self, tokenizer: Any, field: str):
        self._tokenizer, self._place = tokenizer, field == "mark"
        self.size = 2**31 if self._place else tokenizer.size
        self.unknown_id = -1 if self._place else tokenizer.unknown_id
        self.fingerprint = tokenizer.fingerprint

    def encode(self, halves: list[tuple[str, str]]) -> Ragged:
        before = self._tokenizer.encode([first for first, _ in halves])
        if self._place:
            lengths = before.lengths.astype(np.int32)
            return Ragged(lengths, np.arange(len(lengths) + 1, dtype=np.int64))
        return joined(before, self._tokenizer.encode([rest for _, rest in halves]))


def joined(first: Ragged, second: Ragged) -> Ragged:
    """Each row of one followed by the same row of the other."""
    rows = np.arange(len(first)) * 2
    both = Ragged.chained([first, second])
    order = np.empty(2 * len(first), np.int64)
    order[rows], order[rows + 1] = np.arange(len(first)), len(first) + np.arange(len(second))
    taken = both.take(order)
    return Ragged(taken.values, taken.offsets[::2])
