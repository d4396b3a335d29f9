"""A view whose labels are ids of another vocabulary: a head of its own (P1, section 3.1)."""

from collections.abc import Sequence

import numpy as np

from tfkd.data.views.base import Record, View
from tfkd.data.views.changed import ChangedView


def vocabulary_map(read: Sequence[str], predicted: Sequence[str], unknown: str) -> np.ndarray:
    """For each id of the vocabulary that is read, the id of the same piece in the predicted one.

    Args:
        read: Pieces of the input's vocabulary.
        predicted: Pieces of the output's.
        unknown: The piece that stands for those that the output lacks.

    Returns:
        int32 `[len(read)]`.
    """
    places = {piece: index for index, piece in enumerate(predicted)}
    stand_in = places[unknown]
    return np.array([places.get(piece, stand_in) for piece in read], np.int32)


class Relabelled(ChangedView):
    """Another view of one sequence, with its labels translated.

    Args:
        view: The view.
        table: int32 `[V]`: the new id of each old one; see `vocabulary_map`.
    """

    def __init__(self, view: View, table: np.ndarray):
        super().__init__(view)
        self._table = np.asarray(table, np.int32)

    def change(self, record: Record) -> Record:
        """See `ChangedView`."""
        return {**record, "labels": self._table[record["labels"]]}
