"""What a corpus does to its rows on their way out: each a generator over numbered rows."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import numpy as np

from tfkd.data.stateless import keys as hash_keys
from tfkd.spec.options.base import NOT_TEXT

# The row's number in its files, from 1, and its fields.
Row = tuple[int, tuple[str, ...]]
Drop = Callable[[str], None]

# Why a row is left out that was not asked for.
OTHER_PART, NOT_SAMPLED = "other part", "not in the sample"


def text_fields(fields: Sequence[str]) -> list[int]:
    """Indices of the fields that hold text."""
    return [index for index, field in enumerate(fields) if field not in NOT_TEXT]


def lower_case(
    rows: Iterable[Row], texts: Collection[int], marked: tuple[int, int] | None = None
) -> Iterator[Row]:
    """Lower-cases the text fields; accents stay.

    Args:
        rows: The rows.
        texts: Indices of the text fields.
        marked: Indices of a text and of its mark, which stays at its character: a capital I with a
            dot becomes two characters.
    """
    for number, values in rows:
        lowered = [value.lower() if index in texts else value for index, value in enumerate(values)]
        if marked is not None:
            text, mark = marked
            lowered[mark] = str(len(values[text][: int(values[mark])].lower()))
        yield number, tuple(lowered)


def part(rows: Iterable[Row], every: int, keep: bool, drop: Drop) -> Iterator[Row]:
    """Every n-th row (`keep`), or the others.

    Rows are counted as they stand in the files, so that two corpora that differ in their other
    options still share no row: row n belongs to the part when n % every = 0, from n = 1.
    """
    for number, values in rows:
        if (number % every == 0) == keep:
            yield number, values
        else:
            drop(OTHER_PART)


def overlap_key(text: str) -> bytes:
    """What two texts must share to be taken for the same: the letters, whatever their case and
    the spaces. 8 bytes of BLAKE2b: for a million lines a false hit has odds of 1 in 10^7."""
    return hashlib.blake2b(" ".join(text.lower().split()).encode(), digest_size=8).digest()


def drop_overlap(
    rows: Iterable[Row],
    texts: Collection[int],
    keys: Collection[bytes],
    drop: Drop,
    as_read: Callable[[str], str] = str,
) -> Iterator[Row]:
    """Leaves out rows any of whose text fields, `as_read`, stands, as a whole, among `keys`."""
    for number, values in rows:
        if any(overlap_key(as_read(values[index])) in keys for index in texts):
            drop("overlap")
        else:
            yield number, values


def sample(rows: Iterable[Row], chosen: np.ndarray, drop: Drop) -> Iterator[Row]:
    """The rows whose turn (from 0) is marked in `chosen`, bool `[rows]`."""
    for mark, row in zip(chosen, rows, strict=True):
        if mark:
            yield row
        else:
            drop(NOT_SAMPLED)


def choose_sample(available: int, rows: int, seed: int) -> np.ndarray:
    """Marks `min(rows, available)` of `available` rows by a draw without replacement.

    Returns:
        bool `[available]`. Those with the smallest keyed hashes: a smaller sample of the same
        seed lies within a larger one.
    """
    chosen = np.zeros(available, bool)
    rows = min(rows, available)
    if rows > 0:
        hashes = hash_keys(seed, 0, np.arange(available), "sample")
        chosen[np.argsort(hashes, kind="stable")[:rows]] = True
    return chosen
