"""Which examples make up batch n: a pure function of (seed, n)."""

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfkd.data import stateless
from tfkd.data.batches.buckets import Lengths, make_buckets, order_in_pool, within_limits
from tfkd.spec.errors import UserError

# Rows are shuffled in the whole bucket, then sorted for tight padding among this many batches.
_POOL = 16
_EPOCHS_KEPT = 2


class PlannedBatch(NamedTuple):
    """One batch's rows.

    Attributes:
        epoch: From 0.
        examples: int64 `[rows]`; -1 fills up.
        visits: int64 `[rows]`: which time it is that the row is read, whole epochs counted by the
            most copies that an epoch holds; the epoch itself where no weight exceeds 1.
        bucket: The index of its bucket.
    """

    epoch: int
    examples: np.ndarray
    visits: np.ndarray
    bucket: int


@dataclass(frozen=True)
class _Epoch:
    """An epoch's rows in the order of its batches by bucket, and the order they come in."""

    examples: np.ndarray
    copies: np.ndarray
    order: np.ndarray


class BatchPlan:
    """Batches of an example set, the same for the same (seed, n) whatever was asked before.

    Examples lie in fixed buckets of like length, and each bucket has a fixed number of rows and of
    batches, so every epoch has as many batches. An epoch shuffles each bucket, sorts runs of 16
    batches' rows for tight padding, cuts them into batches, and shuffles all batches. A bucket's
    rows are shared out evenly over its batches: none is a small remainder.

    Args:
        lengths: The plain view's `lengths`: `[N]` each, special tokens included.
        size: The size of a batch in `unit`, of the whole step.
        unit: "target_tokens", "max_tokens", "joint_tokens" or "sentences". max_tokens, P1's, is
            exceeded by rows x max(source, target) only where as few rows as `rows_multiple` are
            too many; the others are met on the average.
        seed: The run's seed.
        pad_to: Widths are multiples of it.
        max_length: Examples longer than this are left out: a number for the sequence (or for either
            side of a pair), or numbers by side.
        left_out: bool `[N]`, other examples that no epoch reads.
        rows_multiple: Rows of every batch are a multiple of it (replicas times micro-batches).
        starts: Where each part of the example set starts, and the end, `[parts + 1]`.
        weights: How often an epoch reads each part. A fraction's rows are drawn anew each epoch,
            as many each time.

    Raises:
        UserError: No example is left.
    """

    def __init__(
        self,
        lengths: Lengths,
        *,
        size: int,
        unit: str,
        seed: int,
        pad_to: int = 4,
        max_length: int | Mapping[str, int] | None = None,
        left_out: np.ndarray | None = None,
        rows_multiple: int = 1,
        starts: np.ndarray | None = None,
        weights: Sequence[float] = (1.0,),
    ):
        for name, value in (("size", size), ("pad_to", pad_to), ("rows_multiple", rows_multiple)):
            if value < 1:
                raise ValueError(
                    f"Invalid value for argument `{name}`. Expected at least 1. Received: "
                    f"{name}={value}"
                )
        self.size, self.unit, self.seed, self.pad_to = size, unit, seed, pad_to
        keep = within_limits(lengths, max_length)
        self.excluded = np.flatnonzero(~keep)
        if left_out is not None:
            keep = keep & ~left_out
        members = np.flatnonzero(keep)
        if not len(members):
            raise UserError(
                f"batch: none of the {len(keep)} rows is left to train on"
                + (f"; all are longer than max_length: {max_length}" if len(keep) else "")
            )
        starts = np.array([0, len(keep)]) if starts is None else np.asarray(starts)
        self._weights = np.asarray(weights, np.float64)
        if len(starts) != len(self._weights) + 1 or starts[-1] != len(keep):
            raise ValueError(
                "Invalid value for argument `starts`. Expected a start for each weight, and the "
                f"end, {len(keep)}. Received: starts={starts.tolist()}, {len(weights)} weights"
            )
        self._part = np.searchsorted(starts, np.arange(len(keep)), side="right") - 1
        self._copies = max(1, int(np.ceil(self._weights.max())))
        self.buckets = make_buckets(
            lengths,
            members,
            self._weights[self._part[members]],
            size=size,
            unit=unit,
            pad_to=pad_to,
            rows_multiple=rows_multiple,
        )
        self._drawn = self._drawn_counts()
        self._pool_order = order_in_pool(lengths)
        self._lay_out(rows_multiple)
        self._epochs: dict[int, _Epoch] = {}
        self._lock = threading.Lock()

    def _lay_out(self, rows_multiple: int) -> None:
        """Each bucket's number of rows and batches, and where each batch's rows lie."""
        self.rows: list[int] = []
        starts, stops, bucket_of, pools, read = [], [], [], [], 0
        for index in range(len(self.buckets)):
            count = len(self._read_in(index, 0)[0])
            batches = -(-count // self.buckets[index].rows)
            # Shared out evenly, and no more rows than that takes.
            edges = read + np.arange(batches + 1) * count // max(batches, 1)
            widest = -(-count // max(batches, 1))
            self.rows.append(-(-widest // rows_multiple) * rows_multiple)
            starts += edges[:-1].tolist()
            stops += edges[1:].tolist()
            bucket_of += [index] * batches
            pools.append(np.repeat(np.arange(batches) // _POOL, np.diff(edges)))
            read += count
        if not starts:
            raise UserError(
                f"batch: the weights {self._weights.tolist()} leave no row in an epoch; raise them"
            )
        self._starts, self._stops, self._bucket_of = starts, stops, bucket_of
        self._pools = np.concatenate(pools)

    def _drawn_counts(self) -> np.ndarray:
        """How many rows a bucket gives for each weight's fraction, int64 `[buckets, parts]`.

        Rounded so that a part's sum over all buckets is its fraction of its rows, rounded once.
        """
        counts = np.zeros((len(self.buckets) + 1, len(self._weights)), np.int64)
        for index, bucket in enumerate(self.buckets):
            counts[index + 1] = np.bincount(
                self._part[bucket.members], minlength=len(self._weights)
            )
        fractions = self._weights - np.floor(self._weights)
        return np.diff(np.round(counts.cumsum(axis=0) * fractions).astype(np.int64), axis=0)

    def _read_in(self, index: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """A bucket's examples of an epoch, in no special order, and which copy each is."""
        members = self.buckets[index].members
        parts = self._part[members]
        examples, copies = [], []
        for part, weight in enumerate(self._weights):
            mine = members if len(self._weights) == 1 else members[parts == part]
            whole = int(weight)
            for copy in range(whole):
                examples.append(mine)
                copies.append(np.full(len(mine), copy))
            drawn = int(self._drawn[index, part])
            if drawn:
                purpose = f"plan/draw/{index}/{part}"
                chosen = stateless.permutation(self.seed, epoch, len(mine), purpose)[:drawn]
                examples.append(mine[chosen])
                copies.append(np.full(drawn, whole))
        empty = np.zeros(0, np.int64)
        return np.concatenate([empty, *examples]), np.concatenate([empty, *copies])

    @property
    def batches_per_epoch(self) -> int:
        """The same in every epoch."""
        return len(self._starts)

    @property
    def examples_per_epoch(self) -> int:
        """Rows that an epoch reads, copies counted."""
        return self._stops[-1]

    def batch(self, number: int) -> PlannedBatch:
        """Batch `number`, from 0, without end."""
        if number < 0:
            raise ValueError(
                "Invalid value for argument `number`. Expected 0 or more. Received: "
                f"number={number}"
            )
        return self.in_epoch(*divmod(number, self.batches_per_epoch))

    def in_epoch(self, epoch: int, place: int) -> PlannedBatch:
        """The batch at a place, from 0, of an epoch."""
        table = self._epoch(epoch)
        index = int(table.order[place])
        rows = slice(self._starts[index], self._stops[index])
        bucket = self._bucket_of[index]
        examples = np.full(self.rows[bucket], -1, np.int64)
        visits = np.zeros(self.rows[bucket], np.int64)
        count = rows.stop - rows.start
        examples[:count] = table.examples[rows]
        visits[:count] = epoch * self._copies + table.copies[rows]
        return PlannedBatch(epoch, examples, visits, bucket)

    def epochs_in(self, steps: int) -> float:
        """How often so many batches go through the rows."""
        return steps / self.batches_per_epoch

    def steps_in(self, epochs: float) -> int:
        """The batches of so many epochs, the last one begun."""
        return max(1, math.ceil(epochs * self.batches_per_epoch - 1e-6))

    def forget(self) -> None:
        """Frees what is kept of epochs; they are made again when they are asked for."""
        with self._lock:
            self._epochs.clear()

    def _epoch(self, epoch: int) -> _Epoch:
        # The prefetcher's thread and the main one may both ask.
        with self._lock:
            if epoch not in self._epochs:
                while len(self._epochs) >= _EPOCHS_KEPT:
                    self._epochs.pop(next(iter(self._epochs)))
                self._epochs[epoch] = self._make_epoch(epoch)
            return self._epochs[epoch]

    def _make_epoch(self, epoch: int) -> _Epoch:
        examples, copies = [], []
        for index in range(len(self.buckets)):
            read, copy = self._read_in(index, epoch)
            order = stateless.permutation(self.seed, epoch, len(read), f"plan/rows/{index}")
            examples.append(read[order])
            copies.append(copy[order])
        example, copy = np.concatenate(examples), np.concatenate(copies)
        # Stable, so that rows of equal length keep the shuffled order.
        bucket = np.repeat(np.arange(len(examples)), [len(read) for read in examples])
        order = np.lexsort((self._pool_order[example], self._pools, bucket))
        batches = stateless.permutation(self.seed, epoch, self.batches_per_epoch, "plan/batches")
        return _Epoch(example[order], copy[order], batches)
