"""A view in which every word is hidden, so that its predictions owe nothing to context."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import Record, View, Visits


class Blind:
    """Another view of one stream, with [MASK] at each word; what is predicted stays the same.

    Args:
        view: The view; its tokenizer's specials tell words from [CLS] and [SEP].
    """

    layout = "stream"

    def __init__(self, view: View):
        self._view = view
        self.name = view.name
        self.max_length = view.max_length

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        return self._view.lengths(example_set)

    def __call__(
        self,
        example_set: ExampleSet,
        examples: np.ndarray,
        epoch: Visits,
        seed: int,
        *,
        pad_to: int = 1,
        widths: Mapping[str, int] | None = None,
    ) -> Record:
        """See `View.__call__`."""
        record = self._view(example_set, examples, epoch, seed, pad_to=pad_to, widths=widths)
        specials = self._view.specials
        fixed = (record["ids"] == specials.start_id) | (record["ids"] == specials.end_id)
        hidden = record["valid"] & ~fixed
        return {**record, "ids": np.where(hidden, np.int32(specials.mask_id), record["ids"])}
