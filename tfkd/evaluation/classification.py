"""Scores of predicted classes: accuracy, F1 and Matthews' correlation, with intervals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.evaluation.bootstrap import interval, times_drawn
from tfkd.evaluation.paired import judged_difference
from tfkd.evaluation.score import Score

METRICS = ("accuracy", "f1", "matthews")


@dataclass(frozen=True)
class Predicted:
    """A classifier's guesses on a test set.

    Attributes:
        labels: int `[rows]`: the right class, 0 to C - 1; C for a label that is no class: no guess
            is right there.
        guesses: int `[rows]`: 0 to C - 1.
        classes: C.
    """

    labels: np.ndarray
    guesses: np.ndarray
    classes: int

    def counts(self, weights: np.ndarray | None = None) -> "Counts":
        """The counts of all rows, each as often as `weights` `[rows]` say."""
        labels, guesses = np.asarray(self.labels), np.asarray(self.guesses)
        weights = np.ones(len(labels)) if weights is None else weights
        right = labels == guesses
        size = self.classes + 1
        return Counts(
            right=np.bincount(labels[right], weights[right], size),
            labelled=np.bincount(labels, weights, size),
            guessed=np.bincount(guesses, weights, size),
        )


@dataclass(frozen=True)
class Counts:
    """By class, and at last of labels that are none: float64 `[C + 1]` each.

    Attributes:
        right: Rows of the class that were guessed to be of it.
        labelled: Rows of the class.
        guessed: Rows that were guessed to be of it.
    """

    right: np.ndarray
    labelled: np.ndarray
    guessed: np.ndarray


def accuracy_of(counts: Counts) -> float:
    """The share of rows that were guessed right."""
    return float(counts.right.sum() / max(counts.labelled.sum(), 1))


def f1_of(counts: Counts, positive: int | None) -> float:
    """2 tp / (labelled + guessed) of one class, or its mean over classes.

    The mean is over the classes that occur, as labels or guesses; labels that are no class count as
    one more, whose F1 is 0. A class that does not occur has the F1 0.

    Args:
        counts: The counts.
        positive: The class; None: the mean.
    """
    both = counts.labelled + counts.guessed
    each = np.divide(2 * counts.right, both, out=np.zeros_like(both), where=both > 0)
    if positive is not None:
        return float(each[positive])
    return float(each[both > 0].mean()) if (both > 0).any() else 0.0


def matthews_of(counts: Counts) -> float:
    """Matthews' correlation of labels and guesses, of any number of classes; 0 where one of the two
    is always the same.

    (s c - sum_k p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)), c right of s rows, t_k
    labelled and p_k guessed to be of class k: of two classes the phi coefficient (Matthews, 1975;
    Gorodkin, 2004, equation 8).
    """
    rows, right = counts.labelled.sum(), counts.right.sum()
    guessed, labelled = counts.guessed, counts.labelled
    spread = (rows**2 - guessed @ guessed) * (rows**2 - labelled @ labelled)
    if spread <= 0:
        return 0.0
    return float((rows * right - guessed @ labelled) / np.sqrt(spread))


def class_score(
    metric: str,
    predicted: Predicted,
    *,
    positive: int | None = None,
    samples: int = 1000,
    seed: int = 1,
) -> Score:
    """A metric with its 95 % interval, by bootstrap over rows.

    Args:
        metric: `accuracy`, `f1` or `matthews`.
        predicted: The guesses.
        positive: The class that `f1` is about; None: the mean over classes.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed.
    """
    measure = _measure(metric, positive)
    value = measure(predicted.counts())
    of = "mean" if positive is None else f"class {positive}"
    name = {"accuracy": "acc:first", "f1": f"f1:{of}", "matthews": "mcc:phi"}[metric]
    rows = len(predicted.labels)
    signature = f"{name}|classes:{predicted.classes}|rows:{rows}"
    if samples <= 1 or not rows:
        return Score(name=metric, value=value, low=None, high=None, signature=signature)
    low, high = interval(_sampled(measure, predicted, samples, seed))
    return Score(
        name=metric,
        value=value,
        low=low,
        high=high,
        signature=f"{signature}|bs:{samples}|seed:{seed}",
    )


def paired_classes(
    metric: str,
    system: Predicted,
    baseline: Predicted,
    *,
    positive: int | None = None,
    samples: int = 1000,
    seed: int = 1,
) -> dict[str, Any]:
    """Paired bootstrap of two classifiers on the same rows; see `paired.paired_bootstrap`.

    Raises:
        ValueError: They have other numbers of rows.
    """
    if len(system.labels) != len(baseline.labels):
        raise ValueError(
            "Invalid value for argument `baseline`. Expected as many rows as the system has. "
            f"Received: {len(system.labels)} and {len(baseline.labels)}"
        )
    measure = _measure(metric, positive)
    drawn = [_sampled(measure, one, samples, seed) for one in (system, baseline)]
    return judged_difference(*drawn, measure(system.counts()), measure(baseline.counts()))


def confusion(predicted: Predicted) -> list[tuple[int, int, int]]:
    """(label, guess, rows) of all pairs that occur, the most frequent first.

    A label that is no class is C.
    """
    size = predicted.classes + 1
    pairs = np.asarray(predicted.labels) * size + np.asarray(predicted.guesses)
    cells, counts = np.unique(pairs, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        (int(cells[at] // size), int(cells[at] % size), int(counts[at])) for at in order
    ]  # fmt: skip


def _measure(metric: str, positive: int | None) -> Callable[[Counts], float]:
    if metric not in METRICS:
        raise ValueError(
            f"Invalid value for argument `metric`. Expected one of {', '.join(METRICS)}. "
            f"Received: metric={metric!r}"
        )
    if metric == "f1":
        return lambda counts: f1_of(counts, positive)
    return accuracy_of if metric == "accuracy" else matthews_of


def _sampled(
    measure: Callable[[Counts], float], predicted: Predicted, samples: int, seed: int
) -> np.ndarray:
    """The metric of each bootstrap sample, float64 `[samples]`."""

    def values() -> Iterator[float]:
        for block in times_drawn(len(predicted.labels), samples, seed):
            for weights in block:
                yield measure(predicted.counts(weights))

    return np.fromiter(values(), np.float64, samples)
