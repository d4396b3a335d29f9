"""Two systems on the same rows: how far apart they are, and whether that may be chance.

The interval of their difference comes of the paired bootstrap, p of approximate randomization.

References:
    Koehn, 2004, Statistical Significance Tests for Machine Translation Evaluation, section 4.
    Riezler and Maxwell, 2005, On Some Pitfalls in Automatic Evaluation and Significance Testing
    for MT, which finds the bootstrap's p too small.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.approximate_randomization import TRIALS, randomized_p
from tfkd.evaluation.bootstrap import interval, resampled_sums
from tfkd.evaluation.moses import moses_tokens
from tfkd.evaluation.text_metrics import metric_named
from tfkd.evaluation.verdict import P_BY, RANDOMIZATION


def paired_bootstrap(
    system: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[str],
    metric: str = "bleu",
    samples: int = 1000,
    seed: int = 1,
    *,
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
    lower_case: bool = False,
    tokenize: str = "13a",
    tokens: Callable[[str], str] | None = None,
    stem: bool = False,
    words: str = "unicode",
) -> dict[str, Any]:
    """Compares two systems' outputs on the same rows.

    Both are scored on each of the same bootstrap samples of rows, and on the same rows shuffled
    between them.

    Args:
        system: The system's outputs.
        baseline: The baseline's outputs, row by row.
        references: One reference a row.
        metric: `bleu`, `chrf`, `tokenized_bleu`, `rouge_1`, `rouge_2` or `rouge_l`.
        samples: Bootstrap samples.
        seed: Their seed, and that of the trials; sacreBLEU's `--paired-bs` and `--paired-ar` draw
            the same with SACREBLEU_SEED=seed.
        trials: Of the approximate randomization.
        p_by: `approximate_randomization`, or `bootstrap` for the p of sacreBLEU's `--paired-bs`.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer, for BLEU.
        tokens: Puts spaces between words, for tokenised BLEU; default `moses_tokens`.
        stem, words: As in `rouge`.

    Returns:
        `value`: the baseline's score, `value_low`, `value_high`: its 95 % interval; `delta`: the
        system's less the baseline's; `low`, `high`: the 95 % interval of delta; `p`: two-sided, by
        `approximate_randomization`, and `p_by`; `wins`: the share of samples in which the system
        scores higher (Koehn's own figure).

        By `bootstrap` p is (c + 1) / (samples + 1), c the samples whose |difference|, less the mean
        of these, exceeds |delta| (and 1 where no sample differs at all). Of a large difference it
        weighs one tail, so that below 0.05 the interval may still have 0 within; of none it is
        about 0.4.
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
        ours, theirs, measure.value(ours), measure.value(theirs), measure.of_sums,
        samples, seed, trials=trials, p_by=p_by,
    )  # fmt: skip


def paired_difference(
    ours: np.ndarray,
    theirs: np.ndarray,
    our_value: float,
    their_value: float,
    of_sums: Callable[[np.ndarray], np.ndarray],
    samples: int,
    seed: int,
    *,
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
) -> dict[str, Any]:
    """`paired_bootstrap` on statistics [rows, n] of any metric that is a function of sums."""
    if len(ours) != len(theirs):
        raise ValueError(
            "Invalid value for argument `baseline`. Expected as many rows as the system has. "
            f"Received: {len(ours)} and {len(theirs)}"
        )
    drawn = [of_sums(resampled_sums(statistics, samples, seed)) for statistics in (ours, theirs)]
    return judged_difference(
        *drawn,
        our_value,
        their_value,
        lambda: randomized_p(ours, theirs, of_sums, trials, seed),
        p_by,
    )


def judged_difference(
    our_samples: np.ndarray,
    their_samples: np.ndarray,
    our_value: float,
    their_value: float,
    randomized: Callable[[], float],
    p_by: str = RANDOMIZATION,
) -> dict[str, Any]:
    """What `paired_bootstrap` returns, from both scores on each of the same samples [samples], and
    `randomized`, which computes the p of approximate randomization."""
    if p_by not in P_BY:
        raise ValueError(
            f"Invalid value for argument `p_by`. Expected one of {', '.join(P_BY)}. "
            f"Received: p_by={p_by!r}"
        )
    differences = our_samples - their_samples
    delta = float(our_value - their_value)
    low, high = interval(differences)
    value_low, value_high = interval(their_samples)
    return {
        "value": float(their_value),
        "value_low": value_low,
        "value_high": value_high,
        "delta": delta,
        "low": low,
        "high": high,
        "p": randomized() if p_by == RANDOMIZATION else _bootstrap_p(differences, delta),
        "p_by": p_by,
        "wins": float(np.mean(differences > 0)),
    }


def _bootstrap_p(differences: np.ndarray, delta: float) -> float:
    """sacreBLEU's, of the samples' differences."""
    sizes = np.abs(differences)
    beyond = int(np.sum(sizes - sizes.mean() > abs(delta)))
    # Two systems with the same outputs differ in no sample: nothing speaks for a difference.
    return (beyond + 1) / (len(sizes) + 1) if sizes.any() or delta else 1.0
