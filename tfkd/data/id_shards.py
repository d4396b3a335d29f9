"""Ids of a part of a text, kept until all of it is encoded: each a file that is whole or none."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.ragged import Ragged

_DIGEST = hashlib.sha256().digest_size


def kept_shard(path: Path, of: str, make: Callable[[], Ragged]) -> Ragged:
    """A shard's ids: an earlier attempt's, or made anew where they are missing, damaged, or those
    of another shard.

    The file holds the SHA-256 of what it is of and of the rest: the number of rows (int64), their
    lengths and all ids (int32 each), little-endian.

    Args:
        path: The shard's file.
        of: What it is a shard of.
        make: Makes the ids.
    """
    found = read_shard(path, of)
    if found is not None:
        return found
    ids = make()
    rest = b"".join(
        array.astype(kind).tobytes()
        for array, kind in (
            (np.array([len(ids)]), "<i8"),
            (ids.lengths, "<i4"),
            (ids.values, "<i4"),
        )
    )
    write_atomically(path, hashlib.sha256(_key(path, of) + rest).digest() + rest)
    return ids


def read_shard(path: Path, of: str) -> Ragged | None:
    """The ids that `kept_shard` has kept; None where they are missing, damaged, or another's."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(_key(path, of) + content[_DIGEST:]).digest() != content[:_DIGEST]:
        return None
    (rows,) = np.frombuffer(content, "<i8", 1, _DIGEST)
    numbers = np.frombuffer(content, "<i4", offset=_DIGEST + 8)
    offsets = np.concatenate([[0], np.cumsum(numbers[:rows], dtype=np.int64)])
    return Ragged(numbers[rows:], offsets)


def _key(path: Path, of: str) -> bytes:
    return f"{of}/{path.name}\n".encode()
