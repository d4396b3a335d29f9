"""The best that anyone can do on a test set that a grammar with known probabilities has made."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tfkd.data.grammars.everyday import Row, with_ceiling
from tfkd.evaluation import Counted, RowSums
from tfkd.evaluation.asked_metrics import metrics_of
from tfkd.evaluation.metrics import OUTPUTS, TEACHER_FORCED
from tfkd.spec.metrics import OF_WORDS, product_of

# What an evaluation's `ceiling` is of.
GRAMMAR = "the grammar that made the rows"


def known_rows(corpus: Any, sources: Sequence[str], references: Sequence[str]) -> list[Row] | None:
    """What the grammar knows of each row of a corpus; None of a corpus that it did not make."""
    if getattr(corpus, "generated", None) != "everyday" or corpus.only:
        return None
    lower = corpus.lower_case
    found: dict[tuple[str, str], Row] = {}
    for row in _made(corpus.rows, corpus.seed):
        pair = (row.german, row.english)
        found[(pair[0].lower(), pair[1].lower()) if lower else pair] = row
    pairs = zip(sources, references, strict=True)
    rows = [found.get(pair) for pair in pairs]
    return None if None in rows else rows


@lru_cache(maxsize=2)  # each system of a test set asks for the same
def _made(rows: int, seed: int) -> tuple[Row, ...]:
    return tuple(with_ceiling(rows, seed))


def ceiling(
    rows: Sequence[Row],
    sources: Sequence[str],
    references: Sequence[str],
    tokens: np.ndarray | None,
    options: Any,
    *,
    lower_case: bool,
) -> Mapping[str, Any]:
    """Scores of the distribution that the references were drawn from.

    Of outputs, the score of its most probable translations; of `loss` and `perplexity`, its own:
    -sum log p(reference | source) over the tokens that a model is asked for. A model that did
    better would have seen the references.

    Args:
        rows: What is known of each row.
        sources, references: The corpus's.
        tokens: `[rows]`: target tokens of each, the end counted; None: likelihoods are left out.
        options: The evaluation's.
        lower_case: Whether the corpus is lower-cased.

    Returns:
        Scores by metric, as of a system.
    """
    likeliest = [row.likeliest.lower() if lower_case else row.likeliest for row in rows]
    known: dict[str, Any] = {OUTPUTS: likeliest}
    if tokens is not None:
        # How often its first guess would be right is not known.
        nats = np.array([-row.log_probability for row in rows])
        known[TEACHER_FORCED] = RowSums(nats, np.full(len(rows), np.nan), tokens)
    found: dict[str, Any] = {}
    for metric in metrics_of(options):
        kind = product_of(metric, OF_WORDS)
        if kind in known:
            counted = Counted.of(metric, known[kind], references, sources)
            if np.isfinite(counted.statistics).all():
                drawn = counted.score(samples=options.bootstrap, seed=options.seed)
                found[metric.name] = drawn.as_dict()
    return found
