"""A text or a pair whose class is predicted at one position."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.classes import label_ids
from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, joint, joint_lengths
from tfkd.data.ragged import Ragged
from tfkd.data.views.base import FIRST, SECOND, Record, SequenceView, Visits

MARK = "mark"


class ClassifyView(SequenceView):
    """`[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, read at [CLS] or at the piece that is marked.

    `selected` is the one position that is read, `labels` has the class's id there, and `gold` says
    whether that is known: False for rows without a label, and for labels that are no class.

    A text that is too long loses its end, as in all sequences; where its mark would go with it, a
    window about the mark is what is left: its first piece is max(0, min(m - k // 2, n - k)) for
    the mark m, n pieces and k that are left.

    Args:
        tokenizer, specials, name, max_length: As in `SequenceView`.
        classes: The number of classes, C.
        read: "cls" or "mark".

    References:
        Devlin et al. 2019, BERT, section 4.1 and figure 4; P4, LightPAFF, section 4.1.
    """

    kind = "classify"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        classes: int,
        read: str = "cls",
        name: str = "plain",
        max_length: int | None = None,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)
        self.classes = classes
        self.read = read

    def __call__(
        self,
        example_set: ExampleSet,
        examples: np.ndarray,
        epoch: Visits,
        seed: int,
        *,
        pad_to: int = 1,
        widths: Mapping[str, int] | None = None,
    ) -> Record:
        """See `View.__call__`; nothing is drawn."""
        examples = np.asarray(examples, np.int64)
        present = examples >= 0
        labels = label_ids(example_set, examples)
        first = example_set.take(FIRST, self.tokenizer, examples)
        second = example_set.take(SECOND, self.tokenizer, examples)
        paired = example_set.has(SECOND, self.tokenizer, examples)
        place = np.zeros(len(examples), np.int64)
        if self.read == MARK:
            marks = _firsts(example_set.take(MARK, self.tokenizer, examples))
            between = getattr(self.specials, "separators", 1)
            kept = (
                joint_lengths(first.lengths, second.lengths, paired, self.max_length, between)[0]
                - 2
                - np.where(paired, between - 1, 0)
            )
            start = window_start(marks, kept, first.lengths)
            first = _windows(first, start, kept)
            place = np.where(present, 1 + np.clip(marks - start, 0, np.maximum(kept - 1, 0)), 0)
        sequence = joint(
            first,
            second,
            self.specials,
            self.max_length,
            has_second=paired,
            present=present,
            pad_to=pad_to,
            width=widths["joint"] if widths else None,
        )
        return read_at(sequence, place, labels, present, self.classes)


def read_at(
    sequence: Mapping[str, np.ndarray],
    place: np.ndarray,
    labels: np.ndarray,
    present: np.ndarray,
    classes: int,
) -> Record:
    """The record of a sequence that is read at one position a row.

    Args:
        sequence: What `layouts.joint` returns.
        place: int `[B]`.
        labels: int `[B]`; what is no class (-1, or from `classes` on) is not known.
        present: bool `[B]`; False for the filler of a batch.
        classes: C.

    Returns:
        `ids`, `types`, `labels` int32 and `valid`, `selected`, `gold` bool, each `[B, T]`.
    """
    rows = np.arange(len(place))
    selected = np.zeros(sequence["ids"].shape, bool)
    selected[rows, place] = present
    known = (labels >= 0) & (labels < classes)
    return {
        "ids": sequence["ids"],
        "types": sequence["types"],
        "valid": sequence["valid"],
        "labels": np.where(selected, np.where(known, labels, 0)[:, None], 0).astype(np.int32),
        "selected": selected,
        "gold": selected & known[:, None],
    }


def window_start(marks: Any, kept: Any, lengths: Any) -> Any:
    """The first piece that is left of a text, so that its mark stays; see `ClassifyView`.

    Args:
        marks, kept, lengths: m, k and n: int `[B]`.
    """
    inside = np.clip(marks - kept // 2, 0, np.maximum(lengths - kept, 0))
    return np.where(marks < kept, 0, inside)


def _firsts(rows: Ragged) -> np.ndarray:
    """The first value of each row, int64 `[B]`; 0 of an empty one."""
    found = np.zeros(len(rows), np.int64)
    found[rows.lengths > 0] = rows.values[rows.offsets[:-1][rows.lengths > 0]]
    return found


def _windows(rows: Ragged, start: np.ndarray, kept: np.ndarray) -> Ragged:
    """`kept` values of each row from `start` on, or what there is of them."""
    lengths = np.clip(rows.lengths - start, 0, np.maximum(kept, 0))
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    begin = np.repeat(rows.offsets[:-1] + start - offsets[:-1], lengths)
    return Ragged(np.asarray(rows.values[begin + np.arange(offsets[-1])], np.int32), offsets)
