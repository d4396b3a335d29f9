"""Scores of outputs against references: BLEU, chrF, tokenised BLEU, and their ceiling."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tfkd.evaluation.bootstrap import interval, resampled_sums
from tfkd.evaluation.corpus_metrics import (
    CorpusMetric,
    bleu_metric,
    chrf_metric,
)
from tfkd.evaluation.moses import moses_tokens
from tfkd.evaluation.score import Score


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    lower_case: bool = False,
    tokenize: str = "13a",
    samples: int = 1000,
    seed: int = 1,
) -> Score:
    """sacreBLEU's corpus BLEU with a 95 % bootstrap interval.

    Args:
        hypotheses: The outputs, as people write them (not tokenised).
        references: One reference a row.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer: `13a`, `zh`, `intl`, `char`, `none`.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed; sacreBLEU draws the same with SACREBLEU_SEED=seed.
    """
    return _scored(
        bleu_metric(lower_case=lower_case, tokenize=tokenize), hypotheses, references, samples, seed
    )


def chrf(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    lower_case: bool = False,
    word_order: int = 0,
    samples: int = 1000,
    seed: int = 1,
) -> Score:
    """sacreBLEU's corpus chrF2 (`word_order=2`: chrF2++) with a 95 % bootstrap interval."""
    metric = chrf_metric(lower_case=lower_case, word_order=word_order)
    return _scored(metric, hypotheses, references, samples, seed)


def tokenized_bleu(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    tokens: Callable[[str], str] | None = None,
    lower_case: bool = False,
    samples: int = 1000,
    seed: int = 1,
) -> Score:
    """BLEU on words as they stand between spaces, unsmoothed, as multi-bleu counts it.

    The tokenisation decides such a score, so it compares only with scores on the same tokens;
    papers mostly took the Moses tokenizer's.

    Args:
        hypotheses: The outputs.
        references: One reference a row.
        tokens: Puts spaces between the words of a line, applied to both sides; default
            `moses_tokens`. Give `str` for text that is tokenised already.
        lower_case: Compare lower-cased text.
        samples: Bootstrap samples.
        seed: Their seed.
    """
    tokens = moses_tokens if tokens is None else tokens
    metric = bleu_metric(
        lower_case=lower_case, tokenize="none", smooth="none", name="tokenized_bleu"
    )
    score = _scored(
        metric, [tokens(line) for line in hypotheses], [tokens(line) for line in references],
        samples, seed,
    )  # fmt: skip
    named = getattr(tokens, "name", None) or getattr(tokens, "__name__", "own")
    words = "given" if tokens is str else named
    signature = score.signature.replace("tok:none", f"tok:{words}")
    return replace(score, signature=signature)


def round_trip(tokenizer: Any, references: Sequence[str], **options: Any) -> Score:
    """BLEU of the references written in the tokenizer's pieces and read back.

    What the tokenizer cannot write (case, characters it lacks, spaces it forgets), no model behind
    it can: the ceiling of every score on this test set.

    Args:
        tokenizer: With `encode(list of str)` and `decode_batch(ids) -> list of str`.
        references: The test set's references.
        **options: Those of `bleu`.
    """
    return bleu(tokenizer.decode_batch(tokenizer.encode(list(references))), references, **options)


def _scored(
    metric: CorpusMetric,
    hypotheses: Sequence[str],
    references: Sequence[str],
    samples: int,
    seed: int,
) -> Score:
    statistics = metric.statistics(hypotheses, references)
    low = high = None
    if samples > 1:
        low, high = interval(metric.of_sums(resampled_sums(statistics, samples, seed)))
    return Score(
        name=metric.name,
        value=metric.value(statistics),
        low=low,
        high=high,
        signature=metric.signature(samples, seed),
    )
