"""The bytes of a shard: 4 K bytes a token for vocabularies of up to 65,536 ids, and no more.

A shard holds the ids `[n, K]` (uint16, or uint32), then the log-probabilities `[n, K]` (float16),
both little-endian. Where an example begins must be known too, and costs nothing: log-probabilities
are never positive, so their sign is free. It is set everywhere but in the first number of each
example's first token.
"""

import numpy as np

# What a log-probability may be above 0: rounding leaves a sure word a little above it.
ABOVE = 1e-3
LOWEST = float(np.finfo(np.float16).min)


def id_type(vocabulary_size: int) -> np.dtype:
    """The type of stored ids."""
    return np.dtype("<u2" if vocabulary_size <= 2**16 else "<u4")


def row_bytes(vocabulary_size: int, top_k: int) -> int:
    """Bytes of one token."""
    return top_k * (id_type(vocabulary_size).itemsize + 2)


def encode(
    ids: np.ndarray, log_probabilities: np.ndarray, counts: np.ndarray, vocabulary_size: int
) -> bytes:
    """A shard's bytes.

    Args:
        ids: int `[n, K]`.
        log_probabilities: float `[n, K]`; what float16 cannot hold becomes its lowest number.
        counts: int `[examples]` with sum n: tokens of each example that has some, or 0.
        vocabulary_size: V.

    Raises:
        ValueError: The shapes do not fit, an id is outside of the vocabulary, or a
            log-probability is positive or no number.
    """
    if ids.shape != log_probabilities.shape or len(ids) != counts.sum():
        raise ValueError(
            "Invalid value for argument `ids`. Expected as many rows as tokens, and the shape of "
            f"`log_probabilities`. Received: {ids.shape}, {log_probabilities.shape} and "
            f"{counts.sum()} tokens"
        )
    if ids.size and not (ids.min() >= 0 and ids.max() < vocabulary_size):
        raise ValueError(
            f"Invalid value for argument `ids`. Expected 0 to {vocabulary_size - 1}. Received: "
            f"{ids.min()} to {ids.max()}"
        )
    if not (log_probabilities <= ABOVE).all():
        raise ValueError(
            "Invalid value for argument `log_probabilities`. Expected logarithms of "
            f"probabilities. Received: a maximum of {log_probabilities.max()}"
        )
    stored = -np.abs(np.clip(log_probabilities, LOWEST, 0)).astype("<f2")
    starts = np.cumsum(counts) - counts
    first = starts[counts > 0]
    stored[first, 0] = np.abs(stored[first, 0])
    return ids.astype(id_type(vocabulary_size)).tobytes() + stored.tobytes()


def split(
    data: np.ndarray, rows: int, top_k: int, vocabulary_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays of a shard's bytes (uint8), without copying; signs are as they are stored."""
    kind = id_type(vocabulary_size)
    end = rows * top_k * kind.itemsize
    return (
        data[:end].view(kind).reshape(rows, top_k),
        data[end:].view("<f2").reshape(rows, top_k),
    )


def example_starts(stored: np.ndarray) -> np.ndarray:
    """The rows at which examples begin, int64, rising."""
    return np.flatnonzero(~np.signbit(stored[:, 0]))
