"""What a model predicts where the words that it reads are the right ones: sums by row."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.side_by_side import side_by_side
from tfkd.evaluation import RowSums
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.measured_batches import batches_of
from tfkd.pipeline.tasks.task import Measured

# Batches of a shard: a quarter of a million tokens.
BATCHES = 64


class TeacherForced:
    """A model's predictions of the words that its view selects, summed by row.

    Args:
        model: A language model.
        examples: The rows.
        view: Which words are hidden and predicted; the same ones at each call.
        top_k: Also how often the right word is among the first K.
    """

    def __init__(self, model: Any, examples: ExampleSet, view: Any, top_k: int = 0):
        from tfkd.objectives.prediction import predictor

        self._predict = predictor(model, top_k)
        self._batches = batches_of(examples, view)
        self._rows, self._name = len(examples), view.name

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self._batches)

    def rows(self) -> dict[str, np.ndarray]:
        """Sums over each row, float64 `[rows]`; see `objectives.prediction_sums.row_sums`."""
        return joined([self.part(0, len(self))], self._rows)

    def part(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Sums over the rows of the batches first ... last - 1, and which rows these are, as
        `examples`."""
        from tfkd.objectives.prediction_sums import row_sums
        from tfkd.objectives.term import predicted_side

        found: dict[str, list[np.ndarray]] = {}

        def predict(batch: Any) -> dict[str, np.ndarray]:
            return self._predict(batch[self._name])

        batches = (self._batches.batch(number) for number in range(first, min(last, len(self))))
        for batch, predictions in side_by_side(predict, batches):
            record = batch[self._name]
            sums = row_sums(predictions, predicted_side(record)["selected"])
            for name, values in {"examples": batch["examples"], **sums}.items():
                found.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in found.items()}

    def sums(self) -> RowSums:
        """What metrics are counted from."""
        sums = self.rows()
        return RowSums(sums["nll"], sums["correct"], sums["positions"])


def joined(parts: Iterable[Mapping[str, Any]], rows: int) -> dict[str, np.ndarray]:
    """Sums over each of all rows, float64 `[rows]`, of parts that have those of some rows each."""
    totals: dict[str, np.ndarray] = {}
    for part in parts:
        for name, values in part.items():
            if name != "examples":
                into = totals.setdefault(name, np.zeros(rows))
                into[np.asarray(part["examples"], np.int64)] = values
    return totals


def row_shards(
    on: Measured, model: Callable[[], Any], folder: StageFolder, top_k: int
) -> OutputShards | None:
    """An evaluation's sums by row, `BATCHES` batches a shard; None: it has no more than one.

    Args:
        on: What it is measured on.
        model: Loads the model.
        folder: The evaluation's.
        top_k: As of `TeacherForced`.
    """
    batches = len(batches_of(on.examples, on.view))
    if batches <= BATCHES:
        return None
    starts = range(0, batches, BATCHES)
    forced = cache(lambda: TeacherForced(model(), on.examples, on.view, top_k))

    def make(number: int) -> dict[str, list[float]]:
        on.context.deadline.check()
        found = forced().part(starts[number], starts[number] + BATCHES)
        return {name: values.tolist() for name, values in found.items()}

    return OutputShards(folder, [f"rows-{start:07d}.json" for start in starts], make)


def rows_measured(
    on: Measured, model: Any, folder: StageFolder, top_k: int
) -> dict[str, np.ndarray]:
    """The sums of all rows; of an evaluation in shards those that are not there are made."""
    shards = row_shards(on, lambda: model, folder, top_k)
    if shards is None:
        return TeacherForced(model, on.examples, on.view, top_k).rows()
    parts = (shards.content(number) for number in range(len(shards)))
    return joined(parts, len(on.examples))
