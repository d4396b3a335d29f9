"""Which words a model finds likeliest, as far as that hangs on no processor.

Another processor, batch or precision adds up in another order, and of two words whose logits lie
within the difference either may come first. So a count of right words is held between the fewest
and the most that it may be, and a word that was chosen against the likeliest one there is.
"""

from typing import Any

import numpy as np
import pytest

# What float32 makes of logits of about 1 to 10, some ten times over.
FLOAT32 = 1e-4


def margins(logits: Any, gold: Any) -> np.ndarray:
    """How far the gold word's logit is above the largest other one: float64 `[N]`.

    Args:
        logits: `[N, V]`.
        gold: int `[N]`.
    """
    logits, rows = np.array(logits, np.float64), np.arange(len(gold))
    of_gold = logits[rows, gold]
    logits[rows, gold] = -np.inf
    return of_gold - logits.max(-1)


def share_right(logits: Any, gold: Any, error: Any = FLOAT32) -> Any:
    """What equals any accuracy that logits within `error` of these may have.

    Args:
        logits: `[N, V]`.
        gold: int `[N]`.
        error: Of each logit; a number, or `[N]`.
    """
    above = margins(logits, gold)
    fewest, most = (above > 2 * error).mean(), (above >= -2 * error).mean()
    return pytest.approx((fewest + most) / 2, abs=(most - fewest) / 2 + 1e-6)


def assert_likeliest(logits: Any, words: Any, error: float = FLOAT32) -> None:
    """No word is likelier than the one that was chosen, by more than two such errors.

    Args:
        logits: `[N, V]`.
        words: int `[N]`: the chosen ones.
        error: Of each logit.
    """
    above = margins(logits, words)
    assert (above >= -2 * error).all(), above.min(initial=0)
