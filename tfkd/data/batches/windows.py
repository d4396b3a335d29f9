"""A whole text in order, in overlapping windows: each token is scored once, with some context."""

from collections.abc import Iterator

import numpy as np

from tfkd.data.packed import FlatRows, Packed


class Windows:
    """Sequence records over documents end to end, each followed by a separator.

    A window reads up to N tokens, of which the last N - C are new; a new token is predicted from at
    least C tokens before it, but at the text's beginning, and at most N. Every token of every
    document, and every separator, is selected in exactly one window.

    Args:
        documents: Rows of bare ids.
        length: N, the most positions of the model.
        context: C, 0 to N - 1.
        separator: The id after each document, and before the first.
        rows: Windows of a batch.
    """

    def __init__(
        self, documents: FlatRows, length: int, context: int, separator: int, rows: int = 8
    ):
        if not 0 <= context < length:
            raise ValueError(
                "Invalid value for argument `context`. Expected 0 to length - 1. Received: "
                f"context={context}, length={length}"
            )
        self._step, self._length, self._rows = length - context, length, rows
        self._packed = Packed(documents, self._step, separator, context + 1)
        self._separator = separator
        sizes = np.asarray(documents.lengths, np.int64) + 1
        self._ends = np.cumsum(sizes)

    def __len__(self) -> int:
        return -(-len(self._packed) // self._rows)

    def __iter__(self) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        """Batches `(record, document)`: `ids`, `labels` int32, `valid`, `selected` bool `[B, N]`,
        and the document of each selected token in row-major order, int64 `[selected]`."""
        for start in range(0, len(self._packed), self._rows):
            windows = np.arange(start, min(start + self._rows, len(self._packed)))
            yield self._batch(windows)

    def _batch(self, windows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        tokens = self._packed.take(windows).dense(self._length + 1, self._separator)
        sizes = self._packed.lengths[windows] - 1
        # Where each window's first token stands in the stream; one separator stands before that.
        first = (windows + 1) * self._step - self._length - 1
        lacking = np.maximum(-1 - first, 0)
        place = np.arange(self._length)
        read = np.minimum(place + lacking[:, None], self._length)
        ids = np.take_along_axis(tokens, read, 1)
        labels = np.take_along_axis(tokens, np.minimum(read + 1, self._length), 1)
        valid = place < (sizes - lacking)[:, None]
        of_stream = first[:, None] + 1 + read  # the label's place in the stream
        selected = valid & (of_stream >= (windows * self._step)[:, None])
        record = {
            "ids": np.where(valid, ids, self._separator).astype(np.int32),
            "labels": np.where(valid, labels, self._separator).astype(np.int32),
            "valid": valid,
            "selected": selected,
        }
        return record, np.searchsorted(self._ends, of_stream[selected], side="right")
