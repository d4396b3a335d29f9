"""Documents end to end, cut into blocks of as many tokens each; nothing is copied."""

from typing import Protocol

import numpy as np

from tfkd.data.ragged import Ragged


class FlatRows(Protocol):
    """Rows of bare token ids that can be read by their places in all rows end to end."""

    lengths: np.ndarray

    def __len__(self) -> int: ...

    def at(self, places: np.ndarray) -> np.ndarray: ...


class Packed:
    """Blocks of a stream `x1 s x2 s ... xn s`: documents, each followed by a separator s.

    Row k holds the stream's tokens kN - overlap ... kN + N - 1; what stands before the stream's
    first token is a separator, and the last block is as long as what is left. With an overlap of 0
    the rows end to end are the stream; with 1, where row k's first token is only read, its others
    are predicted, every token of the stream is predicted exactly once.

    Documents stay where they are (memory-mapped, of an `EncodedField`); kept are 8 bytes a document
    and 8 a block.

    Args:
        documents: Rows of bare ids.
        block: N, new tokens of a block.
        separator: The id of s.
        overlap: Tokens of the block before that a row starts with.

    Attributes:
        lengths: int64 `[blocks]`, the overlap counted.

    Reference: Radford et al. 2019 and Liu et al. 2019 (FULL-SENTENCES) train on such blocks.
    """

    def __init__(self, documents: FlatRows, block: int, separator: int, overlap: int = 0):
        if block < 1 or overlap < 0:
            raise ValueError(
                "Invalid value for argument `block`. Expected block >= 1 and overlap >= 0. "
                f"Received: block={block}, overlap={overlap}"
            )
        self._documents = documents
        self._block, self._separator, self._overlap = block, int(separator), overlap
        # Where each document starts in the stream, and where the stream ends.
        self._starts = np.zeros(len(documents) + 1, np.int64)
        np.cumsum(np.asarray(documents.lengths, np.int64) + 1, out=self._starts[1:])
        total = int(self._starts[-1])
        self.lengths = np.full(-(-total // block), block + overlap, np.int64)
        if total % block:
            self.lengths[-1] -= block - total % block

    def __len__(self) -> int:
        return len(self.lengths)

    def predicted_documents(self, rows: np.ndarray) -> Ragged:
        """Which document each token of the given blocks is of, but for those of the overlap; a
        separator is of the one before it."""
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows] - self._overlap
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        place = np.repeat(rows * self._block - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Ragged(np.searchsorted(self._starts, place, side="right") - 1, offsets)

    def take(self, rows: np.ndarray) -> Ragged:
        """The tokens of the given blocks, int32, in the given order."""
        rows = np.asarray(rows, np.int64)
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.lengths[rows], out=offsets[1:])
        first = np.repeat(rows * self._block - self._overlap - offsets[:-1], self.lengths[rows])
        place = first + np.arange(offsets[-1])
        document = np.searchsorted(self._starts, place, side="right") - 1
        word = (document >= 0) & (place + 1 < self._starts[document + 1])
        ids = np.full(len(place), self._separator, np.int32)
        # Each earlier document has one separator that is not among the ids.
        ids[word] = self._documents.at(place[word] - document[word])
        return Ragged(ids, offsets)
