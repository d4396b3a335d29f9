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
        least_rows: A score of fewer rows says nothing. Of references such a bucket joins its
            neighbour; of outputs, whose buckets are held against other systems', it has no score.
        lower_case: Compare lower-cased text.
        tokenize: sacreBLEU's tokenizer, which also counts the lengths.
        metric: `bleu`, `chrf`, `rouge_1`, `rouge_2` or `rouge_l`.
        stem, words: As in `rouge`.

    Returns:
        For each bucket with rows, in order: `from`, `to` (the last length in it; None: no end; the
        first also has what is shorter), `rows`, `value`, `against` (None without a baseline); with
        `of="output"` and a baseline `against_rows`, too: how many of the baseline's outputs have
        these lengths. There `value` or `against` is None where rows are few.
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
    # BLEU's statistics start with the lengths of output and reference.
    column = 1 if of == "reference" else 0
    sums, places, counts = [], [], []
    for outputs in [hypotheses] if against is None else [hypotheses, against]:
        sums.append(measure.statistics(outputs, references))
        lengths = sums[-1] if metric == "bleu" else counted.statistics(outputs, references)
        place = np.searchsorted(edges, lengths[:, column], side="right") - 1
        places.append(np.maximum(place, 0))
        counts.append(np.bincount(places[-1], minlength=len(edges)))
    least = max(1, least_rows)
    if of == "reference":
        runs = _joined(counts[0], least)
    else:
        runs = [(place, place) for place in np.flatnonzero(np.max(counts, axis=0) >= least)]
    buckets = []
    for first, last in runs:
        inside = [(place >= first) & (place <= last) for place in places]
        rows = [int(one.sum()) for one in inside]
        values = [
            measure.value(ours[one]) if of == "reference" or count >= least else None
            for ours, one, count in zip(sums, inside, rows, strict=True)
        ]
        bucket = {
            "from": int(edges[first]),
            "to": int(edges[last + 1]) - 1 if last + 1 < len(edges) else None,
            "rows": rows[0],
            "value": values[0],
            "against": values[1] if against is not None else None,
        }
        if of == "output" and against is not None:
            bucket["against_rows"] = rows[1]
        buckets.append(bucket)
    return buckets


def _joined(rows: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Runs (first, last) of neighbouring buckets with at least `least` rows each; what does not
    come to it joins the run before."""
    runs: list[tuple[int, int]] = []
    start, held, last = 0, 0, len(rows) - 1
    for place, count in enumerate(rows):
        held += int(count)
        if held >= least:
            runs.append((start, place))
            start, held = place + 1, 0
    return [*runs[:-1], (runs[-1][0] if runs else 0, last)]
