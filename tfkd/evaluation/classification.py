"""Scores of predicted classes: accuracy, F1 and Matthews' correlation, with intervals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.evaluation.approximate_randomization import TRIALS, randomized_p
from tfkd.evaluation.bootstrap import interval, times_drawn
from tfkd.evaluation.paired import judged_difference
from tfkd.evaluation.score import Score
from tfkd.evaluation.verdict import RANDOMIZATION

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

    def statistics(self) -> np.ndarray:
        """What each row adds to the counts: right, labelled and guessed, int8 `[rows, 3 (C + 1)]`.

        `Counts.of_sums` takes their sums.
        """
        labels, guesses = np.asarray(self.labels), np.asarray(self.guesses)
        size = self.classes + 1
        found = np.zeros((len(labels), 3, size), np.int8)
        rows = np.arange(len(labels))
        found[rows, 0, labels] = labels == guesses
        found[rows, 1, labels] = 1
        found[rows, 2, guesses] = 1
        return found.reshape(len(labels), 3 * size)


@dataclass(frozen=True)
class Counts:
    """By class, and at last of labels that are none: float64 `[..., C + 1]` each.

    Attributes:
        right: Rows of the class that were guessed to be of it.
        labelled: Rows of the class.
        guessed: Rows that were guessed to be of it.
    """

    right: np.ndarray
    labelled: np.ndarray
    guessed: np.ndarray

    @classmethod
    def of_sums(cls, sums: np.ndarray) -> "Counts":
        """The counts of sums of `Predicted.statistics`, `[..., 3 (C + 1)]`."""
        return cls(*np.split(np.asarray(sums, np.float64), 3, axis=-1))


def accuracy_of(counts: Counts) -> np.ndarray:
    """The share of rows that were guessed right, `[...]`."""
    return counts.right.sum(-1) / np.maximum(counts.labelled.sum(-1), 1)


def f1_of(counts: Counts, positive: int | None) -> np.ndarray:
    """2 tp / (labelled + guessed) of one class, or its mean over classes, `[...]`.

    The mean is over the classes that occur, as labels or guesses; labels that are no class count as
    one more, whose F1 is 0. A class that does not occur has the F1 0.

    Args:
        counts: The counts.
        positive: The class; None: the mean.
    """
    both = counts.labelled + counts.guessed
    each = np.divide(2 * counts.right, both, out=np.zeros_like(both), where=both > 0)
    if positive is not None:
        return each[..., positive]
    return each.sum(-1) / np.maximum((both > 0).sum(-1), 1)


def matthews_of(counts: Counts) -> np.ndarray:
    """Matthews' correlation of labels and guesses, of any number of classes, `[...]`; 0 where one
    of the two is always the same.

    (s c - sum_k p_k t_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)), c right of s rows, t_k
    labelled and p_k guessed to be of class k: of two classes the phi coefficient (Matthews, 1975;
    Gorodkin, 2004, equation 8).
    """
    rows, right = counts.labelled.sum(-1), counts.right.sum(-1)
    guessed, labelled = counts.guessed, counts.labelled
    spread = (rows**2 - (guessed**2).sum(-1)) * (rows**2 - (labelled**2).sum(-1))
    together = rows * right - (guessed * labelled).sum(-1)
    varied = spread > 0
    return np.where(varied, together / np.sqrt(np.where(varied, spread, 1)), 0.0)


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
    measure = measure_of(metric, positive)
    value = float(measure(predicted.counts()))
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
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
) -> dict[str, Any]:
    """Compares two classifiers on the same rows; see `paired.paired_bootstrap`.

    Raises:
        ValueError: They have other numbers of rows.
    """
    if len(system.labels) != len(baseline.labels):
        raise ValueError(
            "Invalid value for argument `baseline`. Expected as many rows as the system has. "
            f"Received: {len(system.labels)} and {len(baseline.labels)}"
        )
    measure = measure_of(metric, positive)
    sides = (system, baseline)
    return judged_difference(
        *(_sampled(measure, one, samples, seed) for one in sides),
        *(float(measure(one.counts())) for one in sides),
        lambda: randomized_p(
            *(one.statistics() for one in sides),
            lambda sums: measure(Counts.of_sums(sums)),
            trials,
            seed,
        ),
        p_by,
    )


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


def measure_of(metric: str, positive: int | None) -> Callable[[Counts], np.ndarray]:
    """A metric as a function of counts; the arguments as in `class_score`."""
    if metric not in METRICS:
        raise ValueError(
            f"Invalid value for argument `metric`. Expected one of {', '.join(METRICS)}. "
            f"Received: metric={metric!r}"
        )
    if metric == "f1":
        return lambda counts: f1_of(counts, positive)
    return accuracy_of if metric == "accuracy" else matthews_of


def _sampled(
    measure: Callable[[Counts], np.ndarray], predicted: Predicted, samples: int, seed: int
) -> np.ndarray:
    """The metric of each bootstrap sample, float64 `[samples]`."""

    def values() -> Iterator[float]:
        for block in times_drawn(len(predicted.labels), samples, seed):
            for weights in block:
                yield measure(predicted.counts(weights))

    return np.fromiter(values(), np.float64, samples)
