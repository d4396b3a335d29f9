"""Texts whose words are apart: what stands between spaces, each with its own pieces."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged

# The field that has the number of pieces of each word of `text`.
WORDS = "words"
# Of ASCII alone, as tf.strings.split has it: a word may hold a no-break space.
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def words_of(line: str) -> list[str]:
    """The words of a line."""
    return _WORD.findall(line)


class WordPieces:
    """A tokenizer of one word at a time; a word without pieces is an unknown one.

    Args:
        tokenizer: Of the text.
        counted: Whether it gives, instead of pieces, how many each word has.
    """

    def __init__(self, tokenizer: Any, counted: bool = False):
        self._tokenizer, self._counted = tokenizer, counted
        self.size = 2**31 if counted else tokenizer.size
        self.unknown_id = -1 if counted else tokenizer.unknown_id
        self.fingerprint = tokenizer.fingerprint

    def encode(self, lines: Sequence[str]) -> Ragged:
        """The pieces of each line's words, end to end, or their number by word."""
        rows = [words_of(line) for line in lines]
        before = self._tokenizer.before_word
        pieces = self._tokenizer.encode([before + word for row in rows for word in row])
        ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        counts = np.maximum(pieces.lengths, 1)
        if self._counted:
            return Ragged(counts.astype(np.int32), ends)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        values = np.full(offsets[-1], self._tokenizer.unknown_id, np.int32)
        there = np.repeat(pieces.lengths > 0, counts)
        values[there] = pieces.values
        return Ragged(values, offsets[ends])
