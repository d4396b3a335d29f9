"""A view in which every word is hidden, so that its predictions owe nothing to context."""

from typing import Any

import numpy as np

from tfkd.data.views.base import Record
from tfkd.data.views.changed import ChangedView


class Blind(ChangedView):
    """Another view of one sequence, with [MASK] at each word; what is predicted stays the same."""

    def change(self, record: Record) -> Record:
        """See `ChangedView`."""
        fixed = np.isin(record["ids"], (self.specials.start_id, self.specials.end_id))
        hidden = record["valid"] & ~fixed
        return {**record, "ids": np.where(hidden, np.int32(self.specials.mask_id), record["ids"])}


class BlindEncoder:
    """A view of one text on both sides (MASS) whose encoder reads no word of it.

    Every word of the source is [MASK]; the end stays, and is what the decoder sees where it does
    not attend to [MASK]s. What the decoder is fed and predicts stays the same.

    Args:
        view: The view.
    """

    def __init__(self, view: Any):
        self._view = view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def __call__(self, *arguments: Any, **settings: Any) -> Record:
        """See `View.__call__`."""
        record = self._view(*arguments, **settings)
        source, specials = record["source"], self._view.specials
        last = source["valid"].sum(1, keepdims=True) - 1
        ends = np.arange(source["ids"].shape[1]) == last
        ids = np.where(source["valid"], np.int32(specials.mask_id), source["ids"])
        changed = {"ids": np.where(ends, np.int32(specials.end_id), ids)}
        if "memory_valid" in source:
            changed["memory_valid"] = ends
        return {**record, "source": {**source, **changed}}
