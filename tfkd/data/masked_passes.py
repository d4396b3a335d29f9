"""Reading every target position of a sequence exactly once, each while it is masked.

Pass i of n hides the target's positions i, i + n, i + 2n, ... by [MASK]; the final [SEP] counts as
a position. So each position is hidden in exactly one pass and never sees itself (P1, section 3.2,
with n = 7). A target of up to n positions has them hidden one at a time, and its later passes are
empty and need not be run.
"""

from collections.abc import Mapping

import numpy as np

from tfkd.data.layouts import SpecialTokens

Record = Mapping[str, np.ndarray]


def pass_rows(second_lengths: np.ndarray, passes: int) -> tuple[np.ndarray, np.ndarray]:
    """The (row, pass) pairs that hide something.

    Args:
        second_lengths: int `[B]`, target positions of each row, the end included.
        passes: n.

    Returns:
        int64 `[M]` each: row and pass, row by row; M = sum of min(length, n).

    Raises:
        ValueError: `passes` is not positive.
    """
    if passes < 1:
        raise ValueError(
            f"Invalid value for argument `passes`. Expected at least 1. Received: passes={passes}"
        )
    counts = np.minimum(np.asarray(second_lengths, np.int64), passes)
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)


def target_positions(sequence: Record) -> np.ndarray:
    """The number of each target position from 0, int64 `[B, T]`; -1 outside of the target."""
    width = sequence["ids"].shape[1]
    position = np.arange(width) - sequence["second_start"][:, None]
    inside = (position >= 0) & (position < sequence["second_length"][:, None])
    return np.where(inside, position, -1)


def masked_pass(
    sequence: Record, which: int | np.ndarray, passes: int, specials: SpecialTokens
) -> dict[str, np.ndarray]:
    """The record of one pass.

    Args:
        sequence: What `layouts.joint` returns (B rows).
        which: The pass, 0 ... passes - 1: one for all rows, or int `[B]`.
        passes: n.
        specials: The vocabulary's special tokens.

    Returns:
        A sequence record: `ids` int32 `[B, T]` with the hidden positions replaced by [MASK],
        `types`, `valid`, `labels` (the ids as they were), `selected` bool `[B, T]`.
    """
    which = np.broadcast_to(np.asarray(which), sequence["second_length"].shape)
    if which.size and (which.min() < 0 or which.max() >= passes):
        raise ValueError(
            f"Invalid value for argument `which`. Expected 0 ... {passes - 1}. Received: "
            f"{which.min()} ... {which.max()}"
        )
    position = target_positions(sequence)
    selected = (position >= 0) & (position % passes == which[:, None])
    return {
        "ids": np.where(selected, np.int32(specials.mask_id), sequence["ids"]),
        "types": sequence["types"],
        "valid": sequence["valid"],
        "labels": sequence["ids"],
        "selected": selected,
    }
