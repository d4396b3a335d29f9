"""A field in ids of which some rows are read with noise."""

import numpy as np

from tfkd.data.examples import IdRows
from tfkd.data.ragged import Ragged

# The numbers of the rows that have noise, beside their texts.
ROWS = "rows.npy"


class NoisyRows:
    """The rows of a field, some of them in another form.

    Args:
        clean: All rows.
        noisy: The other form of some.
        rows: int64 `[len(noisy)]`, rising: which rows they are of.

    Attributes:
        lengths: int32 `[len(clean)]`.
    """

    def __init__(self, clean: IdRows, noisy: IdRows, rows: np.ndarray):
        self._clean, self._noisy = clean, noisy
        self._rows, self._places = np.asarray(rows, np.int64), np.arange(len(rows))
        self._count()

    def _count(self) -> None:
        self.lengths = np.array(self._clean.lengths, np.int32)
        self.lengths[self._rows] = np.asarray(self._noisy.lengths)[self._places]

    def __len__(self) -> int:
        return len(self.lengths)

    def without(self, rows: np.ndarray) -> "NoisyRows":
        """The same with those rows clean that are marked, bool `[len(clean)]`."""
        found, kept = NoisyRows.__new__(NoisyRows), ~rows[self._rows]
        found._clean, found._noisy = self._clean, self._noisy
        found._rows, found._places = self._rows[kept], self._places[kept]
        found._count()
        return found

    def take(self, rows: np.ndarray) -> Ragged:
        """The ids of the given rows, int32, in the given order."""
        rows = np.asarray(rows, np.int64)
        at = np.searchsorted(self._rows, rows)
        hit = np.zeros(len(rows), bool)
        inside = at < len(self._rows)
        hit[inside] = self._rows[at[inside]] == rows[inside]
        if not hit.any():
            return self._clean.take(rows)
        both = Ragged.chained(
            [self._clean.take(rows[~hit]), self._noisy.take(self._places[at[hit]])]
        )
        order = np.where(hit, (~hit).sum() + np.cumsum(hit), np.cumsum(~hit)) - 1
        return both.take(order)
