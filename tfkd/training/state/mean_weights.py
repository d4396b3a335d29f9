"""The mean of a training's weights at several of its steps."""

from collections.abc import Iterable, Mapping

import numpy as np


def mean_weights(each: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The mean of arrays by name, summed up in float64; of what is no float the last.

    Args:
        each: The weights at each step, with the same names; one at a time is in memory.

    Returns:
        float64 arrays, and those that are no floats as they are.
    """
    sums: dict[str, np.ndarray] = {}
    count = 0
    for arrays in each:
        count += 1
        for name, array in arrays.items():
            if np.issubdtype(array.dtype, np.floating):
                sums[name] = sums.get(name, 0) + array.astype(np.float64)
            else:
                sums[name] = array
    return {
        name: total / count if total.dtype == np.float64 else total for name, total in sums.items()
    }
