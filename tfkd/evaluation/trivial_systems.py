"""Trivial systems: what scores on a test set without having learnt its task.

Of texts: the source copied, an empty output, and of a model that writes one line again and again
that line everywhere. Of classes: the most frequent one of training. Of
the words of a text: their frequencies in training, a unigram model. A model whose scores are not
clearly better than theirs has not been shown to have learnt anything, whatever they are.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.evaluation.classification import Predicted
from tfkd.evaluation.counted import Counted
from tfkd.evaluation.products import RowSums
from tfkd.evaluation.verdicts.verdict import BOOTSTRAP
from tfkd.spec.metrics import higher_is_better

COPY, EMPTY, CONSTANT = "copy", "empty", "constant"
MAJORITY, UNIGRAM = "majority", "unigram"
# A line is a model's own for all sources from this share of its outputs on.
_OFTEN = 0.05
# Where frequencies were counted.
TRAINING, TEST = "training", "test"


def trivial_outputs(sources: Sequence[str]) -> dict[str, list[str]]:
    """What the trivial systems of text write for these sources, by kind."""
    return {COPY: list(sources), EMPTY: [""] * len(sources)}


def constant_outputs(outputs: Sequence[str]) -> list[str] | None:
    """A model's most frequent output for every row; None: no line of it is frequent.

    A model that is not clearly better than this does not read its sources.
    """
    ((line, times),) = Counter(outputs).most_common(1) or [("", 0)]
    frequent = line.strip() and times >= max(2, _OFTEN * len(outputs))
    return [line] * len(outputs) if frequent else None


@dataclass(frozen=True)
class Frequencies:
    """How often each of V classes, or pieces of a vocabulary, was counted.

    Attributes:
        counts: `[V]`.
        of: Where: `TRAINING` or `TEST`.
    """

    counts: np.ndarray
    of: str

    @property
    def most_frequent(self) -> int:
        """The most frequent one; of equally frequent ones the first."""
        return int(np.argmax(self.counts))

    @property
    def nats(self) -> np.ndarray:
        """-log p of each, float64 `[V]`, p(k) = (c_k + 1) / (sum of c + V): none is impossible."""
        counts = np.asarray(self.counts, np.float64)
        return math.log(counts.sum() + len(counts)) - np.log(counts + 1)


def majority(
    labels: np.ndarray, frequencies: Frequencies, positive: int | None = None
) -> Predicted:
    """The system that guesses the most frequent class, with the frequencies as probabilities.

    Args:
        labels: int `[rows]`: the right class, 0 to C - 1; C for a label that is no class.
        frequencies: Of the C classes.
        positive: The class that `f1` is about.
    """
    labels = np.asarray(labels)
    guesses = np.full(len(labels), frequencies.most_frequent)
    nats = np.append(frequencies.nats, 0.0)[labels]
    return Predicted(labels, guesses, len(frequencies.counts), nats, positive)


def unigram(tokens: np.ndarray, places: np.ndarray, rows: int, frequencies: Frequencies) -> RowSums:
    """The system that predicts each token by its frequency, whatever stands before it.

    Args:
        tokens: int `[N]`: the tokens that are predicted.
        places: int `[N]`: the row of each.
        rows: Rows of the test set.
        frequencies: Of the vocabulary.

    Returns:
        Sums over each row; `correct` are the times that the most frequent token is right.
    """
    each = {
        "nll": frequencies.nats[tokens],
        "correct": np.asarray(tokens) == frequencies.most_frequent,
        "tokens": np.ones(len(tokens)),
    }
    return RowSums(**{name: np.bincount(places, one, rows) for name, one in each.items()})


def beside(
    kind: str,
    system: Mapping[str, Counted],
    trivial: Mapping[str, Counted],
    *,
    samples: int,
    seed: int,
    **said: Any,
) -> dict[str, Any]:
    """A trivial system's entry in results.json: its scores, and the system's less these.

    Args:
        kind: One of the five.
        system: The system's rows by metric.
        trivial: The trivial system's on the same rows; a metric that it lacks is left out.
        samples, seed: Of the paired test.
        **said: What else there is to say of it.

    Returns:
        `kind`, what was said, and `metrics`: for each metric what `paired_bootstrap` returns; one
        that is no number on either side (of a model that has diverged) is left out.
    """
    metrics = {}
    for metric, ours in system.items():
        if metric in trivial and np.isfinite(ours.statistics).all():
            # p of the same samples: trials cost more than they say of a trivial system.
            found = ours.less(trivial[metric], samples, seed, p_by=BOOTSTRAP)
            if all(math.isfinite(value) for name, value in found.items() if name != "p_by"):
                metrics[metric] = found
    return {"kind": kind, **said, "metrics": metrics}


def clearly_better(metric: str, found: Mapping[str, float]) -> bool:
    """Whether a paired difference's 95 % interval lies on the better side of 0."""
    return found["low"] > 0 if higher_is_better(metric) else found["high"] < 0
