"""Approximate randomization: would two systems without a difference come as far apart?

If two systems are alike, it is chance which of them gave which of a row's two outputs. So each
row's outputs are exchanged with probability 1/2, again and again, and p is the share of these
trials that are as far apart as the two systems themselves: a two-sided test at its level, of any
metric, without an assumption on its distribution.

References:
    Noreen, 1989, Computer-Intensive Methods for Testing Hypotheses, chapter 2.
    Riezler and Maxwell, 2005, On Some Pitfalls in Automatic Evaluation and Significance Testing
    for MT, section 4.
"""

from collections.abc import Callable, Iterator

import numpy as np

# As many as sacreBLEU's: enough to tell a p of 0.001.
TRIALS = 10_000
# Rows exchanged at once: bounds the memory at 8 bytes each, whatever the test set's size.
_DRAWS_AT_ONCE = 4_000_000
# Differences this close, relative to the scores, are the same but for their last digits.
_ROUNDING = 1e-9


def randomized_p(
    ours: np.ndarray,
    theirs: np.ndarray,
    of_sums: Callable[[np.ndarray], np.ndarray],
    trials: int = TRIALS,
    seed: int = 1,
) -> float:
    """The two-sided p of the difference of two systems on the same rows.

    p = (c + 1) / (trials + 1), c the trials whose |difference| is at least that of the systems.
    With d = ours - theirs, `[rows, n]`, and z, `[trials, rows]`, 1 where a row is exchanged, the
    sums of a trial are those of the systems less and plus z d: nothing is counted twice.

    The trials of one seed are the same for all metrics with this number of rows; and they are the
    ones of sacreBLEU's `--paired-ar` with SACREBLEU_SEED=seed, which leaves out of c the trials
    that are exactly as far apart, the systems themselves among them.

    Args:
        ours: A system's statistics, `[rows, n]`, one line for each row of the test set.
        theirs: The same of the other system.
        of_sums: The metric, a function of sums over rows: `[..., n]` -> `[...]`.
        trials: How often the rows are shuffled.
        seed: The seed. (For 0 the shuffles of sacreBLEU differ: it takes that as "no seed".)

    Raises:
        ValueError: The statistics have other forms, or an argument is out of its range.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.ndim != 2 or not len(ours) or ours.shape != theirs.shape:
        raise ValueError(
            "Invalid value for argument `theirs`. Expected the form of ours, [rows, n] with at "
            f"least one row. Received: shapes {ours.shape} and {theirs.shape}"
        )
    for argument, value, least in (("trials", trials, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(
                f"Invalid value for argument `{argument}`. Expected at least {least}. "
                f"Received: {argument}={value}"
            )
    # Where both have the same statistics an exchange changes nothing.
    other = ours != theirs
    rows, columns = other.any(1), other.any(0)
    if not rows.any():
        return 1.0
    differences = np.subtract(
        ours[np.ix_(rows, columns)], theirs[np.ix_(rows, columns)], dtype=np.float64
    )
    sums = [statistics.sum(0, dtype=np.float64) for statistics in (ours, theirs)]
    values = [of_sums(one) for one in sums]
    observed = abs(values[0] - values[1]) - _ROUNDING * np.abs(values).max()
    beyond = 0
    for exchanged in _exchanged(len(ours), trials, seed):
        moved = np.zeros((len(exchanged), ours.shape[1]))
        moved[:, columns] = exchanged[:, rows].astype(np.float64) @ differences
        apart = np.abs(of_sums(sums[0] - moved) - of_sums(sums[1] + moved))
        # So put, a trial without a score speaks for chance.
        beyond += int(np.sum(~(apart < observed)))
    return (beyond + 1) / (trials + 1)


def _exchanged(rows: int, trials: int, seed: int) -> Iterator[np.ndarray]:
    """Which rows are exchanged in each trial, by blocks of trials: uint8 `[n, rows]` of 0 and 1;
    the n add up to `trials`."""
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // rows)
    left = np.empty(0, np.uint8)
    for start in range(0, trials, step):
        size = min(step, trials - start) * rows
        # The bits of 32-bit words, the lowest first, as the generator itself draws truth values.
        words = generator.integers(2**32, size=-(-(size - len(left)) // 32), dtype=np.uint32)
        bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")
        bits = np.concatenate([left, bits])
        left = bits[size:]
        yield bits[:size].reshape(-1, rows)
