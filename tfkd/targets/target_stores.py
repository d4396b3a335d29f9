"""Stored targets of pairs, for a student that reads both sides as one sequence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.data.views.base import FIRST
from tfkd.targets.store import PartStores, SoftTargetStore


class TargetStores(PartStores):
    """The stores of an example set's pairs, each row at the place where a language model that reads
    `[CLS] a [SEP] b [SEP]` (`CausalLMView`) predicts that word of b; a view that ends before has
    the first of them.

    Args:
        stores: As of `PartStores`.
        tokenizer: The name of the student's tokenizer.
    """

    def __init__(self, stores: Sequence[SoftTargetStore | None], tokenizer: str):
        super().__init__(stores, cut=True)
        self._tokenizer = tokenizer

    def __call__(self, example_set: Any, examples: np.ndarray, width: int) -> dict[str, np.ndarray]:
        """See `PartStores`."""
        found = super().__call__(example_set, examples, width)
        # The label of the place of the first [SEP] is the first word of b.
        starts = example_set.take(FIRST, self._tokenizer, examples).lengths + 1
        rows = np.arange(width) - starts[:, None]
        kept, rows = rows >= 0, np.maximum(rows, 0)
        out = {}
        for name, values in found.items():
            moved = np.take_along_axis(
                values, rows.reshape(*rows.shape, *[1] * (values.ndim - 2)), 1
            )
            out[name] = np.where(kept.reshape(*kept.shape, *[1] * (values.ndim - 2)), moved, 0)
            out[name] = out[name].astype(values.dtype)
        return out
