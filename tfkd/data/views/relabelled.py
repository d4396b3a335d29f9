"""A view whose labels are ids of another vocabulary: a head of its own (P1, section 3.1)."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import Record, Visits


def vocabulary_map(read: Sequence[str], predicted: Sequence[str], unknown: str) -> np.ndarray:
    """For each id of the vocabulary that is read, the id of the same piece in the predicted one.

    Args:
        read: Pieces of the input's vocabulary.
        predicted: Pieces of the output's.
        unknown: The piece that stands for those that the output lacks.

    Returns:
        int32 `[len(read)]`.
    """
    places = {piece: place for place, piece in enumerate(predicted)}
    stand_in = places[unknown]
    return np.array([places.get(piece, stand_in) for piece in read], np.int32)


class Relabelled:
    """Another view of one stream, with its labels translated.

    Args:
        view: The view.
        table: int32 `[V]`: the new id of each old one; see `vocabulary_map`.
    """

    layout = "stream"

    def __init__(self, view, table: np.ndarray):
        self._view = view
        self._table = np.asarray(table, np.int32)
        self.name = view.name
        self.max_length = view.max_length
        self.tokenizer = view.tokenizer
        self.specials = view.specials

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
        return {**record, "labels": self._table[record["labels"]]}
