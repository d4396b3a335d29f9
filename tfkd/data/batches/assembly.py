"""The arrays of a batch whose examples are known."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import Record, View, Visits

Batch = dict[str, Any]
# (example set, examples int [B], width) -> arrays [B, width, ...], by name.
Store = Callable[[ExampleSet, np.ndarray, int], Mapping[str, np.ndarray]]


def target_width(records: Mapping[str, Record]) -> int:
    """The width of stored targets beside these records: that of the pair's labels, or, where all
    views are sequences, the first sequence's."""
    for record in records.values():
        if "target" in record:
            return record["target"]["ids"].shape[1]
    return next(iter(records.values()))["ids"].shape[1]


def assemble(
    example_set: ExampleSet,
    views: Mapping[str, View],
    stores: Mapping[str, Store],
    examples: np.ndarray,
    visits: Visits,
    seed: int,
    *,
    pad_to: int,
    widths: Mapping[str, Mapping[str, int]] | None = None,
) -> Batch:
    """The batch of some examples.

    Returns:
        `{"examples": int64 [B], VIEW: record, ..., "stores": {STAGE: arrays}}`; `stores` only where
        there are some, and `row_weights` float32 `[B]` only where a part has them. An example of -1
        is an empty row: nothing of it is valid or selected.
    """
    records = {
        name: view(
            example_set,
            examples,
            visits,
            seed,
            pad_to=pad_to,
            widths=widths[name] if widths else None,
        )
        for name, view in views.items()
    }
    batch: Batch = {"examples": examples, **records}
    weights = example_set.row_weights(examples)
    if weights is not None:
        batch["row_weights"] = weights
    if stores:
        width = target_width(records)
        batch["stores"] = {
            stage: dict(store(example_set, examples, width)) for stage, store in stores.items()
        }
    return batch
