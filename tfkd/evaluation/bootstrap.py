"""Bootstrap resampling of a test set, on sufficient statistics.

A corpus metric is a function of sums over rows. Drawing rows with replacement and scoring the draw
is then a product of a matrix of multiplicities with the rows' statistics: nothing is tokenised or
counted twice.

Reference: Koehn, 2004, Statistical Significance Tests for Machine Translation
Evaluation, section 3.
"""

import numpy as np

# Rows drawn at once: bounds the memory at 8 bytes each, whatever the test set's size.
_DRAWS_AT_ONCE = 4_000_000


def resampled_sums(statistics: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Sums of the rows' statistics in each bootstrap sample.

    The samples of one seed are the same for all statistics with this number of rows, which is what
    pairs two systems; and they are the ones that sacreBLEU draws with SACREBLEU_SEED=seed.

    Args:
        statistics: [rows, n], one line for each row of the test set.
        samples: How many samples to draw, each of `rows` rows with replacement.
        seed: The seed. (For 0 the pairing of sacreBLEU differs: it takes that as "no seed".)

    Returns:
        float64 [samples, n].
    """
    statistics = np.asarray(statistics, np.float64)
    if statistics.ndim != 2 or not len(statistics):
        raise ValueError(
            "Invalid value for argument `statistics`. Expected [rows, n] with at least one row. "
            f"Received: shape {statistics.shape}"
        )
    for argument, value, least in (("samples", samples, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(
                f"Invalid value for argument `{argument}`. Expected at least {least}. "
                f"Received: {argument}={value}"
            )
    rows = len(statistics)
    generator = np.random.default_rng(seed)
    sums = np.empty((samples, statistics.shape[1]))
    step = max(1, _DRAWS_AT_ONCE // rows)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        drawn = generator.choice(rows, size=(size, rows), replace=True)
        places = drawn + rows * np.arange(size)[:, None]
        times_drawn = np.bincount(places.ravel(), minlength=size * rows).reshape(size, rows)
        sums[start : start + size] = times_drawn.astype(np.float64) @ statistics
    return sums


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of bootstrap values: their 1/40 and 39/40 order statistics.

    Of fewer than 40 values nothing is cut off: least and greatest.

    Args:
        values: [samples].
    """
    ordered = np.sort(np.asarray(values, np.float64))
    cut = len(ordered) // 40
    return float(ordered[cut]), float(ordered[len(ordered) - cut - 1])
