"""Which plan gives batch n, where mixtures change at given steps and rows have variants."""

import math
import threading
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
        plans: A plan for each variant of the rows.
        weights: How often an epoch of it goes through each corpus, 0: not at all.
    """

    start: int
    plans: tuple[BatchPlan, ...]
    weights: tuple[float, ...]


class Timetable:
    """Batches of several plans, in place of one `BatchPlan`.

    Each stretch of steps has its own plans, and begins with a new epoch. Epochs are numbered
    through; number e reads variant e modulo their number, by that variant's plan. What batch n is
    follows from n alone: the sizes of epochs repeat after as many as there are variants.

    Args:
        stretches: By their starts, of which the first is 0.
        excluded: int64, the rows that no epoch reads, since they are too long without noise.

    Attributes:
        buckets: Of all plans, one after the other; batches name theirs by its place here.
    """

    def __init__(self, stretches: Sequence[Stretch], excluded: np.ndarray):
        self._stretches = tuple(stretches)
        plans = [plan for one in self._stretches for plan in one.plans]
        first = plans[0]
        self.size, self.unit, self.seed, self.pad_to = (
            first.size, first.unit, first.seed, first.pad_to
        )  # fmt: skip
        self.excluded = excluded
        self.buckets: list[Bucket] = []
        self._offsets: dict[int, int] = {}
        for plan in plans:
            self._offsets[id(plan)] = len(self.buckets)
            self.buckets += plan.buckets
        # The number of each stretch's first epoch, and where epochs of a round of variants end.
        self._first: list[int] = [0]
        self._ends: list[np.ndarray] = []
        for number, one in enumerate(self._stretches):
            order = [
                one.plans[(self._first[number] + at) % len(one.plans)]
                for at in range(len(one.plans))
            ]
            self._ends.append(np.cumsum([plan.batches_per_epoch for plan in order]))
            if number + 1 < len(self._stretches):
                length = self._stretches[number + 1].start - one.start
                epochs = math.ceil(self._epochs(number, length) - 1e-9)
                self._first.append(self._first[number] + epochs)
        self._used: list[BatchPlan] = []
        self._lock = threading.Lock()

    @classmethod
    def of(
        cls,
        lengths: Sequence[Lengths],
        fits: np.ndarray,
        mixtures: Sequence[tuple[int, Collection[int]]],
        left_out: np.ndarray | None,
        options: Mapping[str, Any],
    ) -> "Timetable":
        """A plan for each mixture and variant.

        Args:
            lengths: Of each variant, as a view's `lengths` returns them.
            fits: bool `[N]`, the rows that are not too long without noise.
            mixtures: The first batch of each, and the places of the corpora that are read from
                there on; the first is 0. None: all of them from there.
            left_out: bool `[N]`, other rows that no epoch reads.
            options: Of all plans, `starts` and `weights` among them.

        Raises:
            UserError: No row is left in the steps of a mixture.
        """
        part = np.searchsorted(options["starts"], np.arange(len(fits)), side="right") - 1
        given = np.asarray(options["weights"])
        stretches: list[Stretch] = []
        whole = mixtures or [(0, range(len(given)))]
        for number, (start, corpora) in enumerate(whole):
            read = np.isin(np.arange(len(given)), list(corpora))
            without = ~fits | ~read[part] | (False if left_out is None else left_out)
            try:
                plans = tuple(BatchPlan(one, left_out=without, **options) for one in lengths)
            except UserError as error:
                if len(whole) == 1:
                    raise
                last = whole[number + 1][0] if number + 1 < len(whole) else "the last"
                raise UserError(f"data, steps {start + 1} to {last}: {error}") from error
            stretches.append(Stretch(start, plans, tuple(np.where(read, given, 0.0).tolist())))
        return cls(stretches, np.flatnonzero(~fits))

    @property
    def batches_per_epoch(self) -> int:
        """Those of the first epoch; others may have more or fewer."""
        return int(self._ends[0][0])

    @property
    def examples_per_epoch(self) -> int:
        """Rows that the first epoch reads, copies counted."""
        return self._stretches[0].plans[0].examples_per_epoch

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
        plans = self._stretches[at].plans
        plan = plans[epoch % len(plans)]
        self._use(plan)
        planned = plan.in_epoch(epoch, place)
        return planned._replace(bucket=planned.bucket + self._offsets[id(plan)])

    def epochs_in(self, steps: int) -> float:
        """How often so many batches go through the rows of the mixtures in their turn."""
        return sum(self._epochs(at, length) for at, length in enumerate(self._lengths(steps)))

    def steps_in(self, epochs: float) -> int:
        """The batches of so many epochs of the first mixture, the last one begun."""
        ends = self._ends[0]
        rounds, left = divmod(epochs, len(ends))
        whole = int(left)
        before = int(ends[whole - 1]) if whole else 0
        part = (left - whole) * (int(ends[whole]) - before)
        return max(1, int(rounds) * int(ends[-1]) + before + math.ceil(part - 1e-6))

    def passes(self, steps: int) -> list[float]:
        """How often so many batches go through each corpus."""
        epochs = [self._epochs(at, length) for at, length in enumerate(self._lengths(steps))]
        weights = np.asarray([one.weights for one in self._stretches[: len(epochs)]])
        return (np.asarray(epochs) @ weights).tolist()

    def _lengths(self, steps: int) -> list[int]:
        """The batches of each stretch among so many."""
        starts = [one.start for one in self._stretches if one.start < steps] or [0]
        return np.diff([*starts, steps]).tolist()

    def _place(self, at: int, number: int) -> tuple[int, int]:
        """The epoch of a stretch's batch, counted from its first, and its place in the epoch."""
        ends = self._ends[at]
        rounds, left = divmod(number, int(ends[-1]))
        epoch = int(np.searchsorted(ends, left, side="right"))
        return rounds * len(ends) + epoch, left - (int(ends[epoch - 1]) if epoch else 0)

    def _epochs(self, at: int, number: int) -> float:
        """The epochs of a stretch that so many of its batches make."""
        ends = self._ends[at]
        epoch, place = self._place(at, number)
        return epoch + place / int(np.diff(ends, prepend=0)[epoch % len(ends)])

    def _use(self, plan: BatchPlan) -> None:
        """Frees what others than this plan and the one before keep of their epochs."""
        with self._lock:
            if not self._used or self._used[-1] is not plan:
                self._used = [*self._used[-1:], plan]
                for one in (plan for stretch in self._stretches for plan in stretch.plans):
                    if not any(one is kept for kept in self._used):
                        one.forget()
