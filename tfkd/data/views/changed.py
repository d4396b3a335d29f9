"""A view made of another one's records."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import Record, View, Visits


class ChangedView:
    """Another view of one sequence; subclasses say by `change` what becomes of its records.

    Args:
        view: The view.
    """

    layout = "sequence"

    def __init__(self, view: View):
        self._view = view
        self.name = view.name
        self.max_length = view.max_length
        self.tokenizer = view.tokenizer
        self.specials = view.specials

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        return self._view.lengths(example_set)

    def change(self, record: Record) -> Record:
        """The record that stands for one of the view's."""
        raise NotImplementedError

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
        found = self._view(example_set, examples, epoch, seed, pad_to=pad_to, widths=widths)
        return self.change(found)
