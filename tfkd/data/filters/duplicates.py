"""What rows share that are equal, or alike: keys, of which MinHash gives alike ones the same."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfkd.data.filters.texts import Row, folded, texts_of
from tfkd.spec.options.filters import DuplicatesRuleOptions

# Hash functions of a signature; the chance that two rows at the threshold share a band.
_FUNCTIONS, _FOUND = 128, 0.99
_SEED = 1
# An odd factor near 2^64 / golden ratio: of FNV's form, over the values of a band.
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Bands(NamedTuple):
    """Of a signature `number` bands of `rows` values: two rows of similarity s share one with
    probability 1 - (1 - s^rows)^number."""

    number: int
    rows: int


def bands_for(similarity: float) -> Bands:
    """The most selective bands that find two rows of this similarity with probability 0.99; with
    one value a band, what 128 values find.

    Reference: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    for rows in range(16, 0, -1):
        number = _FUNCTIONS // rows
        if 1 - (1 - similarity**rows) ** number >= _FOUND:
            return Bands(number, rows)
    return Bands(_FUNCTIONS, 1)


class Duplicates:
    """Rows that are equal in the fields that are looked at; with `near`, alike.

    Two rows are alike where their sets A and B of character n-grams, in lower case and each with
    its field, have |A ∩ B| / |A ∪ B| ≥ near. Shared keys tell which rows may be (MinHash: Broder,
    1997; by bands of its values), the sets themselves which are: none is dropped by chance, and of
    those at the threshold 99 in 100 are found.

    Attributes:
        bands: How many keys a row has.
    """

    def __init__(self, options: DuplicatesRuleOptions):
        self._near, self._n, self._on = options.near, options.n, options.on
        self._bands = None if self._near is None else bands_for(self._near)
        self.bands = 1 if self._bands is None else self._bands.number

    def seen(self, row: Row) -> frozenset[str]:
        """What rows are compared by: the texts; with `near`, their n-grams."""
        texts = texts_of(row, self._on)
        if self._near is None:
            return frozenset(f"{at}\t{text}" for at, text in enumerate(texts))
        found = set()
        for at, text in enumerate(texts):
            text = folded(text)
            last = max(1, len(text) - self._n + 1)
            found.update(f"{at}\t{text[start : start + self._n]}" for start in range(last))
        return frozenset(found)

    def alike(self, one: frozenset[str], other: frozenset[str]) -> bool:
        """Whether two rows are one, by what is `seen` of them."""
        if self._near is None:
            return one == other
        both = len(one & other)
        return both / (len(one) + len(other) - both) >= self._near

    def keys(self, rows: Sequence[Row]) -> np.ndarray:
        """uint64 `[rows, bands]`: equal rows share all keys, alike ones most likely one."""
        if self._bands is None:
            return np.array([[_digest("\n".join(sorted(self.seen(row))))] for row in rows],
                            np.uint64).reshape(len(rows), 1)  # fmt: skip
        if not rows:
            return np.zeros((0, self.bands), np.uint64)
        from rensa import RMinHash

        # A set's order hangs on the process; what is hashed must not.
        sets = [sorted(self.seen(row)) for row in rows]
        signatures = RMinHash.digests_from_token_sets(sets, num_perm=_FUNCTIONS, seed=_SEED)
        values = np.asarray(signatures, np.uint64)
        number, each = self._bands
        values = values[:, : number * each].reshape(len(rows), number, each)
        keys = np.zeros((len(rows), number), np.uint64)
        for at in range(each):  # wraps, as uint64 does
            keys = (keys ^ values[:, :, at]) * _FACTOR
            keys ^= keys >> np.uint64(29)
        return keys


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
