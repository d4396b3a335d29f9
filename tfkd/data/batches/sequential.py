"""All examples once, in full batches of like length: for validation, scoring and decoding."""

from collections.abc import Iterator, Mapping

import numpy as np

from tfkd.data.batches.assembly import Batch, Store, assemble
from tfkd.data.batches.buckets import bucket_length, cost_of, order_in_pool, within_limits
from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import View


class Sequential:
    """Batches that hold every example exactly once, weights aside.

    Rows are sorted by length, the longest first (what does not fit in memory fails at once), and
    cut where the next row would exceed `size`. Batch i is a function of i alone, so that work can
    be taken up anywhere; `batch["examples"]` says which example each row is.

    Args:
        example_set: The examples.
        views: By name. Lengths are counted in the one named "plain", or in the first.
        size: The most of a batch in `unit`, padding included (but one row at least).
        unit: As in `BatchPlan`.
        seed: Of what views draw.
        epoch: Of what views draw; the same each time unless it is set.
        pad_to: Widths are multiples of it.
        max_length: Examples longer than this are left out, as in `BatchPlan`.
        rows_multiple: Batches are filled up by empty rows (-1) to a multiple of it.
        stores: As in `Batcher`.
    """

    def __init__(
        self,
        example_set: ExampleSet,
        views: Mapping[str, View],
        *,
        size: int,
        unit: str = "max_tokens",
        seed: int = 0,
        epoch: int = 0,
        pad_to: int = 4,
        max_length: int | Mapping[str, int] | None = None,
        rows_multiple: int = 1,
        stores: Mapping[str, Store] | None = None,
    ):
        self.example_set = example_set
        self.views = dict(views)
        self._stores = dict(stores or {})
        self._seed, self._epoch, self._pad_to = seed, epoch, pad_to
        counted = views.get("plain") or next(iter(views.values()))
        lengths = counted.lengths(example_set)
        keep = within_limits(lengths, max_length)
        self.excluded = np.flatnonzero(~keep)
        members = np.flatnonzero(keep)
        length = bucket_length(lengths, unit)[members]
        order = np.lexsort((order_in_pool(lengths)[members], -length))
        self.order = members[order]
        self._cuts = _cuts(cost_of(lengths, unit)[self.order], size)
        self._rows_multiple = rows_multiple

    def __len__(self) -> int:
        return len(self._cuts) - 1

    def examples(self, index: int) -> np.ndarray:
        """int64 `[rows]`: the examples of a batch; -1 fills up."""
        rows = self.order[self._cuts[index] : self._cuts[index + 1]]
        filler = -len(rows) % self._rows_multiple
        return np.concatenate([rows, np.full(filler, -1, np.int64)])

    def batch(self, index: int) -> Batch:
        """Batch `index`, 0 ... len - 1, in the form of `assemble`."""
        return assemble(
            self.example_set,
            self.views,
            self._stores,
            self.examples(index),
            self._epoch,
            self._seed,
            pad_to=self._pad_to,
        )

    def __iter__(self) -> Iterator[Batch]:
        for index in range(len(self)):
            yield self.batch(index)


def _cuts(costs: np.ndarray, size: int) -> list[int]:
    """Where to cut falling costs so that rows x the first (largest) stay within `size`."""
    cuts, start = [0], 0
    while start < len(costs):
        start += max(1, int(size // max(1, costs[start])))
        cuts.append(min(start, len(costs)))
    return cuts
