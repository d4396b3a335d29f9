"""Bootstrap resampling of a test set, on sufficient statistics.

A corpus metric is a function of sums over rows. Drawing rows with replacement and scoring the draw
is then a product of a matrix of multiplicities with the rows' statistics: nothing is tokenised or
counted twice.

Reference: Koehn, 2004, Statistical Significance Tests for Machine Translation
Evaluation, section 3.
"""

from collections.abc import Iterator

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
    statistics = np.asarray(statistics)
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
    # Many classes have many columns of small integers: as floats some of them at once.
    step = max(1, _DRAWS_AT_ONCE // len(statistics))
    columns = [statistics[:, start : start + step] for start in range(0, statistics.shape[1], step)]
    if len(columns) == 1:
        columns = [np.asarray(statistics, np.float64)]
    blocks = times_drawn(len(statistics), samples, seed)
    return np.concatenate(
        [np.concatenate([times @ some for some in columns], 1) for times in blocks]
    )


def times_drawn(rows: int, samples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each row is drawn in each bootstrap sample, by blocks of samples.

    Args:
        rows: The test set's.
        samples, seed: As in `resampled_sums`.

    Yields:
        float64 [n, rows]; the n add up to `samples`.
    """
    generator = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // rows)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        drawn = generator.choice(rows, size=(size, rows), replace=True)
        places = drawn + rows * np.arange(size)[:, None]
        times = np.bincount(places.ravel(), minlength=size * rows).reshape(size, rows)
        yield times.astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of bootstrap values: their 1/40 and 39/40 order statistics.

    Of fewer than 40 values nothing is cut off: least and greatest.

    Args:
        values: [samples].
    """
    ordered = np.sort(np.asarray(values, np.float64))
    cut = len(ordered) // 40
    return float(ordered[cut]), float(ordered[len(ordered) - cut - 1])
