"""Fixed buckets of examples of like length, and how many rows a batch of each has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

UNITS = ("target_tokens", "max_tokens", "joint_tokens", "sentences")
Lengths = Mapping[str, np.ndarray]

# A bucket should fill this many batches: the last one of each bucket is not full.
_BATCHES = 4


# An encoder alone reads a source without a target.
_SIDES = ("source", "target")


def cost_of(lengths: Lengths, unit: str) -> np.ndarray:
    """What each example counts for in a batch's size, int64 `[N]`.

    - target_tokens: the target's tokens; the sequence's where not all examples have a target.
    - max_tokens: max(source, target), or the sequence's tokens.
    - joint_tokens: source + target, or the sequence's tokens.
    - sentences: 1.

    Special tokens count. For max_tokens a batch counts rows times its largest, as P1's does; for
    the others it counts the sum.
    """
    if unit not in UNITS:
        raise ValueError(
            f"Invalid value for argument `unit`. Expected one of {', '.join(UNITS)}. Received: "
            f"unit={unit}"
        )
    if unit == "sentences":
        return np.ones_like(_longest(lengths))
    if unit == "target_tokens" and "target" in lengths:
        return lengths["target"]
    if unit == "joint_tokens" and "joint" not in lengths:
        return sum(lengths[side] for side in _SIDES if side in lengths)
    return _longest(lengths)


def _longest(lengths: Lengths) -> np.ndarray:
    if "joint" in lengths:
        return lengths["joint"]
    return np.maximum.reduce([lengths[side] for side in _SIDES if side in lengths])


def bucket_length(lengths: Lengths, unit: str) -> np.ndarray:
    """The length that decides an example's bucket, int64 `[N]`."""
    return _longest(lengths) if unit == "sentences" else cost_of(lengths, unit)


def order_in_pool(lengths: Lengths) -> np.ndarray:
    """What rows of one bucket are sorted by before they are cut into batches, int64 `[N]`.

    In a bucket of pairs one side's length is settled, and source - target orders the other's; in
    one of sequences it is the length itself.
    """
    if "target" not in lengths:
        return _longest(lengths)
    return lengths["joint"] if "joint" in lengths else lengths["source"] - lengths["target"]


def within_limits(lengths: Lengths, max_length: int | Mapping[str, int] | None) -> np.ndarray:
    """Which examples are not too long, bool `[N]`.

    Args:
        lengths: As a view's `lengths` returns them.
        max_length: For every side that the view has, or by side; None: no limit.
    """
    if isinstance(max_length, Mapping):
        limits = {side: limit for side, limit in max_length.items() if limit is not None}
        if lengths.keys() == {"source"}:
            limits.pop("target", None)  # an encoder alone reads none
        unknown = sorted(set(limits) - set(lengths))
        if unknown:
            raise ValueError(
                "Invalid value for argument `max_length`. Expected sides among "
                f"{', '.join(lengths)}. Received: {', '.join(unknown)}"
            )
    else:
        whole = ["joint"] if "joint" in lengths else [s for s in _SIDES if s in lengths]
        limits = {} if max_length is None else dict.fromkeys(whole, max_length)
    keep = np.ones(len(next(iter(lengths.values()))), bool)
    for side, limit in limits.items():
        keep &= lengths[side] <= limit
    return keep


@dataclass(frozen=True)
class Bucket:
    """Examples of like length.

    Attributes:
        members: int64 `[n]`, rising.
        rows: Rows of a full batch, a multiple of `rows_multiple`.
    """

    members: np.ndarray
    rows: int


def make_buckets(
    lengths: Lengths,
    members: np.ndarray,
    repeats: np.ndarray,
    *,
    size: int,
    unit: str,
    pad_to: int,
    rows_multiple: int,
) -> list[Bucket]:
    """Cuts examples into buckets, from the longest down.

    A bucket spans `pad_to` lengths, and more while it would fill fewer than 4 batches. For
    max_tokens its rows are what fits at its largest cost; else rows times the mean cost is `size`.

    Args:
        lengths: As a view's `lengths` returns them, `[N]` each.
        members: int64, the examples to place.
        repeats: float64, how often an epoch reads each of `members`.
        size: Size of a batch in `unit`.
        unit: One of `UNITS`.
        pad_to: Widths are multiples of it.
        rows_multiple: Rows of a batch are a multiple of it, rounded down, and at least it.
    """
    length = bucket_length(lengths, unit)[members]
    cost = cost_of(lengths, unit)[members]
    order = np.argsort(-length, kind="stable")
    band = -(-length[order] // pad_to)
    cuts = np.flatnonzero(np.diff(band)) + 1
    starts = np.concatenate([[0], cuts, [len(order)]])
    # Sums before each place, so that any run's share is a difference of two.
    reads = np.concatenate([[0.0], np.cumsum(repeats[order])])
    costs = np.concatenate([[0.0], np.cumsum((repeats * cost)[order])])

    def rows_of(start: int, stop: int) -> int:
        if unit == "max_tokens":
            each = float(cost[order[start]])
        else:
            each = (costs[stop] - costs[start]) / (reads[stop] - reads[start])
        fit = int(size / each + (1e-9 if unit == "max_tokens" else 0.5))
        return max(rows_multiple, fit // rows_multiple * rows_multiple)

    runs: list[tuple[int, int]] = []
    start = 0
    for stop in starts[1:].tolist():
        if reads[stop] - reads[start] >= _BATCHES * rows_of(start, stop):
            runs.append((start, stop))
            start = stop
    if start < len(order):
        # Too few short rows are left over: they join the bucket above.
        runs.append((runs.pop()[0] if runs else 0, len(order)))
    return [
        Bucket(np.sort(members[order[start:stop]]), rows_of(start, stop)) for start, stop in runs
    ]
