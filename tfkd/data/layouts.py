"""How bare token ids become what a model reads: special tokens, types, padding."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tfkd.data.ragged import Ragged


class SpecialTokens(Protocol):
    """What layouts and views need of a tokenizer; every tokenizer has it.

    Attributes:
        pad_id, unknown_id, start_id, end_id, mask_id: [PAD], [UNK], [CLS], [SEP] and [MASK].
        special_ids: All ids that stand for no text.
        size: The number of ids.
        continuation: bool `[size]`: the pieces that go on with a word; None where that is not
            known.
    """

    pad_id: int
    unknown_id: int
    start_id: int
    end_id: int
    mask_id: int
    special_ids: Sequence[int]
    size: int
    continuation: np.ndarray | None


@dataclass(frozen=True)
class Specials:
    """The special tokens of a vocabulary, without the vocabulary. See `SpecialTokens`."""

    pad_id: int
    unknown_id: int
    start_id: int
    end_id: int
    mask_id: int
    special_ids: tuple[int, ...]
    size: int
    continuation: np.ndarray | None = field(default=None, compare=False)
    separators: int = 1


def rounded_width(longest: int, pad_to: int, limit: int | None = None) -> int:
    """The smallest positive multiple of `pad_to` that holds `longest`, but not over `limit`.

    A limit which is no multiple (a model's last position) is itself the widest width.
    """
    width = -(-max(1, longest) // pad_to) * pad_to
    return width if limit is None else max(longest, min(width, limit))


def cut_pair(
    first: np.ndarray, second: np.ndarray, budget: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The lengths that are left when `first + second` must not exceed `budget`.

    Equal to taking tokens one by one from the end of the longer side, and of the second where both
    are as long (BERT's `_truncate_seq_pair`): second' = min(second, max(budget // 2, budget -
    first)), first' = min(first, budget - second').

    Args:
        first: int `[B]`, tokens of the first side.
        second: int `[B]`.
        budget: The most tokens of both together; None cuts nothing.

    Returns:
        The two lengths, int64 `[B]` each.
    """
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if budget is None:
        return first, second
    left = np.minimum(second, np.maximum(budget // 2, budget - first))
    return np.minimum(first, budget - left), left


def joint_lengths(
    first: np.ndarray,
    second: np.ndarray,
    has_second: np.ndarray,
    max_length: int | None,
    separators: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """How long the two sides of a sequence are, special tokens included.

    Args:
        first: int `[B]`, bare tokens of the first side.
        second: int `[B]`, bare tokens of the second side.
        has_second: bool `[B]`: False gives `[CLS] a [SEP]`, True `[CLS] a [SEP] b [SEP]`.
        max_length: The most tokens of a sequence, special ones included; None: any number.
        separators: How many [SEP] stand between the sides: 2 in RoBERTa.

    Returns:
        int64 `[B]` each: `[CLS] a [SEP]`, with all that stand between, and `b [SEP]` or 0. Their
        sum is the sequence's length.

    Raises:
        ValueError: `max_length` does not leave room for the special tokens.
    """
    if max_length is not None and max_length < 3:
        raise ValueError(
            "Invalid value for argument `max_length`. Expected at least 3, the special tokens of "
            f"a pair. Received: max_length={max_length}"
        )
    alone = np.asarray(first, np.int64)
    if max_length is not None:
        alone = np.minimum(alone, max_length - 2)
    pair = cut_pair(first, second, None if max_length is None else max_length - 2 - separators)
    first_length = np.where(has_second, pair[0] + separators - 1, alone) + 2
    return first_length, np.where(has_second, pair[1] + 1, 0)


def _scatter(out: np.ndarray, rows: Ragged, lengths: np.ndarray, starts: np.ndarray) -> None:
    """Writes the first `lengths[b]` ids of row b into `out[b]` from column `starts[b]` on."""
    total = int(lengths.sum())
    if not total:
        return
    row = np.repeat(np.arange(len(lengths)), lengths)
    within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    out[row, starts[row] + within] = rows.values[rows.offsets[row] + within]


def joint(
    first: Ragged,
    second: Ragged | None,
    specials: SpecialTokens,
    max_length: int | None = None,
    *,
    has_second: np.ndarray | None = None,
    present: np.ndarray | None = None,
    pad_to: int = 1,
    width: int | None = None,
) -> dict[str, np.ndarray]:
    """One sequence a row: `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`.

    Too long pairs lose tokens of the longer side first; both ends stay (P1, section 4.1).

    Args:
        first: B rows of bare ids.
        second: B rows, or None.
        specials: The vocabulary's special tokens.
        max_length: The most tokens of a sequence, special ones included.
        has_second: bool `[B]`: rows that have a second side, be it empty. None: all, if `second`
            is given.
        present: bool `[B]`: False leaves a row empty (the filler of a batch). None: all.
        pad_to: The width is a multiple of it.
        width: The width, if it is to be fixed; not smaller than the longest row.

    Returns:
        `ids`, `types` int32 `[B, T]` (types: 0 up to the first [SEP], 1 after), `valid` bool
        `[B, T]`; int64 `[B]` each: `first_start` (1), `first_length` (a and its [SEP]),
        `second_start`, `second_length` (b and its [SEP]; 0 without).
    """
    count = len(first)
    if present is None:
        present = np.ones(count, bool)
    if second is None:
        second = Ragged(np.zeros(0, np.int32), np.zeros(count + 1, np.int64))
        has_second = np.zeros(count, bool)
    elif has_second is None:
        has_second = np.ones(count, bool)
    between = getattr(specials, "separators", 1)
    head, tail = joint_lengths(first.lengths, second.lengths, has_second, max_length, between)
    more = np.where(tail > 0, between - 1, 0)  # of the [SEP] between the sides, all but the first
    head, tail = np.where(present, head, 0), np.where(present, tail, 0)
    total = head + tail
    columns = width or rounded_width(int(total.max(initial=0)), pad_to, max_length)
    ids = np.full((count, columns), specials.pad_id, np.int32)
    _scatter(ids, first, np.maximum(head - more - 2, 0), np.ones(count, np.int64))
    _scatter(ids, second, np.maximum(tail - 1, 0), head)
    rows = np.flatnonzero(present)
    ids[rows, 0] = specials.start_id
    ids[rows, head[rows] - more[rows] - 1] = specials.end_id
    rows = np.flatnonzero(tail)
    for place in range(1, between):
        ids[rows, head[rows] - place] = specials.end_id
    ids[rows, total[rows] - 1] = specials.end_id
    column = np.arange(columns)
    valid = column < total[:, None]
    return {
        "ids": ids,
        "types": ((column >= head[:, None]) & valid).astype(np.int32),
        "valid": valid,
        "first_start": np.where(present, 1, 0),
        "first_length": np.maximum(head - more - 1, 0),
        "second_start": head,
        "second_length": tail,
    }


def alone(
    rows: Ragged,
    specials: SpecialTokens,
    *,
    present: np.ndarray | None = None,
    pad_to: int = 1,
    width: int | None = None,
) -> dict[str, np.ndarray]:
    """One side as an encoder reads it, `x [SEP]`, described as `joint` describes a sequence.

    Args:
        rows: B rows of bare ids.
        specials: Special tokens of their vocabulary.
        present: bool `[B]`: False leaves a row empty. None: all.
        pad_to: The width is a multiple of it.
        width: The width, if it is to be fixed.

    Returns:
        What `joint` returns, without a second side; `first_start` is 0.
    """
    ids, valid = _ended(rows, specials, present, pad_to, width)
    zero = np.zeros(len(rows), np.int64)
    length = valid.sum(1)
    return {
        "ids": ids,
        "types": np.zeros_like(ids),
        "valid": valid,
        "first_start": zero,
        "first_length": length,
        "second_start": length,
        "second_length": zero,
    }


def _ended(
    rows: Ragged,
    specials: SpecialTokens,
    present: np.ndarray | None,
    pad_to: int,
    width: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """`x [SEP]` and padding: int32 `[B, T]`, and what of it is valid, bool `[B, T]`."""
    count = len(rows)
    present = np.ones(count, bool) if present is None else present
    bare = np.where(present, rows.lengths, 0)
    total = np.where(present, bare + 1, 0)
    columns = width or rounded_width(int(total.max(initial=0)), pad_to)
    ids = np.full((count, columns), specials.pad_id, np.int32)
    _scatter(ids, rows, bare, np.zeros(count, np.int64))
    there = np.flatnonzero(present)
    ids[there, bare[there]] = specials.end_id
    return ids, np.arange(columns) < total[:, None]


def encoder_decoder(
    source: Ragged,
    target: Ragged,
    source_specials: SpecialTokens,
    target_specials: SpecialTokens,
    *,
    present: np.ndarray | None = None,
    pad_to: int = 1,
    widths: tuple[int, int] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """What an encoder-decoder reads: source x [SEP]; target input [CLS] y, labels y [SEP].

    Args:
        source: B rows of bare ids.
        target: B rows.
        source_specials: Special tokens of the source's vocabulary.
        target_specials: Those of the target's.
        present: bool `[B]`: False leaves a row empty. None: all.
        pad_to: Widths are multiples of it.
        widths: Of source and target, if they are to be fixed.

    Returns:
        `source`: `ids` int32 `[B, S]`, `valid` bool `[B, S]`. `target`: `ids`, `labels` int32
        `[B, T]`, `valid`, `selected` bool `[B, T]`; row t of `labels` follows row t of `ids`.
    """
    source_width, target_width = widths or (None, None)
    read, seen = _ended(source, source_specials, present, pad_to, source_width)
    labels, valid = _ended(target, target_specials, present, pad_to, target_width)
    count = len(source)
    present = np.ones(count, bool) if present is None else present
    ids = np.full(labels.shape, target_specials.pad_id, np.int32)
    _scatter(ids, target, np.where(present, target.lengths, 0), np.ones(count, np.int64))
    ids[np.flatnonzero(present), 0] = target_specials.start_id
    return {
        "source": {"ids": read, "valid": seen},
        "target": {"ids": ids, "valid": valid, "labels": labels, "selected": valid.copy()},
    }
