"""What a classifier says of a corpus, row by row, and its scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.classes import Classes, label_ids
from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.side_by_side import side_by_side
from tfkd.data.strict_json import read_json
from tfkd.evaluation import Predicted
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.measured_batches import batches_of
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED

HEAD = "classifier"
ROWS, NAMES = "classes.npz", "names.json"
Rows = dict[str, np.ndarray]


class Classified:
    """A model's guess for each row.

    Args:
        model: A model with a head over classes.
        examples: The rows.
        view: A `ClassifyView`.
    """

    def __init__(self, model: Any, examples: ExampleSet, view: Any):
        self._predict = predictor(model, 1, head=HEAD)
        self._batches = batches_of(examples, view)
        self._labels, self._name = label_ids(examples), view.name
        self._size = view.classes

    def rows(self) -> Rows:
        """Arrays `[rows]`: `label` (int64; C for one that is no class, -1 without one), `guess`
        (int64), its `probability`, the `entropy` and, where the label is a class, its `nll` in
        nats (float64)."""
        count = len(self._labels)
        found: Rows = {
            "label": self._labels,
            "guess": np.zeros(count, np.int64),
            **{name: np.zeros(count) for name in ("probability", "entropy", "nll")},
        }

        def predict(batch: Any) -> dict[str, np.ndarray]:
            return self._predict(batch[self._name])

        for batch, said in side_by_side(predict, self._batches):
            rows = batch["examples"][batch["examples"] >= 0]
            known = batch[self._name]["gold"].any(1)[batch["examples"] >= 0]
            found["guess"][rows] = said["ids"][:, 0]
            found["probability"][rows] = np.exp(said["log_probabilities"][:, 0])
            found["entropy"][rows] = said["entropy"]
            found["nll"][rows] = np.where(known, -said["gold_log_probability"], 0)
        return found


def predicted(rows: Rows, size: int, positive: int | None = None) -> Predicted:
    """The rows that have a label; `positive` is the class that f1 is about."""
    labelled = rows["label"] >= 0
    label, guess, nll = (rows[name][labelled] for name in ("label", "guess", "nll"))
    return Predicted(label, guess, size, nll, positive)


def class_metrics(rows: Rows, size: int) -> dict[str, float]:
    """The metrics of the teacher check: `positions` (rows with a label), `accuracy` over them, and
    the means of `entropy` over them and of `loss` over those whose label is a class."""
    labelled = rows["label"] >= 0
    known = labelled & (rows["label"] < size)
    return {
        "positions": int(labelled.sum()),
        "accuracy": _mean((rows["label"] == rows["guess"])[labelled]),
        "loss": _mean(rows["nll"][known]),
        "entropy": _mean(rows["entropy"][labelled]),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def positive_place(classes: Classes, positive: str | None, where: str) -> int | None:
    """The class that f1 is about: the one named, of two classes the second; None for the mean.

    Raises:
        UserError: There is no such class.
    """
    if positive is None:
        return 1 if classes.size == 2 else None
    place = classes.place(positive)
    if place is None:
        raise UserError(
            f"{where}.positive: {positive!r} is no class; expected one of "
            f"{', '.join(classes.names[:20])}"
        )
    return place


def evaluate_classes(
    model: Any, examples: ExampleSet, view: Any, classes: Classes, folder: Path
) -> dict[str, Any]:
    """Writes `classes.npz`, what `Classified` says, and `names.json`, the names."""
    rows = Classified(model, examples, view).rows()
    write_atomically(folder / ROWS, lambda file: np.savez(file, **rows))
    write_atomically(folder / NAMES, json.dumps(classes.names, ensure_ascii=False))
    unknown = int((rows["label"] == classes.size).sum())
    summary: dict[str, Any] = {TEACHER_FORCED: class_metrics(rows, classes.size)}
    if unknown:
        summary["unknown_labels"] = unknown
        summary["brief"] = f"{unknown:,} rows have labels that training lacks: none can be right"
    return summary


def class_rows(node: Node, context: Context) -> Rows:
    """What an evaluation stage of a classifier has written."""
    with np.load(context.stages / node.key / ROWS, allow_pickle=False) as arrays:
        return dict(arrays)


def class_names(node: Node, context: Context) -> list[str]:
    """The names of its classes."""
    return read_json(context.stages / node.key / NAMES)
