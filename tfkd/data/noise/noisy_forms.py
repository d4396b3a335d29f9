"""Rows with noise that are no longer than a training reads them."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.batches.buckets import within_limits
from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import View


def noisy_forms(
    example_set: ExampleSet,
    fits: np.ndarray,
    view: View,
    max_length: int | Mapping[str, int] | None,
) -> list[ExampleSet]:
    """The rows in the form of each variant; one that noise would make too long stays clean."""
    found = []
    for number in range(example_set.variants):
        form = example_set.variant(number)
        too_long = fits & ~within_limits(view.lengths(form), max_length)
        found.append(example_set.variant(number, too_long) if too_long.any() else form)
    return found
