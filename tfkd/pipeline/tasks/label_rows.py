"""What a model says of labels, row by row: its guesses, and what is counted of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.classes import Classes
from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.data.ragged import Ragged
from tfkd.data.side_by_side import side_by_side
from tfkd.data.strict_json import read_json
from tfkd.evaluation import Predicted
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.measured_batches import batches_of
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED

HEAD = "classifier"
ROWS, NAMES = "classes.npz", "names.json"
Rows = dict[str, np.ndarray]


class Classified:
    """A model's guess for each label.

    Args:
        predict: From a record to `ids`, `log_probabilities` `[labels, 1]`, `entropy` and
            `gold_log_probability` `[labels]`; see `tfkd.objectives.prediction.predictor`.
        examples: The rows.
        view: It selects a position for each label of a row, or for the first ones of a row that is
            too long, in their order; `gold` says which of them are classes.
        labels: The ids of each row's labels.
        several: Whether a row has any number of them; else each has one.
    """

    def __init__(
        self,
        predict: Callable[[Any], dict[str, np.ndarray]],
        examples: ExampleSet,
        view: Any,
        labels: Ragged,
        several: bool = False,
    ):
        self._predict = predict
        self._batches, self._name = batches_of(examples, view), view.name
        self._labels, self._several = labels, several

    def rows(self) -> Rows:
        """Arrays `[labels]`: `label` (int64; C for one that is no class, -1 without one), `guess`
        (int64), its `probability`, the `entropy` and, where the label is a class, its `nll` in
        nats (float64). Of several a row `row` says which each is of, and `rows` how many there
        are; those that the view has cut off are left out."""
        offsets, count = self._labels.offsets, len(self._labels.values)
        found = {
            "label": np.asarray(self._labels.values, np.int64),
            "guess": np.zeros(count, np.int64),
            **{name: np.zeros(count) for name in ("probability", "entropy", "nll")},
        }
        made = np.zeros(count, bool)

        def predict(batch: Any) -> dict[str, np.ndarray]:
            return self._predict(batch[self._name])

        for batch, said in side_by_side(predict, self._batches):
            record = batch[self._name]
            row = np.nonzero(record["selected"])[0]
            # Of several in a row, the first is the row's first label.
            place = (
                offsets[batch["examples"][row]] + np.arange(len(row)) - np.searchsorted(row, row)
            )
            known = record["gold"][record["selected"]]
            made[place] = True
            found["guess"][place] = said["ids"][:, 0]
            found["probability"][place] = np.exp(said["log_probabilities"][:, 0])
            found["entropy"][place] = said["entropy"]
            found["nll"][place] = np.where(known, -said["gold_log_probability"], 0)
        if self._several:
            rows = len(self._labels)
            found["row"] = np.repeat(np.arange(rows), np.diff(offsets))
            found = {name: values[made] for name, values in found.items()}
            found["rows"] = np.array(rows)
        return found


def predicted(rows: Rows, size: int, positive: int | None = None) -> Predicted:
    """What is labelled; `positive` is the class that f1 is about."""
    labelled = rows["label"] >= 0
    label, guess, nll = (rows[name][labelled] for name in ("label", "guess", "nll"))
    several = {"row": rows["row"][labelled], "rows": int(rows["rows"])} if "row" in rows else {}
    return Predicted(label, guess, size, nll, positive, **several)


def class_metrics(rows: Rows, size: int) -> dict[str, float]:
    """The metrics of a teacher's check: `positions` (labels), `accuracy` over them, and the means
    of `entropy` over them and of `loss` over those that are classes."""
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


def positive_index(classes: Classes, positive: str | None, where: str) -> int | None:
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


def write_rows(rows: Rows, classes: Classes, folder: Path) -> dict[str, Any]:
    """Writes `classes.npz`, what `Classified` says, and `names.json`, the names."""
    write_atomically(folder / ROWS, lambda file: np.savez(file, **rows))
    write_atomically(folder / NAMES, json.dumps(classes.names, ensure_ascii=False))
    unknown = int((rows["label"] == classes.size).sum())
    summary: dict[str, Any] = {TEACHER_FORCED: class_metrics(rows, classes.size)}
    if unknown:
        summary["unknown_labels"] = unknown
        what = "labels" if "row" in rows else "rows have labels"
        summary["brief"] = f"{unknown:,} {what} that training lacks: none can be right"
    return summary


def class_rows(node: Node, context: Context) -> Rows:
    """What an evaluation stage has written."""
    with np.load(context.stages / node.key / ROWS, allow_pickle=False) as arrays:
        return dict(arrays)


def class_names(node: Node, context: Context) -> list[str]:
    """The names of its classes."""
    return read_json(context.stages / node.key / NAMES)


def in_lines(rows: Rows, values: list[str]) -> list[str]:
    """What is said of each label, a line for each row: several stand with spaces between."""
    if "row" not in rows:
        return values
    lines: list[list[str]] = [[] for _ in range(int(rows["rows"]))]
    for row, value in zip(rows["row"], values, strict=True):
        lines[row].append(value)
    return [" ".join(line) for line in lines]
