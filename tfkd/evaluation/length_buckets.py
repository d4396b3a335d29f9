"""BLEU or ROUGE by length: where a system wins and where it loses.

Reference: Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.5
and figure 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.corpus_metrics import bleu_metric
from tfkd.evaluation.text_metrics import metric_named

EDGES = (1, 6, 9, 12, 15, 19, 25, 35)


def by_length(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    against: Sequence[str] | None = None,
    edges: Sequence[int] | None = None,
    of: str = "reference",
    least_rows: int = 10,
    lower_case: bool = False,
    tokenize: str = "13a",
    metric: str = "bleu",
    stem: bool = False,
    words: str = "unicode",
) -> list[dict[str, Any]]:
    """The score of the rows in each bucket of lengths.

    Args:
        hypotheses: The system's outputs.
        references: One reference a row.
        against: A baseline's outputs, scored on the same rows.
        edges: The first length of each bucket, rising; the last bucket has no end. Default:
            those of `EDGES`.
        of: Whose length in words sorts the rows: `reference`, so that two systems are compared on
            the same rows and a too short output stays where it belongs; or `output`, the system's
            own.
        least_rows: A bucket of fewer rows joins its neighbour: such a score says nothing.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer, which also counts the lengths.
        metric: `bleu`, `chrf`, `rouge_1`, `rouge_2` or `rouge_l`.
        stem, words: As in `rouge`.

    Returns:
        For each bucket with rows, in order: `from`, `to` (the last length in it; None: no end),
        `rows`, `value`, `against` (None without a baseline).
    """
    if of not in ("reference", "output"):
        raise ValueError(
            f"Invalid value for argument `of`. Expected reference or output. Received: of={of!r}"
        )
    edges = np.asarray(EDGES if edges is None else edges)
    if np.any(np.diff(edges) <= 0) or not len(edges):
        raise ValueError(
            f"Invalid value for argument `edges`. Expected rising lengths. Received: {edges}"
        )
    measure = metric_named(metric, lower_case=lower_case, tokenize=tokenize, stem=stem, words=words)
    counted = bleu_metric(lower_case=lower_case, tokenize=tokenize)
    lengths = counted.statistics(hypotheses, references)[:, 1 if of == "reference" else 0]
    ours = measure.statistics(hypotheses, references)
    theirs = None if against is None else measure.statistics(against, references)
    bucket = np.maximum(np.searchsorted(edges, lengths, side="right") - 1, 0)
    buckets = []
    for first, last in _joined(np.bincount(bucket, minlength=len(edges)), least_rows):
        rows = (bucket >= first) & (bucket <= last)
        buckets.append(
            {
                "from": int(edges[first]),
                "to": int(edges[last + 1]) - 1 if last + 1 < len(edges) else None,
                "rows": int(rows.sum()),
                "value": measure.value(ours[rows]),
                "against": None if theirs is None else measure.value(theirs[rows]),
            }
        )
    return buckets


def _joined(rows: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Runs (first, last) of neighbouring buckets with at least `least` rows each."""
    runs: list[tuple[int, int]] = []
    start, held = 0, 0
    for place, count in enumerate(rows):
        held += int(count)
        if held >= least:
            runs.append((start, place))
            start, held = place + 1, 0
    if held and runs:
        runs[-1] = (runs[-1][0], len(rows) - 1)
    elif held:
        runs.append((0, len(rows) - 1))
    elif runs:
        runs[-1] = (runs[-1][0], runs[-1][1] if start >= len(rows) else len(rows) - 1)
    return runs
