"""What a comparison says: its p, and whether the system is better.

One rule for results, terminal, report, the README's tables and `tfkd compare`: a system is better
or worse where both the interval of the difference and p speak for it, and undecided otherwise. The
two come of different draws, so at the margin they may differ; then nothing is decided. (A teacher
check asks for more, and has its own: `teacher_verdict`.)
"""

import math
from collections.abc import Mapping
from typing import Any

from tfkd.spec.metrics import higher_is_better

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
# p from here on speaks for chance; an interval of 95 % goes with it.
LEVEL = 0.05
RANDOMIZATION, BOOTSTRAP = "approximate_randomization", "bootstrap"
# What p may be computed by, and is said to be in results: the first, unless another is asked for.
P_BY = (RANDOMIZATION, BOOTSTRAP)
# The width of a 95 % interval in standard errors.
_WIDTH = 3.92


def verdict_of(metric: str, low: Any, high: Any, p: Any = None) -> str:
    """`better` or `worse` where the 95 % interval of a difference leaves out 0 and p < 0.05; else
    `undecided`.

    Args:
        metric: What differs: of some less is better.
        low, high: The interval's ends; where one is no number nothing is decided.
        p: The difference's; None: it has none (as beside a t-interval), and the interval decides.
    """
    if not (_known(low) and _known(high)) or low <= 0 <= high:
        return UNDECIDED
    if p is not None and not (_known(p) and p < LEVEL):
        return UNDECIDED
    return BETTER if (low > 0) == higher_is_better(metric) else WORSE


def p_of(found: Mapping[str, Any]) -> tuple[Any, bool]:
    """A comparison's p, and whether it is estimated.

    Results that do not say what p was computed by (`p_by`) have one that weighs about one tail of
    two. In its place stands what follows from the interval of the difference, if this were normal:
    p = 2 (1 - Phi(3.92 |delta| / (high - low))), Phi the normal distribution.

    Args:
        found: A `Comparison` of results.json.

    Returns:
        p, None where it is not known; and whether it is that estimate.
    """
    if "p_by" in found:
        return found.get("p"), False
    delta, low, high = (found.get(key) for key in ("delta", "low", "high"))
    if not all(map(_known, (delta, low, high))):
        return None, False
    if high <= low:
        return (0.0 if delta else 1.0), True
    return math.erfc(_WIDTH * abs(delta) / (high - low) / math.sqrt(2)), True


def p_relation(value: float, estimated: bool = False) -> str:
    """A p-value as texts write it behind `p`: 0.034 -> = 0.034, and estimated ≈ 0.034;
    0.0004 -> < 0.001, and estimated ≈ < 0.001."""
    if value < 0.001:
        return "≈ < 0.001" if estimated else "< 0.001"
    return f"{'≈' if estimated else '='} {value:.3f}"


def _known(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
