"""All pairs of a piece of a source and a piece of its target, row by row, in flat arrays."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tfkd.data.ragged import Ragged

# Pairs that are in memory at once, of rows together.
PAIRS = 1 << 20


class Pairs(NamedTuple):
    """The pairs of some rows: m * n of a row with m and n pieces, the source's places outermost.

    Attributes:
        source: int64 `[pairs]`: the source piece's place among those of all rows.
        target: int64 `[pairs]`: that of the target piece.
        distance: float64 `[pairs]`: |(i + 1/2) / m - (j + 1/2) / n|, how far the places i and j are
            from the diagonal of their row.
    """

    source: np.ndarray
    target: np.ndarray
    distance: np.ndarray


def pairs_of(sources: Ragged, targets: Ragged) -> Pairs:
    """The pairs of rows."""
    m, n = sources.lengths, targets.lengths
    sizes = m * n
    row = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    i, j = place // n[row], place % n[row]
    distance = np.abs((i + 0.5) / m[row] - (j + 0.5) / n[row])
    return Pairs(sources.offsets[row] + i, targets.offsets[row] + j, distance)


def blocks(rows: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """Rows in their order, in blocks that have about `PAIRS` pairs together, or one row.

    Args:
        rows: int64, the rows.
        sizes: int64, the pairs of each of them.
    """
    ends = np.cumsum(np.maximum(sizes, 1))
    start = 0
    while start < len(rows):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + PAIRS, "right")), start + 1)
        yield rows[start:stop]
        start = stop
