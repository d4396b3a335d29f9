"""Choosing positions, and what stands in their place: pure functions on arrays.

A view decides which positions may be chosen and hands over uniform numbers; nothing here knows of
layouts, so a new masking is a new choice function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfkd.data.layouts import SpecialTokens


@dataclass(frozen=True)
class Probability:
    """A probability drawn from U(low, high) for each sentence; a constant where they are equal."""

    low: float
    high: float

    @classmethod
    def of(cls, value: Any) -> "Probability":
        """From a number, `{"uniform": [low, high]}`, or an object with an attribute `uniform`.

        Raises:
            ValueError: Not 0 < low <= high <= 1.
        """
        bounds = getattr(value, "uniform", None)
        if isinstance(value, dict):
            bounds = value.get("uniform")
        if isinstance(value, Probability):
            return value
        if bounds is None:
            bounds = (value, value)
        low, high = (float(bound) for bound in bounds)
        if not 0 < low <= high <= 1:
            raise ValueError(
                "Invalid value for argument `p`. Expected 0 < p <= 1, or uniform [low, high] with "
                f"0 < low <= high <= 1. Received: p={value}"
            )
        return cls(low, high)

    def draw(self, uniform: np.ndarray) -> np.ndarray:
        """Float64 `[B]` from uniform numbers `[B]`."""
        return self.low + (self.high - self.low) * uniform


def choose_each(allowed: np.ndarray, p: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Chooses each allowed position independently with its row's probability.

    Args:
        allowed: bool `[B, T]`.
        p: float64 `[B]`.
        uniform: float64 `[B, T]`.

    Returns:
        bool `[B, T]`.
    """
    return allowed & (uniform < p[:, None])


def choose_at_least_one(
    allowed: np.ndarray, p: np.ndarray, uniform: np.ndarray, first: np.ndarray
) -> np.ndarray:
    """As `choose_each`, drawn again until a position is chosen, in one go.

    Given that one of L positions is chosen, the first of them is f with probability
    p (1 - p)^f / (1 - (1 - p)^L), and those after it are independent of it: so f is drawn by the
    inverse of that distribution function, and the others as ever. This is the very distribution
    of drawing again, for which a p of 0.01 would need a hundred rounds.

    Args:
        allowed: bool `[B, T]`; rows without any get no choice.
        p: float64 `[B]`, 0 < p <= 1.
        uniform: float64 `[B, T]`, for the positions after the first.
        first: float64 `[B]`, uniform on [0, 1), for the first.

    Returns:
        bool `[B, T]`.
    """
    order = np.cumsum(allowed, axis=1) - 1
    count = order[:, -1] + 1 if order.shape[1] else np.zeros(len(order), np.int64)
    with np.errstate(divide="ignore"):
        log_miss = np.log1p(-p)  # -inf at p = 1, where the first allowed one is always chosen
    some = -np.expm1(np.maximum(count, 1) * log_miss)
    drawn = np.floor(np.log1p(-first * some) / log_miss).astype(np.int64)
    drawn = np.minimum(drawn, count - 1)[:, None]
    return allowed & ((order == drawn) | ((order > drawn) & (uniform < p[:, None])))


def check_shares(
    given: Sequence[float], argument: str = "replace", of: str = "[MASK], random, kept"
) -> tuple[float, ...]:
    """Three shares as numbers: of [MASK], random and kept, or of what else `of` says.

    Raises:
        ValueError: Not three, one negative, or all 0.
    """
    shares = tuple(float(share) for share in given)
    if len(shares) != 3 or min(shares) < 0 or sum(shares) <= 0:
        raise ValueError(
            f"Invalid value for argument `{argument}`. Expected three shares, none negative, not "
            f"all 0: {of}. Received: {argument}={given}"
        )
    return shares


def replace_by_mask(ids: np.ndarray, selected: np.ndarray, specials: SpecialTokens) -> np.ndarray:
    """[MASK] at every selected position; int32 `[B, T]`."""
    return np.where(selected, np.int32(specials.mask_id), ids)


def ordinary_ids(specials: SpecialTokens) -> np.ndarray:
    """The ids that stand for text, int32: what random replacements are drawn from."""
    ordinary = np.ones(specials.size, bool)
    ordinary[np.asarray(list(specials.special_ids), np.int64)] = False
    return np.flatnonzero(ordinary).astype(np.int32)


def replace_by_shares(
    ids: np.ndarray,
    selected: np.ndarray,
    shares: Sequence[float],
    action: np.ndarray,
    word: np.ndarray,
    mask_id: int,
    ordinary: np.ndarray,
) -> np.ndarray:
    """BERT's replacement: [MASK], a random word, or the word as it was (80, 10, 10).

    Args:
        ids: int32 `[B, T]`.
        selected: bool `[B, T]`.
        shares: Of [MASK], random words and kept words; their sum is the whole.
        action: float64 `[B, T]`, uniform: which of the three.
        word: float64 `[B, T]`, uniform: which random word.
        mask_id: [MASK].
        ordinary: int32, ids that random words are drawn from.

    Returns:
        int32 `[B, T]`.
    """
    total = float(sum(shares))
    masked, random = shares[0] / total, (shares[0] + shares[1]) / total
    words = ordinary[(word * len(ordinary)).astype(np.int64)]
    replaced = np.where(action < masked, np.int32(mask_id), np.where(action < random, words, ids))
    return np.where(selected, replaced, ids)
