"""What tokenizers share: lines to ids by their graph, and ids back to pieces and lines."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfkd.data.ragged import Ragged

CHUNK = 8192  # lines encoded at once


class PieceTokenizer:
    """Encodes by `in_graph().tokenize`, so that Python and SavedModels cut alike.

    Attributes:
        vocabulary: Pieces; a piece's id is its place.
        separators: How many ends stand between the two texts of a pair.
        before_word: What a word that is cut by itself has before it.
    """

    vocabulary: list[str]
    separators: int = 1
    before_word: str = ""

    def in_graph(self) -> Any:
        """A `tf.Module` with `tokenize` and `detokenize`, for serving."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """Text from ids; special tokens are dropped."""
        raise NotImplementedError

    def encode(self, lines: Sequence[str]) -> Ragged:
        """The ids of some lines, without special tokens."""
        import tensorflow as tf

        values, lengths = [], []
        for start in range(0, len(lines), CHUNK):
            # A GPU gains nothing from strings, and threads that share one get lengths wrong there.
            with tf.device("CPU:0"):
                ids = self._graph.tokenize(np.array(lines[start : start + CHUNK], object))
                values.append(ids.values.numpy())
                lengths.append(ids.row_lengths().numpy())
        offsets = np.zeros(len(lines) + 1, np.int64)
        if lines:
            np.cumsum(np.concatenate(lengths), out=offsets[1:])
        return Ragged(np.concatenate([np.zeros(0, np.int32), *values]), offsets)

    def decode_batch(self, rows: Ragged) -> list[str]:
        """`decode` of each row."""
        return [self.decode(rows.row(row).tolist()) for row in range(len(rows))]

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces themselves."""
        return [self.vocabulary[number] for number in ids]

    @functools.cached_property
    def _graph(self) -> Any:
        return self.in_graph()
