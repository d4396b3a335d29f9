"""BLEU and chrF of sums over rows: sacreBLEU's formulas, for all samples at once."""

from collections.abc import Sequence

import numpy as np

_ORDERS = 4


def bleu_of_sums(sums: np.ndarray, *, halve_empty: bool = True) -> np.ndarray:
    """BLEU = 100 * min(1, exp(1 - r / h)) * exp(mean over n of log(match_n / total_n)).

    Args:
        sums: [..., 10]: hypothesis length h, reference length r, matches and totals of n-grams of
            orders 1 to 4.
        halve_empty: An order without a match counts 1 / 2^k matches, k the number of such orders
            up to it; otherwise it makes the score 0.
    """
    sums = np.asarray(sums, np.float64)
    length, reference_length = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + _ORDERS], sums[..., 2 + _ORDERS :]
    empty = matches == 0
    halved = 0.5 ** np.cumsum(empty, -1) if halve_empty else np.zeros(matches.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(empty, halved, matches) / totals
        brevity = np.where(
            length < reference_length, np.exp(1 - reference_length / np.maximum(length, 1e-300)), 1
        )
        value = 100 * brevity * np.exp(np.log(precisions).mean(-1))
    defined = matches.any(-1) & (totals > 0).all(-1)
    return np.where(defined, value, 0.0)


def chrf_of_sums(sums: np.ndarray, *, beta: float = 2.0) -> np.ndarray:
    """chrF = 100 * (1 + beta^2) * P * R / (beta^2 * P + R), means over the orders that occur.

    Args:
        sums: [..., 3 * orders]: for each order the n-grams of the hypothesis, of the reference and
            the matches.
        beta: How much more recall weighs than precision.
    """
    sums = np.asarray(sums, np.float64)
    sums = sums.reshape(*sums.shape[:-1], -1, 3)
    hypothesis, reference, match = sums[..., 0], sums[..., 1], sums[..., 2]
    occurs = (hypothesis > 0) & (reference > 0)
    orders = np.maximum(occurs.sum(-1), 1)
    precision = np.where(occurs, match / np.maximum(hypothesis, 1), 0).sum(-1) / orders
    recall = np.where(occurs, match / np.maximum(reference, 1), 0).sum(-1) / orders
    weighted = beta**2 * precision + recall
    product = (1 + beta**2) * precision * recall
    return 100 * np.where(weighted > 0, product / np.where(weighted > 0, weighted, 1), 0.0)


def check_rows(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raises ValueError unless both have the same number of rows, at least one."""
    for argument, rows in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(rows, str):
            raise TypeError(
                f"Invalid value for argument `{argument}`. Expected a list of strings. "
                "Received: one string"
            )
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(
            "Invalid value for argument `hypotheses`. Expected as many rows as references, at "
            f"least one. Received: {len(hypotheses)} hypotheses, {len(references)} references"
        )
