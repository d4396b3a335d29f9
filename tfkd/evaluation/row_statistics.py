"""A system's rows as a metric counts them: statistics [rows, n], of whose sums it is a function.

Whatever the task, two systems in this form are compared by one test on the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.evaluation.classification import Counts, Predicted, measure_of
from tfkd.evaluation.moses import moses_tokens
from tfkd.evaluation.paired import paired_difference
from tfkd.evaluation.verdict import BOOTSTRAP

# Metrics that are e to the power of a sum over another.
_EXPONENTIAL = frozenset({"perplexity", "word_perplexity", "word_perplexity_with_line_ends"})


@dataclass(frozen=True)
class RowStatistics:
    """What a metric sums over the rows of a test set, of one system.

    Attributes:
        values: [rows, n].
        of_sums: Sums [..., n] -> values of the metric [...].
    """

    values: np.ndarray
    of_sums: Callable[[np.ndarray], np.ndarray]

    @property
    def score(self) -> float:
        """The metric of all rows."""
        # Rows of classes are small integers.
        return float(self.of_sums(self.values.sum(0, dtype=np.float64)))

    def less(self, other: "RowStatistics", samples: int, seed: int) -> dict[str, Any]:
        """`paired.paired_bootstrap` of this system less another on the same rows; p of the same
        samples, since trials cost more than they say of a trivial system."""
        return paired_difference(
            self.values, other.values, self.score, other.score, self.of_sums, samples, seed,
            p_by=BOOTSTRAP,
        )  # fmt: skip


def text_statistics(
    metric: str,
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    tokens: Callable[[str], str] | None = None,
    **settings: Any,
) -> RowStatistics:
    """Of outputs beside references.

    Args:
        metric: One of `TEXT_SCORES`.
        outputs: A line a row.
        references: One reference a row.
        tokens: Puts spaces between words, for tokenised BLEU; default `moses_tokens`.
        **settings: As in `text_metrics.metric_named`.
    """
    # Imported here: sacreBLEU is of no use to classes and likelihoods.
    from tfkd.evaluation.text_metrics import metric_named

    measure = metric_named(metric, **settings)
    if metric == "tokenized_bleu":
        split = tokens or moses_tokens
        outputs, references = ([split(line) for line in lines] for lines in (outputs, references))
    return RowStatistics(measure.statistics(outputs, references), measure.of_sums)


def class_statistics(
    metric: str, predicted: Predicted, positive: int | None = None
) -> RowStatistics:
    """Of guessed classes.

    Args:
        metric: `accuracy`, `f1` or `matthews`.
        predicted: The guesses.
        positive: The class that `f1` is about; None: the mean over classes.
    """
    measure = measure_of(metric, positive)
    return RowStatistics(predicted.statistics(), lambda sums: measure(Counts.of_sums(sums)))


def ratio_statistics(metric: str, sums: np.ndarray, counts: np.ndarray) -> RowStatistics:
    """Of sums of rows over counts of rows: `loss`, `accuracy`, and perplexities, which are e to the
    power of it."""
    values = np.stack([np.asarray(part, np.float64) for part in (sums, counts)], 1)
    return RowStatistics(values, _exponential if metric in _EXPONENTIAL else _ratio)


def _ratio(sums: np.ndarray) -> np.ndarray:
    # A drawing of rows without a single token has sums of 0.
    return sums[..., 0] / np.maximum(sums[..., 1], np.finfo(np.float64).tiny)


def _exponential(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(_ratio(sums))
