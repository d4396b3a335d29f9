"""Rows with noise that are no longer than a training reads them."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfkd.data.batches.buckets import within_limits
from tfkd.data.examples import ExampleSet
from tfkd.data.lazily import Lazily
from tfkd.data.views.base import View


def noisy_forms(
    example_set: ExampleSet,
    fits: np.ndarray,
    view: View,
    max_length: int | Mapping[str, int] | None,
) -> Sequence[ExampleSet]:
    """The rows in the form of each variant, laid out when an epoch first reads it; one that noise
    would make too long stays clean."""

    def form(number: int) -> ExampleSet:
        found = example_set.variant(number)
        too_long = fits & ~within_limits(view.lengths(found), max_length)
        return example_set.variant(number, too_long) if too_long.any() else found

    return Lazily(form, example_set.variants)
