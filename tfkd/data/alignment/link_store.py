"""The links of the rows of a batch, as stored targets stand in it."""

from pathlib import Path

import numpy as np

from tfkd.data.examples import ExampleSet

# The most links of a target piece; of more the first count.
MOST = 8
_LINES = 1 << 16


class LinkStore:
    """Links of a corpus's rows, for an example set whose parts are all that corpus.

    Args:
        offsets: int64 `[rows + 1]`: where each row's links begin.
        source: int `[links]`: places of source pieces.
        target: int `[links]`: places of target pieces, rising within a row.
    """

    def __init__(self, offsets: np.ndarray, source: np.ndarray, target: np.ndarray):
        self._offsets, self._source, self._target = offsets, source, target

    @classmethod
    def read(cls, path: Path) -> "LinkStore":
        """The links of a file as Pharaoh writes them, a line a row: `0-0 1-2`."""
        counts, pairs = [np.zeros(1, np.int64)], [np.zeros((0, 2), np.uint16)]
        with open(path, encoding="ascii") as file:
            while lines := file.readlines(_LINES):
                counts.append(np.array([line.count("-") for line in lines], np.int64))
                flat = np.array("".join(lines).replace("-", " ").split(), np.uint16)
                links = flat.reshape(-1, 2)
                # A few lines at a time: what sorts them takes more than they do.
                row = np.repeat(np.arange(len(lines)), counts[-1])
                pairs.append(links[np.lexsort((links[:, 0], links[:, 1], row))])
        source, target = np.concatenate(pairs).T
        return cls(np.cumsum(np.concatenate(counts)), source, target)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __call__(self, example_set: ExampleSet, examples: np.ndarray, width: int) -> dict:
        """`links` int32 `[B, width, K]`: the source pieces that each target piece has links to, in
        their order; -1 behind them, and where there is no piece."""
        _, rows = example_set.locate(examples)
        known = np.maximum(rows, 0)
        lengths = np.where(rows < 0, 0, self._offsets[known + 1] - self._offsets[known])
        row = np.repeat(np.arange(len(rows)), lengths)
        first = np.cumsum(lengths) - lengths
        places = np.arange(len(row)) + np.repeat(self._offsets[known] - first, lengths)
        piece = row * width + self._target[places]
        rank = np.arange(len(piece)) - np.searchsorted(piece, piece)
        kept = rank < MOST
        links = np.full((len(rows) * width, MOST), -1, np.int32)
        links[piece[kept], rank[kept]] = self._source[places[kept]]
        return {"links": links.reshape(len(rows), width, MOST)}
