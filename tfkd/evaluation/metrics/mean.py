"""Metrics that are the mean of rows' own scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.metric import Metric

if TYPE_CHECKING:
    import numpy as np


class Mean(Metric):
    """The mean over rows of a score that each has by itself; subclasses give it in `rows`."""

    def rows(
        self, product: Any, references: Sequence[str] | None, sources: Sequence[str] | None
    ) -> Sequence[float]:
        """Each row's score, `[rows]`; the arguments as of `Metric.statistics`."""
        raise NotImplementedError

    def statistics(
        self, product: Any, references: Sequence[str] | None, sources: Sequence[str] | None = None
    ) -> "np.ndarray":
        """The rows' scores and a 1 to count them, float64 `[rows, 2]`."""
        import numpy as np

        found = np.asarray(self.rows(product, references, sources), np.float64)
        return np.stack([found, np.ones(len(found))], 1)

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        return sums[..., 0] / sums[..., 1]
