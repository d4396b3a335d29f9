"""F1 and Matthews' correlation of predicted classes."""

from typing import TYPE_CHECKING, Any

from tfkd.evaluation.metrics.metric import CLASSES, Metric, sampled

if TYPE_CHECKING:
    import numpy as np


class F1(Metric):
    """2 tp / (labelled + guessed) of the positive class of two, or its mean over more; see
    `classification.f1_of`."""

    name = "f1"
    title = "F1"
    products = (CLASSES,)
    percent = of_one_class = True

    def statistics(self, product: Any, references: Any = None, sources: Any = None) -> "np.ndarray":
        """What each row adds to right, labelled and guessed: of all classes, int8
        `[rows, 3 (C + 1)]`, or of the positive one alone, `[rows, 3]`."""
        found = product.statistics()
        if product.positive is None:
            return found
        return found.reshape(len(found), 3, -1)[:, :, product.positive]

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        from tfkd.evaluation.classification import Counts, f1_of

        return f1_of(Counts.of_sums(sums))

    def signature(self, product: Any, samples: int, seed: int) -> str:
        of = "mean" if product.positive is None else f"class {product.positive}"
        return "|".join([f"f1:{of}", product.said, *sampled(samples, seed)])


class Matthews(Metric):
    """Matthews' correlation of labels and guesses; see `classification.matthews_of`."""

    name = "matthews"
    title = "Matthews’ correlation"
    products = (CLASSES,)
    decimals = 3
    proper = True

    def statistics(self, product: Any, references: Any = None, sources: Any = None) -> "np.ndarray":
        """What each row adds to right, labelled and guessed by class, int8 `[rows, 3 (C + 1)]`."""
        return product.statistics()

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        from tfkd.evaluation.classification import Counts, matthews_of

        return matthews_of(Counts.of_sums(sums))

    def signature(self, product: Any, samples: int, seed: int) -> str:
        return "|".join(["mcc:phi", product.said, *sampled(samples, seed)])
