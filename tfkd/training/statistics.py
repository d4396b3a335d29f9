"""What a step counts, as one vector on the device, and what is shown of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np


class Totals:
    """Sums of the steps' statistics since the last line of the history.

    Each step leaves one vector on the device; they are read back together when a line is written,
    so that no step waits for the device. Sums are float64 and taken in the order of the steps, so
    that a training which was interrupted in between comes to the same line.

    Attributes:
        steps: How many steps were added up.
        sums: float64, an entry for each of the vector's.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.sums = np.zeros(0)
        self._pending: list[Any] = []

    def add(self, vector: Any) -> None:
        """Takes a step's vector, without reading it."""
        self._pending.append(vector)

    def pending(self, index: int) -> np.ndarray:
        """A vector that was not read yet; -1 is the last step's."""
        return np.asarray(self._pending[index], np.float64)

    def settle(self) -> None:
        """Reads what is pending."""
        for vector in self._pending:
            values = np.asarray(vector, np.float64)
            self.sums = self.sums + values if self.steps else values
            self.steps += 1
        self._pending.clear()

    def clear(self) -> None:
        """Starts anew."""
        self.steps = 0
        self.sums = np.zeros(0)
        self._pending.clear()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        self.settle()
        return {"steps": self.steps, "sums": self.sums.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint."""
        self.clear()
        self.steps = state["steps"]
        self.sums = np.asarray(state["sums"], np.float64)


def line_of(totals: Totals, names: list[str]) -> dict[str, Any]:
    """The shown means of some steps.

    A term's value is its sum over all of the steps divided by its count over all of them; a term
    that counted nothing (as of batches that the student wrote alone) has none. Loss, norm and the
    combiner's metrics are means over steps. Steps that were skipped
    (see `tfkd.training.optimization.loss_scale`) count in none of them; where all were, nothing is
    shown.

    Args:
        totals: Settled.
        names: What the entries are: "loss", "norm", "sum/TERM", "count/TERM", "metric_sum/NAME",
            "metric_count/NAME", "combiner/NAME", "skipped".

    Returns:
        `{"loss", "terms": {}, "metrics": {}, "gradient_norm"}`, and "combiner" where there is one;
        empty without a step.
    """
    values = dict(zip(names, totals.sums.tolist(), strict=True))
    steps = totals.steps - round(values.get("skipped", 0))
    if not steps:
        return {}

    def ratios(top: str, bottom: str) -> dict[str, float]:
        return {
            name.removeprefix(top): value / count
            for name, value in values.items()
            if name.startswith(top) and (count := values[bottom + name.removeprefix(top)]) > 0
        }

    line = {
        "loss": values["loss"] / steps,
        "terms": ratios("sum/", "count/"),
        "metrics": ratios("metric_sum/", "metric_count/"),
        "gradient_norm": values["norm"] / steps,
    }
    combiner = {
        name.removeprefix("combiner/"): value / steps
        for name, value in values.items()
        if name.startswith("combiner/")
    }
    return {**line, "combiner": combiner} if combiner else line
