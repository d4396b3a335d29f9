"""Predicted classes: what is counted of them, and F1 and Matthews' correlation of the counts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Predicted:
    """A classifier's guesses on a test set.

    Attributes:
        labels: int `[rows]`: the right class, 0 to C - 1; C for a label that is no class: no guess
            is right there.
        guesses: int `[rows]`: 0 to C - 1.
        classes: C.
        nll: Negative log-likelihoods of the labels in nats, float64 `[rows]`, 0 of one that is no
            class; None: they are not known.
        positive: The class that `f1` is about; None: the mean over classes.
        row: Of several labels a row, the row that each is of: int `[labels]`, and the others above
            are of labels, too; None: each row has one.
        rows: How many rows there are then.
    """

    labels: np.ndarray
    guesses: np.ndarray
    classes: int
    nll: np.ndarray | None = None
    positive: int | None = None
    row: np.ndarray | None = None
    rows: int = 0

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """What each label adds, `[labels, ...]`, summed over each row: `[rows, ...]`."""
        if self.row is None:
            return values
        found = np.zeros((self.rows, *values.shape[1:]), np.result_type(values.dtype, np.int32))
        np.add.at(found, self.row, values)
        return found

    @property
    def tokens(self) -> np.ndarray:
        """1 for each row whose label is a class: what negative log-likelihoods are divided by."""
        return np.asarray(np.asarray(self.labels) < self.classes, np.float64)

    @property
    def said(self) -> str:
        """What a signature says of the rows."""
        rows = f"rows:{len(self.labels)}"
        if self.row is not None:
            rows = f"rows:{self.rows}|labels:{len(self.labels)}"
        return f"classes:{self.classes}|{rows}"

    def statistics(self) -> np.ndarray:
        """What each row adds to the counts: right, labelled and guessed, integers
        `[rows, 3 (C + 1)]`.

        `Counts.of_sums` takes their sums.
        """
        labels, guesses = np.asarray(self.labels), np.asarray(self.guesses)
        size = self.classes + 1
        found = np.zeros((len(labels), 3, size), np.int8)
        rows = np.arange(len(labels))
        found[rows, 0, labels] = labels == guesses
        found[rows, 1, labels] = 1
        found[rows, 2, guesses] = 1
        return self.by_row(found.reshape(len(labels), 3 * size))


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


def f1_of(counts: Counts) -> np.ndarray:
    """2 tp / (labelled + guessed) of each class, the mean over classes, `[...]`.

    The mean is over the classes that occur, as labels or guesses; labels that are no class count as
    one more, whose F1 is 0. Where none occurs it is 0.
    """
    both = counts.labelled + counts.guessed
    each = np.divide(2 * counts.right, both, out=np.zeros_like(both), where=both > 0)
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
    scale = (rows**2 - (guessed**2).sum(-1)) * (rows**2 - (labelled**2).sum(-1))
    together = rows * right - (guessed * labelled).sum(-1)
    varied = scale > 0
    return np.where(varied, together / np.sqrt(np.where(varied, scale, 1)), 0.0)


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
