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
        against: A baseline's outputs.
        edges: The first length of each bucket, rising; the last bucket has no end. Default:
            those of `EDGES`.
        of: Whose length in words sorts the rows: `reference`, so that two systems are compared on
            the same rows and a too short output stays where it belongs; or `output`, as in the
            paper's figure 2: each system's rows are sorted by its own.
        least_rows: A bucket in which either system has fewer rows joins its neighbour: such a
            score says nothing.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer, which also counts the lengths.
        metric: `bleu`, `chrf`, `rouge_1`, `rouge_2` or `rouge_l`.
        stem, words: As in `rouge`.

    Returns:
        For each bucket with rows, in order: `from`, `to` (the last length in it; None: no end),
        `rows`, `value`, `against` (None without a baseline); with `of="output"` and a baseline
        `against_rows`, too: how many of the baseline's outputs have these lengths.
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
    # The statistics start with the lengths of output and reference.
    column = 1 if of == "reference" else 0
    systems = [hypotheses] if against is None else [hypotheses, against]
    sums, bucket, counts = [], [], []
    for outputs in systems:
        lengths = counted.statistics(outputs, references)[:, column]
        bucket.append(np.maximum(np.searchsorted(edges, lengths, side="right") - 1, 0))
        counts.append(np.bincount(bucket[-1], minlength=len(edges)))
        sums.append(measure.statistics(outputs, references))
    buckets = []
    for first, last in _joined(counts, least_rows):
        inside = [(places >= first) & (places <= last) for places in bucket]
        values = [measure.value(ours[rows]) for ours, rows in zip(sums, inside, strict=True)]
        one = {
            "from": int(edges[first]),
            "to": int(edges[last + 1]) - 1 if last + 1 < len(edges) else None,
            "rows": int(inside[0].sum()),
            "value": values[0],
            "against": values[1] if against is not None else None,
        }
        if of == "output" and against is not None:
            one["against_rows"] = int(inside[1].sum())
        buckets.append(one)
    return buckets


def _joined(counts: Sequence[np.ndarray], least: int) -> list[tuple[int, int]]:
    """Runs (first, last) of neighbouring buckets in which each system has at least `least` rows.

    Args:
        counts: Of each system, the rows of each bucket.
        least: What does not come to it joins the run before; of all that do not, one run is made.
    """
    runs: list[tuple[int, int]] = []
    last = len(counts[0]) - 1
    start, held = 0, np.zeros(len(counts), np.int64)
    for place, rows in enumerate(np.stack(counts, axis=1)):
        held = held + rows
        if held.min() >= max(1, least):
            runs.append((start, place))
            start, held = place + 1, np.zeros(len(counts), np.int64)
    return [*runs[:-1], (runs[-1][0] if runs else 0, last)]
