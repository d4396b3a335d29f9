"""Random numbers without a state: each is a hash of what it is for.

The number for (seed, epoch, example, purpose, position) does not depend on which numbers were drawn
before, on the other examples of the batch or on the batch's width. So a batch can be made again
from its number alone, in any order and on any replica.

A key is a 64-bit hash of all but the position; the numbers of a key are the stream of SplitMix64
(Steele, Lea and Flood 2014) that starts there: mix(key + (position + 1) * gamma).
"""

import hashlib

import numpy as np

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
# Odd constants which keep (epoch 1, example 2) and (epoch 2, example 1) apart.
_EPOCH = np.uint64(0xD1342543DE82EF95)
_EXAMPLE = np.uint64(0xAF251AF3B0F025B5)
_EMPTY = np.uint64(0x2545F4914F6CDD1D)


def _mix(state: np.ndarray) -> np.ndarray:
    """SplitMix64's output function: a bijection of 64 bits in which each bit moves all others."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def keys(
    seed: int, epoch: int | np.ndarray, examples: int | np.ndarray, purpose: str
) -> np.ndarray:
    """A key for each example.

    Args:
        seed: Any integer.
        epoch: An integer, or integers that broadcast with `examples`.
        examples: Integers `[B]` of any kind; negative ones are allowed.
        purpose: What the numbers are for. Other purposes give independent numbers.

    Returns:
        uint64 `[B]`.
    """
    digest = hashlib.blake2b(f"{purpose}\0{seed}".encode(), digest_size=8).digest()
    base = np.uint64(int.from_bytes(digest, "little"))
    # At least one dimension: NumPy warns where a scalar's product wraps around, not an array's.
    epochs = np.atleast_1d(np.asarray(epoch, np.int64)).astype(np.uint64)
    numbers = np.atleast_1d(np.asarray(examples, np.int64)).astype(np.uint64)
    by_epoch = _mix(base + epochs * _EPOCH)
    return _mix((by_epoch ^ _EMPTY) + _mix(numbers * _EXAMPLE + _GAMMA))


def bits(key: np.ndarray, count: int) -> np.ndarray:
    """The first `count` numbers of each key's stream, uint64 `[B, count]`.

    A longer stream of the same key starts with the same numbers.
    """
    steps = np.arange(1, count + 1, dtype=np.uint64) * _GAMMA
    return _mix(key[:, None] + steps)


def uniform(key: np.ndarray, count: int) -> np.ndarray:
    """Uniform on [0, 1) in steps of 2^-53, float64 `[B, count]`."""
    return (bits(key, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform_one(key: np.ndarray) -> np.ndarray:
    """One uniform number a key, float64 `[B]`."""
    return uniform(key, 1)[:, 0]


def integers(key: np.ndarray, count: int, bound: int) -> np.ndarray:
    """Uniform integers in 0 ... bound - 1 (each as likely to within bound * 2^-53), int64."""
    return (uniform(key, count) * bound).astype(np.int64)


def permutation(seed: int, epoch: int, count: int, purpose: str) -> np.ndarray:
    """A uniformly drawn order of 0 ... count - 1, int64 `[count]`."""
    return np.argsort(keys(seed, epoch, np.arange(count), purpose), kind="stable")
