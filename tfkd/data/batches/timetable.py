"""Which plan gives batch n, where mixtures change at given steps and rows have variants."""

import math
import threading
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.data.batches.batch_plan import BatchPlan, PlannedBatch
from tfkd.data.batches.buckets import Bucket, Lengths
from tfkd.spec.errors import UserError


@dataclass(frozen=True)
class Stretch:
    """Steps in which one mixture is read.

    Attributes:
        start: Its first batch, from 0.
        end: The batch behind its last; None: it goes on.
        read: bool `[parts]`, the corpora that are read.
    """

    start: int
    end: int | None
    read: np.ndarray


class Timetable:
    """Batches of several plans, in place of one `BatchPlan`.

    Each stretch of steps has a plan for each variant of the rows, and begins with a new epoch.
    Epochs are numbered through; number e reads variant e modulo their number, by that variant's
    plan. What batch n is follows from n alone: the sizes of epochs repeat after as many as there
    are variants. A plan is made when an epoch of it is first asked for, so that of many variants
    those that no epoch reads cost nothing.

    Args:
        lengths: Of each variant, as a view's `lengths` returns them.
        fits: bool `[N]`, the rows that are not too long without noise.
        mixtures: The first batch of each, and the places of the corpora that are read from there
            on; the first is 0. None: all of them from there.
        left_out: bool `[N]`, other rows that no epoch reads.
        options: Of all plans, `starts` and `weights` among them.

    Attributes:
        excluded: int64, the rows that no epoch reads, since they are too long without noise.
        buckets: Of all plans so far, one after the other; batches name theirs by its place here.

    Raises:
        UserError: No row is left in the steps of a mixture.
    """

    def __init__(
        self,
        lengths: Sequence[Lengths],
        fits: np.ndarray,
        mixtures: Sequence[tuple[int, Collection[int]]],
        left_out: np.ndarray | None,
        options: Mapping[str, Any],
    ):
        self._variants, self._fits, self._left_out = lengths, fits, left_out
        self._options = options
        self.size, self.unit, self.seed = options["size"], options["unit"], options["seed"]
        self.pad_to = options["pad_to"]
        self.excluded = np.flatnonzero(~fits)
        self.buckets: list[Bucket] = []
        self._part = np.searchsorted(options["starts"], np.arange(len(fits)), side="right") - 1
        places = np.arange(len(options["weights"]))
        whole = mixtures or [(0, places)]
        ends = [*(start for start, _ in whole[1:]), None]
        self._stretches = [
            Stretch(start, end, np.isin(places, list(corpora)))
            for (start, corpora), end in zip(whole, ends, strict=True)
        ]
        # By stretch and variant, with the place of its first bucket.
        self._plans: dict[tuple[int, int], tuple[BatchPlan, int]] = {}
        self._used: list[BatchPlan] = []
        self._lock = threading.RLock()
        # The number of each stretch's first epoch, and where those of a round of variants end.
        self._first: list[int] = [0]
        self._ends: list[list[int]] = [[] for _ in self._stretches]
        for number, one in enumerate(self._stretches):
            if one.end is None:
                self._ends_to(number, 0)  # where no row is left, that is told now
            else:
                epochs = math.ceil(self._epochs(number, one.end - one.start) - 1e-9)
                self._first.append(self._first[number] + epochs)

    @property
    def batches_per_epoch(self) -> int:
        """Those of the first epoch; others may have more or fewer."""
        return self._plan(0, 0).batches_per_epoch

    @property
    def examples_per_epoch(self) -> int:
        """Rows that the first epoch reads, copies counted."""
        return self._plan(0, 0).examples_per_epoch

    def batch(self, number: int) -> PlannedBatch:
        """Batch `number`, from 0, without end."""
        if number < 0:
            raise ValueError(
                "Invalid value for argument `number`. Expected 0 or more. Received: "
                f"number={number}"
            )
        starts = [one.start for one in self._stretches]
        at = int(np.searchsorted(starts, number, side="right")) - 1
        epoch, place = self._place(at, number - starts[at])
        epoch += self._first[at]
        variant = epoch % len(self._variants)
        plan = self._plan(at, variant)
        self._use(plan)
        planned = plan.in_epoch(epoch, place)
        return planned._replace(bucket=planned.bucket + self._plans[at, variant][1])

    def epochs_in(self, steps: int) -> float:
        """How often so many batches go through the rows of the mixtures in their turn."""
        return sum(self._epochs(at, length) for at, length in enumerate(self._lengths(steps)))

    def steps_in(self, epochs: float) -> int:
        """The batches of so many epochs of the first mixture, the last one begun."""
        variants, whole = len(self._variants), int(epochs)
        needed = min(math.ceil(epochs), variants)
        sizes = [self._plan(0, number).batches_per_epoch for number in range(needed)]
        rounds, left = divmod(whole, variants)
        part = (epochs - whole) * sizes[left] if epochs > whole else 0.0
        return max(1, rounds * sum(sizes) + sum(sizes[:left]) + math.ceil(part - 1e-6))

    def passes(self, steps: int) -> list[float]:
        """How often so many batches go through each corpus."""
        epochs = [self._epochs(at, length) for at, length in enumerate(self._lengths(steps))]
        read = np.asarray([one.read for one in self._stretches[: len(epochs)]])
        return (np.asarray(epochs) @ (read * self._options["weights"])).tolist()

    def _lengths(self, steps: int) -> list[int]:
        """The batches of each stretch among so many."""
        starts = [one.start for one in self._stretches if one.start < steps] or [0]
        return np.diff([*starts, steps]).tolist()

    def _plan(self, at: int, variant: int) -> BatchPlan:
        """The plan of a stretch for a variant of the rows."""
        with self._lock:
            if (at, variant) not in self._plans:
                plan = self._made(self._stretches[at], self._variants[variant])
                self._plans[at, variant] = plan, len(self.buckets)
                self.buckets += plan.buckets
            return self._plans[at, variant][0]

    def _made(self, stretch: Stretch, lengths: Lengths) -> BatchPlan:
        left_out = ~self._fits | ~stretch.read[self._part]
        if self._left_out is not None:
            left_out |= self._left_out
        try:
            return BatchPlan(lengths, left_out=left_out, **self._options)
        except UserError as error:
            if len(self._stretches) == 1:
                raise
            last = "the last" if stretch.end is None else stretch.end
            raise UserError(f"data, steps {stretch.start + 1} to {last}: {error}") from error

    def _ends_to(self, at: int, number: int) -> list[int]:
        """Where the epochs of a stretch's first round of variants end, until one ends behind a
        batch; it has all of them where none does."""
        with self._lock:
            ends = self._ends[at]
            while len(ends) < len(self._variants) and (not ends or ends[-1] <= number):
                variant = (self._first[at] + len(ends)) % len(self._variants)
                size = self._plan(at, variant).batches_per_epoch
                ends.append((ends[-1] if ends else 0) + size)
            return ends

    def _place(self, at: int, number: int) -> tuple[int, int]:
        """The epoch of a stretch's batch, counted from its first, and its place in the epoch."""
        ends = self._ends_to(at, number)
        rounds, left = divmod(number, ends[-1])
        epoch = bisect_right(ends, left)
        return rounds * len(ends) + epoch, left - (ends[epoch - 1] if epoch else 0)

    def _epochs(self, at: int, number: int) -> float:
        """The epochs of a stretch that so many of its batches make."""
        epoch, place = self._place(at, number)
        ends = self._ends[at]
        return epoch + place / int(np.diff(ends, prepend=0)[epoch % len(ends)])

    def _use(self, plan: BatchPlan) -> None:
        """Frees what others than this plan and the one before keep of their epochs."""
        with self._lock:
            if not self._used or self._used[-1] is not plan:
                self._used = [*self._used[-1:], plan]
                for one, _ in self._plans.values():
                    if not any(one is kept for kept in self._used):
                        one.forget()
