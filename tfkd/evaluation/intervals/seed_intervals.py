"""Several trainings that differ in their seed alone: mean, std, and Student's interval.

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
        `n`, `mean`, `std` (the standard deviation, divisor n - 1), `low`, `high`; the last three
        None of a single seed.
    """
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not len(found):
        raise ValueError(
            f"Invalid value for argument `values`. Expected at least one. Received: {values}"
        )
    mean, n = float(found.mean()), len(found)
    if n == 1:
        return {"n": 1, "mean": mean, "std": None, "low": None, "high": None}
    std = float(found.std(ddof=1))
    reach = t_quantile(n - 1) * std / math.sqrt(n)
    return {"n": n, "mean": mean, "std": std, "low": mean - reach, "high": mean + reach}


def means_apart(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """The 95 % interval of the difference of two systems' means, whose seeds do not belong together
    by pairs.

    It is the difference ± t * sqrt(s² / n + s'² / n'), t with the degrees of freedom of Welch and
    Satterthwaite, the fraction left out: a little too wide.

    Reference: Welch, 1947, The Generalization of "Student's" Problem when Several Different
    Population Variances are Involved.

    Args:
        first, second: One a seed.

    Returns:
        `mean`, of the first less the second, `low` and `high`; these None of a single seed.
    """
    found = [over_seeds(first), over_seeds(second)]
    mean = found[0]["mean"] - found[1]["mean"]
    if any(one["n"] == 1 for one in found):
        return {"mean": mean, "low": None, "high": None}
    errors = [one["std"] ** 2 / one["n"] for one in found]
    reach = 0.0
    if sum(errors):
        parts = (
            (error / sum(errors)) ** 2 / (one["n"] - 1)
            for error, one in zip(errors, found, strict=True)
        )
        # Equal variances give whole degrees but for rounding.
        reach = t_quantile(int(1 / sum(parts) + 1e-9)) * math.sqrt(sum(errors))
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


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
