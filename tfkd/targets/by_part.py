"""Predictions of a batch's rows by several models, each of its own rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.ragged import Ragged

Predictions = Mapping[str, np.ndarray]
Predict = Callable[[Mapping[str, Any]], Predictions]


class ByPart(NamedTuple):
    """What is asked in place of one `Predict` where the model depends on the row, or the position.

    Attributes:
        predicts: One a part.
        parts: int `[N]`, the part of each example; or, where a row has several, a function from
            examples, int `[B]`, to the parts of their positions, a `Ragged`.
    """

    predicts: Sequence[Predict]
    parts: np.ndarray | Callable[[np.ndarray], Ragged]


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
    row = np.repeat(np.arange(len(counts)), counts)
    if not len(row):
        return predict.predicts[0](record)
    if callable(predict.parts):
        found_parts = predict.parts(examples)
        # A view may read less of a row.
        first = np.repeat(found_parts.offsets[:-1] - np.cumsum(counts) + counts, counts)
        parts = found_parts.values[first + np.arange(len(row))]
    else:
        parts = predict.parts[examples][row]
    found: dict[str, np.ndarray] = {}
    for part in np.unique(parts):
        rows = np.unique(row[parts == part])
        said = predict.predicts[part](_rows(record, rows))
        places = np.flatnonzero(np.isin(row, rows))
        mine = parts[places] == part
        for name, values in said.items():
            if name not in found:
                found[name] = np.zeros((len(row), *values.shape[1:]), values.dtype)
            found[name][places[mine]] = values[mine]
    return found


def selected_of(record: Mapping[str, Any]) -> np.ndarray:
    """What is predicted of a record, of a pair in its target: bool `[B, T]`."""
    return np.asarray(record.get("target", record)["selected"])


def _rows(record: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {
        name: _rows(value, rows) if isinstance(value, Mapping) else np.asarray(value)[rows]
        for name, value in record.items()
    }
