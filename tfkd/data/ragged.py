"""Rows of unequal length in two flat arrays."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# What is printed: rows, and ids of a row.
_ROWS, _IDS = 3, 8


@dataclass(frozen=True, repr=False)
class Ragged:
    """Rows of token ids, stored end to end.

    Row `i` is `values[offsets[i]:offsets[i + 1]]`.

    Attributes:
        values: int32 `[total]`, all rows' ids in order.
        offsets: int64 `[rows + 1]`, starting at 0 and never falling.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[int] | np.ndarray]) -> "Ragged":
        """Packs a sequence of rows."""
        arrays = [np.asarray(row, np.int32) for row in rows]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(row) for row in arrays], out=offsets[1:])
        return cls(np.concatenate([np.zeros(0, np.int32), *arrays]), offsets)

    @classmethod
    def chained(cls, parts: Iterable["Ragged"]) -> "Ragged":
        """All rows of the first, then of the second, and so on."""
        parts = list(parts)
        lengths = np.concatenate([np.zeros(1, np.int64), *(part.lengths for part in parts)])
        values = np.concatenate([np.zeros(0, np.int32), *(part.values for part in parts)])
        return cls(values, np.cumsum(lengths))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, rows: int | slice | np.ndarray | Sequence[int]) -> "np.ndarray | Ragged":
        """`ragged[i]` is row i's ids, `ragged[-1]` the last; a slice, places or a mask give rows.

        Raises:
            IndexError: There is no such row.
        """
        if isinstance(rows, slice):
            return self.take(np.arange(len(self))[rows])
        if np.ndim(rows):
            return self.take(np.arange(len(self))[np.asarray(rows)])
        place = operator.index(rows)
        if not -len(self) <= place < len(self):
            raise IndexError(f"row {place} of {len(self)}")
        return self.row(place % len(self))

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self.row, range(len(self)))

    def __repr__(self) -> str:
        shown = [_shown(self.row(place)) for place in range(min(len(self), _ROWS))]
        shown += ["..."] * (len(self) > _ROWS)
        return f"Ragged({len(self):,} rows, {len(self.values):,} ids: {', '.join(shown)})"

    @property
    def lengths(self) -> np.ndarray:
        """int64 `[rows]`."""
        return np.diff(self.offsets)

    def row(self, index: int) -> np.ndarray:
        """One row's ids, a view into `values`."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def dense(self, width: int, pad: int) -> np.ndarray:
        """int32 `[rows, width]`: each row cut or padded with `pad` at its end."""
        out = np.full((len(self), width), pad, np.int32)
        lengths = np.minimum(self.lengths, width)
        inside = np.arange(width) < lengths[:, None]
        positions = self.offsets[:-1, None] + np.arange(width)
        out[inside] = self.values[positions[inside]]
        return out

    def take(self, rows: np.ndarray) -> "Ragged":
        """The given rows, in the given order."""
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        starts = np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return Ragged(np.asarray(self.values[starts + np.arange(offsets[-1])], np.int32), offsets)

    def at(self, places: np.ndarray) -> np.ndarray:
        """int32 ids by their places in all rows end to end."""
        return np.asarray(self.values[places], np.int32)


def _shown(row: np.ndarray) -> str:
    more = ["..."] * (len(row) > _IDS)
    return f"[{', '.join([*map(str, row[:_IDS].tolist()), *more])}]"
