"""Paired bootstrap: is one system better than another on this test set?

Reference: Koehn, 2004, Statistical Significance Tests for Machine Translation
Evaluation, section 4.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.bootstrap import interval, resampled_sums
from tfkd.evaluation.moses import moses_tokens
from tfkd.evaluation.text_metrics import metric_named


def paired_bootstrap(
    system: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[str],
    metric: str = "bleu",
    samples: int = 1000,
    seed: int = 1,
    *,
    lower_case: bool = False,
    tokenize: str = "13a",
    tokens: Callable[[str], str] | None = None,
    stem: bool = False,
    words: str = "unicode",
) -> dict[str, Any]:
    """Compares two systems' outputs on the same rows.

    Both are scored on each of the same bootstrap samples of rows.

    Args:
        system: The system's outputs.
        baseline: The baseline's outputs, row by row.
        references: One reference a row.
        metric: `bleu`, `chrf`, `tokenized_bleu`, `rouge_1`, `rouge_2` or `rouge_l`.
        samples: Bootstrap samples.
        seed: Their seed; sacreBLEU's `--paired-bs` draws the same with SACREBLEU_SEED=seed.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer, for BLEU.
        tokens: Puts spaces between words, for tokenised BLEU; default `moses_tokens`.
        stem, words: As in `rouge`.

    Returns:
        `value`: the baseline's score, `value_low`, `value_high`: its 95 % interval; `delta`: the
        system's less the baseline's; `low`, `high`: the 95 % interval of delta; `p`: as sacreBLEU's
        `--paired-bs` computes it, (c + 1) / (samples + 1) with c the samples whose |difference|,
        less the mean of these, exceeds |delta| (and 1 where no sample differs at all); `wins`: the
        share of samples in which the system scores higher (Koehn's own figure). p weighs the tail
        on one side, as Koehn's figure does: below about 0.025 the interval leaves 0 out.
    """
    measure = metric_named(metric, lower_case=lower_case, tokenize=tokenize, stem=stem, words=words)
    if metric == "tokenized_bleu":
        split = tokens or moses_tokens
        system, baseline, references = (
            [split(line) for line in lines] for lines in (system, baseline, references)
        )
    ours = measure.statistics(system, references)
    theirs = measure.statistics(baseline, references)
    return paired_difference(
        ours, theirs, measure.value(ours), measure.value(theirs), measure.of_sums, samples, seed
    )


def paired_difference(
    ours: np.ndarray,
    theirs: np.ndarray,
    our_value: float,
    their_value: float,
    of_sums: Callable[[np.ndarray], np.ndarray],
    samples: int,
    seed: int,
) -> dict[str, Any]:
    """`paired_bootstrap` on statistics [rows, n] of any metric that is a function of sums."""
    if len(ours) != len(theirs):
        raise ValueError(
            "Invalid value for argument `baseline`. Expected as many rows as the system has. "
            f"Received: {len(ours)} and {len(theirs)}"
        )
    drawn = [of_sums(resampled_sums(statistics, samples, seed)) for statistics in (ours, theirs)]
    return judged_difference(*drawn, our_value, their_value)


def judged_difference(
    our_samples: np.ndarray, their_samples: np.ndarray, our_value: float, their_value: float
) -> dict[str, Any]:
    """What `paired_bootstrap` returns, from both scores on each of the same samples [samples]."""
    differences = our_samples - their_samples
    samples = len(differences)
    delta = float(our_value - their_value)
    low, high = interval(differences)
    value_low, value_high = interval(their_samples)
    sizes = np.abs(differences)
    beyond = int(np.sum(sizes - sizes.mean() > abs(delta)))
    return {
        "value": float(their_value),
        "value_low": value_low,
        "value_high": value_high,
        "delta": delta,
        "low": low,
        "high": high,
        # Two systems with the same outputs differ in no sample: nothing speaks for a difference.
        "p": (beyond + 1) / (samples + 1) if sizes.any() or delta else 1.0,
        "wins": float(np.mean(differences > 0)),
    }
