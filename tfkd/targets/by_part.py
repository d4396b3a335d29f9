"""Predictions of a batch's rows by several models, each of its own rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Predictions = Mapping[str, np.ndarray]
Predict = Callable[[Mapping[str, Any]], Predictions]


class ByPart(NamedTuple):
    """What is asked in place of one `Predict` where the model depends on the row.

    Attributes:
        predicts: One a part.
        parts: int `[N]`, the part of each example.
    """

    predicts: Sequence[Predict]
    parts: np.ndarray


def ask(predict: Predict | ByPart, record: Mapping[str, Any], examples: np.ndarray) -> Predictions:
    """What is predicted at the selected positions of a record, in row-major order.

    Args:
        predict: As `tfkd.objectives.predictor` makes it, or several by part.
        record: `[B, ...]` each.
        examples: int `[B]`, which ones they are.
    """
    if not isinstance(predict, ByPart):
        return predict(record)
    counts = selected_of(record).sum(1)
    starts, parts = np.cumsum(counts) - counts, predict.parts[examples]
    found: dict[str, np.ndarray] = {}
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        said, of_rows = predict.predicts[part](_rows(record, rows)), counts[rows]
        first = np.repeat(starts[rows] - np.cumsum(of_rows) + of_rows, of_rows)
        for name, values in said.items():
            if name not in found:
                found[name] = np.zeros((counts.sum(), *values.shape[1:]), values.dtype)
            found[name][first + np.arange(of_rows.sum())] = values
    return found


def selected_of(record: Mapping[str, Any]) -> np.ndarray:
    """What is predicted of a record, of a pair in its target: bool `[B, T]`."""
    return np.asarray(record.get("target", record)["selected"])


def _rows(record: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {
        name: _rows(value, rows) if isinstance(value, Mapping) else np.asarray(value)[rows]
        for name, value in record.items()
    }
