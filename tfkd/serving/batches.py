"""Lines of like length together."""

from collections.abc import Iterator, Sequence

# Bytes and rows of a batch. Short batches waste little on padding and on waiting for the longest.
_BATCH_BYTES = 8192
_BATCH_ROWS = 64


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Lines of like length together, longest first."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    first = 0
    while first < len(order):
        count = min(max(_BATCH_BYTES // max(lengths[order[first]], 1), 1), _BATCH_ROWS)
        yield order[first : first + count]
        first += count
