"""Accuracy: how often the first guess is right, of words or of classes."""

from typing import Any

from tfkd.evaluation.metrics.metric import sampled
from tfkd.evaluation.metrics.ratio import Ratio


class Accuracy(Ratio):
    """The share of positions, or of a classifier's rows, whose first guess is right, 0 to 1."""

    name = "accuracy"
    title = "Accuracy"
    percent = True
    kind = "acc:first"

    def parts(self, product: Any) -> tuple[Any, Any]:
        if not hasattr(product, "labels"):
            return product.correct, product.tokens
        return product.labels == product.guesses, product.labels >= 0

    def signature(self, product: Any, samples: int, seed: int) -> str:
        if not hasattr(product, "labels"):
            return super().signature(product, samples, seed)
        return "|".join([self.kind, product.said, *sampled(samples, seed)])
