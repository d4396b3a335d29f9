"""What a model predicts where the words that it reads are the right ones: sums by row."""

from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.side_by_side import side_by_side
from tfkd.evaluation import RowSums
from tfkd.pipeline.inputs.measured_batches import batches_of


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

    def rows(self) -> dict[str, np.ndarray]:
        """Sums over each row, float64 `[rows]`; see `objectives.prediction_sums.row_sums`."""
        from tfkd.objectives.prediction_sums import row_sums
        from tfkd.objectives.term import predicted_side

        totals: dict[str, np.ndarray] = {}

        def predict(batch: Any) -> dict[str, np.ndarray]:
            return self._predict(batch[self._name])

        for batch, predictions in side_by_side(predict, self._batches):
            record = batch[self._name]
            for name, values in row_sums(predictions, predicted_side(record)["selected"]).items():
                into = totals.setdefault(name, np.zeros(self._rows))
                into[batch["examples"]] = values
        return totals

    def sums(self) -> RowSums:
        """What metrics are counted from."""
        sums = self.rows()
        return RowSums(sums["nll"], sums["correct"], sums["positions"])
