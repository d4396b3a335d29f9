"""Figures that are one sum over another: loss, perplexity, accuracy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.evaluation.approximate_randomization import TRIALS
from tfkd.evaluation.bootstrap import interval, resampled_sums
from tfkd.evaluation.score import Score
from tfkd.evaluation.verdict import RANDOMIZATION

Sums = float | np.ndarray
WITH_LINE_ENDS = "word_perplexity_with_line_ends"


def loss(sums: Sums, counts: Sums, *, samples: int = 1000, seed: int = 1) -> Score:
    """Negative log-likelihood in nats a token: sum of sums / sum of counts.

    Args:
        sums: Summed negative log-likelihoods, one for each row of the test set [rows]; or their
            total, and then there is no interval.
        counts: The rows' numbers of tokens, ends included, in the same form.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed.
    """
    return _ratio("loss", "nll:nats", sums, counts, samples, seed)


def perplexity(sums: Sums, counts: Sums, *, samples: int = 1000, seed: int = 1) -> Score:
    """exp(loss): sums and counts as for `loss`; its interval is the loss's, exponentiated."""
    found = _ratio("perplexity", "ppl:exp", sums, counts, samples, seed)
    return Score(
        name=found.name,
        value=float(np.exp(found.value)),
        low=None if found.low is None else float(np.exp(found.low)),
        high=None if found.high is None else float(np.exp(found.high)),
        signature=found.signature,
    )


def word_perplexity(
    sums: Sums, counts: Sums, *, line_ends: bool = False, samples: int = 1000, seed: int = 1
) -> Score:
    """exp(negative log-likelihood of a text / words of its tokenized original).

    A model of pieces is compared with one of words: the sum runs over all pieces and separators of
    the text, whatever the divisor. Of a uniform model over V pieces it is V^(pieces / words).

    Args:
        sums: Negative log-likelihoods, as for `loss`.
        counts: The rows' numbers of words, in the same form; with those of their lines' ends where
            these count as words.
        line_ends: Whether they do: named so.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed.

    Reference: P4, LightPAFF, table 9; Radford et al. 2019, section 3.1.
    """
    name = WITH_LINE_ENDS if line_ends else "word_perplexity"
    kind = "ppl:words+ends" if line_ends else "ppl:words"
    found = _ratio(name, kind, sums, counts, samples, seed)
    low, high = (
        None if bound is None else float(np.exp(bound)) for bound in (found.low, found.high)
    )
    return Score(
        name=name, value=float(np.exp(found.value)), low=low, high=high, signature=found.signature
    )


def accuracy(correct: Sums, counts: Sums, *, samples: int = 1000, seed: int = 1) -> Score:
    """The share of positions where the first guess is right, 0 to 1; arguments as for `loss`."""
    return _ratio("accuracy", "acc:first", correct, counts, samples, seed)


def paired_ratio(
    system: tuple[np.ndarray, np.ndarray],
    baseline: tuple[np.ndarray, np.ndarray],
    *,
    of_ratio: Callable[[np.ndarray], np.ndarray] = lambda ratio: ratio,
    samples: int = 1000,
    seed: int = 1,
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
) -> dict[str, Any]:
    """Compares two ratios on the same rows; see `paired.paired_bootstrap`.

    Args:
        system: (sums [rows], counts [rows]).
        baseline: The same of the baseline; its counts may differ (another tokenizer).
        of_ratio: What is compared: the ratio itself, or `np.exp` for perplexities.
        samples: Bootstrap samples.
        seed: Their seed, and that of the trials.
        trials: Of the approximate randomization.
        p_by: What p is computed by.
    """
    from tfkd.evaluation.paired import paired_difference

    ours, theirs = (np.stack([np.asarray(part) for part in side], 1) for side in (system, baseline))

    def values(sums: np.ndarray) -> np.ndarray:
        return of_ratio(sums[..., 0] / sums[..., 1])

    return paired_difference(
        ours, theirs, values(ours.sum(0)), values(theirs.sum(0)), values,
        samples, seed, trials=trials, p_by=p_by,
    )  # fmt: skip


def _ratio(name: str, kind: str, sums: Sums, counts: Sums, samples: int, seed: int) -> Score:
    sums, counts = np.asarray(sums, np.float64), np.asarray(counts, np.float64)
    if sums.shape != counts.shape or sums.ndim > 1:
        raise ValueError(
            "Invalid value for argument `counts`. Expected the form of sums, [rows] or one number. "
            f"Received: shapes {sums.shape} and {counts.shape}"
        )
    total = counts.sum()
    if not total > 0:
        raise ValueError(
            f"Invalid value for argument `counts`. Expected a sum above 0. Received: {total}"
        )
    value = float(sums.sum() / total)
    signature = f"{kind}|tokens:{total:.0f}"
    if not sums.ndim or samples <= 1:
        return Score(name=name, value=value, low=None, high=None, signature=signature)
    drawn = resampled_sums(np.stack([sums, counts], 1), samples, seed)
    # A sample of rows without a single token has no ratio; the corpus's own stands for it.
    ratios = np.divide(drawn[:, 0], drawn[:, 1], out=np.full(samples, value), where=drawn[:, 1] > 0)
    low, high = interval(ratios)
    return Score(
        name=name,
        value=value,
        low=low,
        high=high,
        signature=f"{signature}|rows:{len(sums)}|bs:{samples}|seed:{seed}",
    )
