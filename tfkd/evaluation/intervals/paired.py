"""Two systems on the same rows: how far apart they are, and whether that may be chance.

The interval of their difference comes of the paired bootstrap, p of approximate randomization.

References:
    Koehn, 2004, Statistical Significance Tests for Machine Translation Evaluation, section 4.
    Riezler and Maxwell, 2005, On Some Pitfalls in Automatic Evaluation and Significance Testing
    for MT, which finds the bootstrap's p too small.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.evaluation.intervals.bootstrap import interval
from tfkd.evaluation.verdicts.verdict import P_BY, RANDOMIZATION


def judged_difference(
    our_samples: np.ndarray,
    their_samples: np.ndarray,
    our_value: float,
    their_value: float,
    randomized: Callable[[], float],
    p_by: str = RANDOMIZATION,
) -> dict[str, Any]:
    """What `paired_bootstrap` returns, from both scores on each of the same samples [samples], and
    `randomized`, which computes the p of approximate randomization."""
    if p_by not in P_BY:
        raise ValueError(
            f"Invalid value for argument `p_by`. Expected one of {', '.join(P_BY)}. "
            f"Received: p_by={p_by!r}"
        )
    differences = our_samples - their_samples
    delta = float(our_value - their_value)
    low, high = interval(differences)
    value_low, value_high = interval(their_samples)
    return {
        "value": float(their_value),
        "value_low": value_low,
        "value_high": value_high,
        "delta": delta,
        "low": low,
        "high": high,
        "p": randomized() if p_by == RANDOMIZATION else _bootstrap_p(differences, delta),
        "p_by": p_by,
        "wins": float(np.mean(differences > 0)),
    }


def _bootstrap_p(differences: np.ndarray, delta: float) -> float:
    """sacreBLEU's, of the samples' differences."""
    sizes = np.abs(differences)
    beyond = int(np.sum(sizes - sizes.mean() > abs(delta)))
    # Two systems with the same outputs differ in no sample: nothing speaks for a difference.
    return (beyond + 1) / (len(sizes) + 1) if sizes.any() or delta else 1.0
