"""From a batch's number to its arrays."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tfkd.data.batches.assembly import Batch, Store, assemble
from tfkd.data.batches.batch_plan import BatchPlan
from tfkd.data.batches.buckets import within_limits
from tfkd.data.batches.sequential import Sequential
from tfkd.data.batches.timetable import Timetable
from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import rounded_width
from tfkd.data.lazily import Lazily
from tfkd.data.noise.noisy_forms import noisy_forms
from tfkd.data.views.base import View


class Batcher:
    """Batch n of an example set in the views that a step needs, as nested dicts of NumPy arrays.

    Args:
        example_set: The examples.
        views: By name. The plan is made for the first, or for the one named "plain".
        plan: Which examples make up batch n.
        stores: Stored targets by stage, each `(example_set, examples, width) -> arrays
            [B, width, ...]`.
        fixed_widths: Pad every batch of a bucket to the same widths, so that a compiled step sees
            one shape a bucket (XLA). Otherwise to the batch's own longest row.
        forms: The examples as epochs read them in turn, with noise; default: as they are.
        lengths: Of each form what `lengths_of` returns; default: they are counted here.
    """

    def __init__(
        self,
        example_set: ExampleSet,
        views: Mapping[str, View],
        plan: BatchPlan | Timetable,
        stores: Mapping[str, Store] | None = None,
        *,
        fixed_widths: bool = False,
        forms: Sequence[ExampleSet] = (),
        lengths: Sequence[Mapping[str, Mapping[str, np.ndarray]]] = (),
    ):
        self.example_set = example_set
        self.views = dict(views)
        self.plan = plan
        self.stores = dict(stores or {})
        self.fixed_widths = fixed_widths
        self._forms = forms or [example_set]
        self._lengths = lengths or [lengths_of(self.views, example_set)]
        self._widths: dict[int, dict[str, dict[str, int]]] = {}

    @property
    def batches_per_epoch(self) -> int:
        """The same in every epoch; of a `Timetable` those of the first."""
        return self.plan.batches_per_epoch

    def epochs_in(self, steps: int) -> float:
        """How often so many batches go through the rows."""
        return self.plan.epochs_in(steps)

    def steps_in(self, epochs: float) -> int:
        """The batches of so many epochs, the last one begun."""
        return self.plan.steps_in(epochs)

    def passes(self, steps: int) -> dict[str, float] | None:
        """How often so many batches go through each corpus; None where one mixture is read."""
        if not isinstance(self.plan, Timetable):
            return None
        found = dict.fromkeys((part.name for part in self.example_set.parts), 0.0)
        for part, times in zip(self.example_set.parts, self.plan.passes(steps), strict=True):
            found[part.name] += times
        return found

    @property
    def examples_per_epoch(self) -> int:
        """Rows that an epoch reads, those of weighted parts counted as often."""
        return self.plan.examples_per_epoch

    @property
    def excluded(self) -> int:
        """Rows that no epoch reads, since they are longer than `max_length`."""
        return len(self.plan.excluded)

    @property
    def tokens_per_batch(self) -> float:
        """Real tokens of a batch on the average over the first epoch, those that are predicted:
        the target's, or the sequence's; special tokens counted."""
        lengths = self._lengths[0][_counted(self._lengths[0])]
        tokens = lengths.get("joint", lengths.get("target", lengths.get("source")))
        total = 0
        for number in range(self.batches_per_epoch):
            examples = self.plan.batch(number).examples
            total += int(tokens[examples[examples >= 0]].sum())
        return total / self.batches_per_epoch

    def _bucket_widths(self, bucket: int, form: int) -> dict[str, dict[str, int]]:
        if bucket not in self._widths:
            rows = self.plan.buckets[bucket].members
            self._widths[bucket] = {
                name: {
                    side: rounded_width(
                        int(values[rows].max(initial=0)),
                        self.plan.pad_to,
                        self.views[name].max_length,
                    )
                    for side, values in lengths.items()
                }
                for name, lengths in self._lengths[form].items()
            }
        return self._widths[bucket]

    def batch(self, number: int) -> Batch:
        """Batch `number`, from 0, without end; see `assemble`."""
        planned = self.plan.batch(number)
        form = planned.epoch % len(self._forms)
        return assemble(
            self._forms[form],
            self.views,
            self.stores,
            planned.examples,
            planned.visits,
            self.plan.seed,
            pad_to=self.plan.pad_to,
            widths=self._bucket_widths(planned.bucket, form) if self.fixed_widths else None,
        )

    def sequential(self, **options: Any) -> Sequential:
        """All examples of the set once; see `Sequential`."""
        options = {
            "size": self.plan.size,
            "unit": self.plan.unit,
            "pad_to": self.plan.pad_to,
            "stores": self.stores,
            **options,
        }
        return Sequential(self.example_set, self.views, **options)


def lengths_of(
    views: Mapping[str, View], example_set: ExampleSet
) -> dict[str, dict[str, np.ndarray]]:
    """The tokens of all examples by view; each view says by name which examples it cannot read."""
    return {name: view.lengths(example_set) for name, view in views.items()}


def _counted(lengths: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """The view that a plan's lengths are counted in: an encoder's alone has no targets."""
    whole = [name for name, of_view in lengths.items() if of_view.keys() != {"source"}]
    return "plain" if "plain" in lengths else (whole or list(lengths))[0]


def build_batcher(
    example_set: ExampleSet,
    views: Mapping[str, View],
    *,
    size: int,
    unit: str,
    seed: int,
    pad_to: int = 4,
    max_length: int | Mapping[str, int] | None = None,
    rows_multiple: int = 1,
    stores: Mapping[str, Store] | None = None,
    fixed_widths: bool = False,
    left_out: np.ndarray | None = None,
    mixtures: Sequence[tuple[int, Collection[int]]] = (),
) -> Batcher:
    """A batcher with its plan, from a spec's `batch:` options.

    Args:
        views: By name. Lengths are counted in the one named "plain", or in the first that reads
            more than a source.
        size, unit, seed, pad_to, max_length, rows_multiple, left_out: As in `BatchPlan`.
        example_set, stores, fixed_widths: As in `Batcher`.
        mixtures: Where the mixture changes: its first batch, and the places of the corpora that
            are read from there on. The first is 0; default: all of them from there.
    """
    options: dict[str, Any] = {
        "size": size,
        "unit": unit,
        "seed": seed,
        "pad_to": pad_to,
        "max_length": max_length,
        "rows_multiple": rows_multiple,
        "starts": example_set.starts,
        "weights": example_set.weights,
    }
    lengths = lengths_of(views, example_set)
    counted = _counted(lengths)
    noisy = any(part.variants for part in example_set.parts)
    if not noisy and len(mixtures) < 2:
        plan = BatchPlan(lengths[counted], left_out=left_out, **options)
        return Batcher(
            example_set, views, plan, stores, fixed_widths=fixed_widths, lengths=[lengths]
        )
    fits = within_limits(lengths[counted], max_length)
    # Of the variants of the rows as many are laid out as epochs are read.
    forms: Sequence[ExampleSet] = [example_set]
    of_forms: Sequence[Any] = [lengths]
    if noisy:
        forms = noisy_forms(example_set, fits, views[counted], max_length)
        of_forms = Lazily(lambda number: lengths_of(views, forms[number]), len(forms))
    counts = Lazily(lambda number: of_forms[number][counted], len(forms))
    plan = Timetable(counts, fits, mixtures, left_out, options)
    return Batcher(
        example_set, views, plan, stores, fixed_widths=fixed_widths, forms=forms, lengths=of_forms
    )


def micro_batches(size: int, per_device: int | None, replicas: int = 1) -> int:
    """Micro-batches a step: the fewest whose share of a step's `size` is within `per_device`.

    `rows_multiple` of the plan is `replicas * micro_batches(...)`.
    """
    return 1 if per_device is None else max(1, -(-size // (per_device * replicas)))
