"""Metrics that are one sum over another, or e to the power of it."""

from typing import TYPE_CHECKING, Any, ClassVar

from tfkd.evaluation.metrics.metric import CLASSES, TEACHER_FORCED, Metric, sampled

if TYPE_CHECKING:
    import numpy as np


class Ratio(Metric):
    """sum of sums / sum of counts, over rows; subclasses say of what.

    Attributes:
        kind: What a signature calls it.
        exponential: Whether it is e to the power of the ratio.
    """

    products = (TEACHER_FORCED, CLASSES)
    kind: ClassVar[str]
    exponential: ClassVar[bool] = False

    def parts(self, product: Any) -> tuple[Any, Any]:
        """A product's sums and counts, `[rows]` each: of negative log-likelihoods in nats."""
        return product.nll, product.tokens

    def statistics(self, product: Any, references: Any = None, sources: Any = None) -> "np.ndarray":
        """Sums and counts, float64 `[rows, 2]`."""
        import numpy as np

        sums, counts = (np.asarray(part, np.float64) for part in self.parts(product))
        if sums.shape != counts.shape or sums.ndim != 1:
            raise ValueError(
                "Invalid value for argument `product`. Expected sums and counts of the same rows. "
                f"Received: shapes {sums.shape} and {counts.shape}"
            )
        return getattr(product, "by_row", np.asarray)(np.stack([sums, counts], 1))

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        import numpy as np

        # Rows without a single token have no ratio.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = sums[..., 0] / sums[..., 1]
            return np.exp(ratio) if self.exponential else ratio

    def value(self, statistics: "np.ndarray") -> float:
        """The ratio of these rows, of 0 to 0 as of 0 to 1."""
        import numpy as np

        # Each column by itself: so its sum is the more exact one.
        sums, counts = (column.sum() for column in statistics.T)
        return float(self.of_sums(np.array([sums, counts or 1.0])))

    def signature(self, product: Any, samples: int, seed: int) -> str:
        counts = self.parts(product)[1]
        rows = [f"rows:{len(counts)}"] if samples > 1 else []
        return "|".join([self.kind, f"tokens:{counts.sum():.0f}", *rows, *sampled(samples, seed)])
