"""What an engine says of each next word of texts, as `tfkd.objectives.prediction` has it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

# Log-probabilities of a call, over all pieces (64 MiB).
_VALUES = 2**24


class EnginePredictions:
    """A language model's export in the place of its model, where that is measured.

    Args:
        engine: With `pieces`, V, and `next_log_probabilities(rows)`: of rows of ids, float32
            `[longest, V]` of each.
    """

    def __init__(self, engine: Any):
        self._engine = engine

    def predictor(self, top_k: int = 0) -> Any:
        """A function from a record to predictions at its selected positions; see
        `tfkd.objectives.prediction.predictor`.

        Args:
            top_k: K of `TopK`.
        """

        def predict(record: Mapping[str, Any]) -> dict[str, np.ndarray]:
            ids, selected, labels = (
                np.asarray(record[name]) for name in ("ids", "selected", "labels")
            )
            # A row ends with the last word that is predicted: what follows changes nothing.
            ends = np.where(selected.any(1), selected.shape[1] - selected[:, ::-1].argmax(1), 0)
            found = [_ranked(np.zeros((0, max(top_k, 1)), np.float32), labels[0, :0], top_k)]
            some = max(1, _VALUES // (int(ends.max(initial=1)) * self._engine.pieces))
            rows = np.flatnonzero(ends)
            for chosen in np.split(rows, range(some, len(rows), some)):
                asked = [ids[row, : ends[row]].tolist() for row in chosen]
                answers = self._engine.next_log_probabilities(asked) if asked else ()
                for row, answer in zip(chosen, answers, strict=True):
                    places = np.flatnonzero(selected[row])
                    found.append(_ranked(answer[places], labels[row, places], top_k))
            return {name: np.concatenate([one[name] for one in found]) for name in found[0]}

        return predict


def _ranked(log_probabilities: np.ndarray, gold: np.ndarray, top_k: int) -> dict[str, np.ndarray]:
    """The fields of `TopK` of `[N, V]`; of equal ones the smaller id comes first."""
    rows = np.arange(len(gold))
    of_gold = log_probabilities[rows, gold][:, None]
    equal = (log_probabilities == of_gold) & (np.arange(log_probabilities.shape[1]) < gold[:, None])
    before = (log_probabilities > of_gold) | equal
    best = np.zeros((len(gold), 0), np.int64)
    if top_k:
        best = np.sort(np.argpartition(-log_probabilities, top_k - 1, 1)[:, :top_k], 1)
        order = np.argsort(-np.take_along_axis(log_probabilities, best, 1), 1, kind="stable")
        best = np.take_along_axis(best, order, 1)
    probabilities = np.exp(log_probabilities.astype(np.float64))
    return {
        "log_probabilities": np.take_along_axis(log_probabilities, best, 1),
        "ids": best.astype(np.int32),
        "gold_rank": before.sum(1).astype(np.int32),
        "entropy": -(probabilities * log_probabilities).sum(1).astype(np.float32),
        "gold_log_probability": of_gold[:, 0],
        "gold": gold.astype(np.int32),
    }
