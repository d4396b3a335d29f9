"""Several trainings that differ in their seed alone: mean, spread, and Student's interval.

A bootstrap interval says how sure a score is of one model on other sentences; what another seed
would have given, it cannot know. This one does, as far as so few values can.

Reference: Student, 1908, The Probable Error of a Mean.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean, sample standard deviation and 95 % t-interval of the values of several seeds.

    The interval is mean ± t * s / sqrt(n), t the 97.5 % point of Student's distribution with n - 1
    degrees of freedom: 12.71 of two seeds, 4.30 of three. Given the differences of two systems,
    seed by seed, it is that of the paired test.

    Args:
        values: One a seed.

    Returns:
        `n`, `mean`, `spread` (the standard deviation, divisor n - 1), `low`, `high`; the last three
        None of a single seed.
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found):
        raise ValueError(
            f"Invalid value for argument `values`. Expected at least one. Received: {values}"
        )
    mean, n = float(found.mean()), len(found)
    if n == 1:
        return {"n": 1, "mean": mean, "spread": None, "low": None, "high": None}
    spread = float(found.std(ddof=1))
    reach = t_quantile(n - 1) * spread / math.sqrt(n)
    return {"n": n, "mean": mean, "spread": spread, "low": mean - reach, "high": mean + reach}


def t_quantile(degrees: int, share: float = 0.95) -> float:
    """The t that |T| stays below with probability `share`, of Student's distribution.

    Args:
        degrees: Degrees of freedom, at least 1.
        share: Above 0 and below 1.
    """
    if degrees < 1 or not 0 < share < 1:
        raise ValueError(
            "Invalid value for argument `degrees` or `share`. Expected at least 1, and a number "
            f"between 0 and 1. Received: degrees={degrees}, share={share}"
        )
    # By halves of the angle, theta = atan(t / sqrt(degrees)): as exact as its floats.
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within(middle, degrees) < share:
            low = middle
        else:
            high = middle
    return math.tan(high) * math.sqrt(degrees)


def _within(theta: float, degrees: int) -> float:
    """P(|T| <= t) with t = sqrt(degrees) tan(theta), whose sums end for whole degrees.

    Reference: Abramowitz and Stegun, 1964, 26.7.3 and 26.7.4.
    """
    odd = degrees % 2
    cosine, term, total = math.cos(theta), math.cos(theta) if odd else 1.0, 0.0
    for power in range(1 if odd else 0, degrees - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    if odd:
        return 2 / math.pi * (theta + math.sin(theta) * total)
    return math.sin(theta) * total
