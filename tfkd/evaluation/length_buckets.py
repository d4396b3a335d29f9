"""A metric by length: where a system wins and where it loses.

Reference: Chen et al., 2020, Distilling Knowledge Learned in BERT for Text Generation, section 4.5
and figure 2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfkd.evaluation.counted import Counted

EDGES = (1, 6, 9, 12, 15, 19, 25, 35)


def by_length(
    systems: Sequence[Counted],
    lengths: Sequence[np.ndarray],
    *,
    edges: Sequence[int] | None = None,
    of: str = "reference",
    least_rows: int = 10,
) -> list[dict[str, Any]]:
    """The score of the rows in each bucket of lengths.

    Args:
        systems: The system's rows and, where there is one, a baseline's.
        lengths: For each system the length in words that sorts each row, int `[rows]`.
        edges: The first length of each bucket, rising; the last bucket has no end. Default:
            those of `EDGES`.
        of: Whose lengths these are: `reference`, so that two systems are compared on the same rows
            and a too short output stays where it belongs; or `output`, as in the paper's figure 2:
            each system's rows are sorted by its own.
        least_rows: A score of fewer rows says nothing. Of references such a bucket joins its
            neighbour; of outputs, whose buckets are held against other systems', it has no score.

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
    places = [np.maximum(np.searchsorted(edges, one, side="right") - 1, 0) for one in lengths]
    counts = [np.bincount(one, minlength=len(edges)) for one in places]
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
            one.metric.value(one.statistics[here]) if of == "reference" or count >= least else None
            for one, here, count in zip(systems, inside, rows, strict=True)
        ]
        bucket = {
            "from": int(edges[first]),
            "to": int(edges[last + 1]) - 1 if last + 1 < len(edges) else None,
            "rows": rows[0],
            "value": values[0],
            "against": values[1] if len(systems) > 1 else None,
        }
        if of == "output" and len(systems) > 1:
            bucket["against_rows"] = rows[1]
        buckets.append(bucket)
    return buckets


def _joined(rows: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Runs (first, last) of neighbouring buckets with at least `least` rows each; what does not
    come to it joins the run before."""
    runs: list[tuple[int, int]] = []
    start, held, last = 0, 0, len(rows) - 1
    for index, count in enumerate(rows):
        held += int(count)
        if held >= least:
            runs.append((start, index))
            start, held = index + 1, 0
    return [*runs[:-1], (runs[-1][0] if runs else 0, last)]
