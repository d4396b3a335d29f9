"""Where to cut a corpus by a number that each row has, without sorting it in memory."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

_HALF = 1 << 16


def worse_than_share(
    blocks: Callable[[], Iterable[np.ndarray]], keep: float
) -> Iterator[np.ndarray]:
    """Which numbers are not among the smallest share, block by block.

    Of n numbers that are finite ⌈keep · n⌉ are kept, of equal ones at the cut the first; those that
    are infinite or no numbers go whatever the share. Two passes count the numbers by their upper
    and lower halves, so that memory does not grow with them.

    Args:
        blocks: Gives the numbers, float32 `[m]` each, the same in each pass.
        keep: Above 0, at most 1.

    Yields:
        bool `[m]`, true of those that go.
    """
    upper = sum((np.bincount(_ordered(one) >> 16, minlength=_HALF) for one in blocks()),
                np.zeros(_HALF, np.int64))  # fmt: skip
    wanted = int(np.ceil(round(keep * int(upper.sum()), 6)))
    if not wanted:
        yield from (np.ones(len(one), bool) for one in blocks())
        return
    half = int(np.searchsorted(np.cumsum(upper), wanted))
    below = int(upper[:half].sum())
    lower = np.zeros(_HALF, np.int64)
    for one in blocks():
        found = _ordered(one)
        lower += np.bincount(found[found >> 16 == half] & (_HALF - 1), minlength=_HALF)
    rest = int(np.searchsorted(np.cumsum(lower), wanted - below))
    cut = (half << 16) | rest
    left = wanted - below - int(lower[:rest].sum())  # of those that are equal to the cut
    for one in blocks():
        ordered = np.full(len(one), np.iinfo(np.int64).max)
        ordered[np.isfinite(one)] = _ordered(one)
        equal = np.flatnonzero(ordered == cut)
        goes = ordered >= cut
        goes[equal[:left]] = False
        left -= min(left, len(equal))
        yield goes


def _ordered(numbers: np.ndarray) -> np.ndarray:
    """Finite numbers as int64 in 0 ... 2^32 - 1, in the same order."""
    finite = numbers[np.isfinite(numbers)].astype(np.float32) + np.float32(0)  # -0.0 is 0.0
    bits = finite.view(np.uint32)
    flipped = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return flipped.astype(np.int64)
