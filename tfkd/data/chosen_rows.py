"""Some rows of an encoded field, as if there were no others."""

import numpy as np

from tfkd.data.packed import FlatRows


class ChosenRows:
    """Rows of `rows` in the given order, for `Packed`; nothing is copied.

    Args:
        rows: All rows.
        chosen: The places of those that are read.

    Attributes:
        lengths: int64, of each chosen row.
    """

    def __init__(self, rows: FlatRows, chosen: np.ndarray):
        self._rows = rows
        whole = np.asarray(rows.lengths, np.int64)
        self.lengths = whole[chosen]
        # Where each starts among all rows end to end, and among the chosen ones.
        self._there = (np.cumsum(whole) - whole)[chosen]
        self._here = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, places: np.ndarray) -> np.ndarray:
        """The ids at places of the chosen rows end to end."""
        row = np.searchsorted(self._here, places, side="right") - 1
        return self._rows.at(places - self._here[row] + self._there[row])
