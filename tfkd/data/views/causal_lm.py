"""A sequence read from left to right: every token is predicted from those before it."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, joint, rounded_width
from tfkd.data.ragged import Ragged
from tfkd.data.views.base import FIRST, SECOND, Record, SequenceView, Visits
from tfkd.spec.errors import UserError


class CausalLMView(SequenceView):
    """The plain view of a GPT-2: `[CLS] x` is read, `x [SEP]` is predicted.

    With S = `[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]` the ids are S without its last token, the
    labels S without its first; every position is selected. (GPT-2's [CLS] and [SEP] are one token.)
    What is longer than `max_length` is cut off; the last label is then the token that comes next,
    no [SEP]. A packed row (`tfkd.data.packed`) has its separators, and the token before it: nothing
    is added to it. `types` are 1 where a label counts as the target's: in the second side and its
    [SEP]; of a text without one, everywhere.

    Args:
        tokenizer, specials, name: As in `SequenceView`.
        max_length: The most positions of a record; None: any number.

    Reference: Radford et al. 2019, Language Models are Unsupervised Multitask Learners, 2.
    """

    kind = "causal_lm"

    def __init__(
        self,
        tokenizer: str,
        specials: SpecialTokens,
        *,
        name: str = "causal_lm",
        max_length: int | None = None,
    ):
        super().__init__(tokenizer, specials, name=name, max_length=max_length)

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`: `joint` alone."""
        if not example_set.has(FIRST, self.tokenizer).all():
            raise UserError(
                f"view {self.name}: a corpus has neither a field `text` nor `source` in tokenizer "
                f"{self.tokenizer}; give it one of them"
            )
        pair = example_set.has(SECOND, self.tokenizer)
        first = example_set.lengths(FIRST, self.tokenizer)
        second = example_set.lengths(SECOND, self.tokenizer)
        return {"joint": self._counts(first, second, pair, example_set.packed())}

    def _counts(
        self, first: np.ndarray, second: np.ndarray, pair: np.ndarray, packed: np.ndarray
    ) -> np.ndarray:
        """How many positions are read, int64; a packed row brings its own first token."""
        counts = np.where(packed, first - 1, first + 1) + np.where(pair, second + 1, 0)
        return counts if self.max_length is None else np.minimum(counts, self.max_length)

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
        """See `View.__call__`."""
        examples = np.asarray(examples, np.int64)
        first = example_set.take(FIRST, self.tokenizer, examples)
        second = example_set.take(SECOND, self.tokenizer, examples)
        paired = example_set.has(SECOND, self.tokenizer, examples)
        packed, there = example_set.packed(examples), examples >= 0
        counts = self._counts(first.lengths, second.lengths, paired, packed)
        counts = np.where(there, counts, 0)
        longest = int(counts.max(initial=1))
        width = widths["joint"] if widths else rounded_width(longest, pad_to, self.max_length)
        starts = np.where(packed, _first_ids(first, self.specials.end_id), self.specials.start_id)
        first = _without_first(first, packed)
        # One token more than is read, for the last label; what lies beyond it is not laid out.
        sequence = joint(
            _first_tokens(first, longest),
            _first_tokens(second, longest - 1 - first.lengths),
            self.specials,
            has_second=paired,
            present=there,
        )
        tokens = _columns(sequence["ids"], width + 1, self.specials.pad_id)
        tokens[:, 0] = np.where(there, starts, self.specials.pad_id)
        types = _columns(sequence["types"], width + 1, 0)[:, 1:].astype(bool) | ~paired[:, None]
        valid = np.arange(width) < counts[:, None]
        return {
            "ids": np.where(valid, tokens[:, :-1], self.specials.pad_id).astype(np.int32),
            "types": (types & valid).astype(np.int32),
            "valid": valid,
            "labels": np.where(valid, tokens[:, 1:], self.specials.pad_id).astype(np.int32),
            "selected": valid.copy(),
        }


def _first_ids(rows: Ragged, filler: int) -> np.ndarray:
    """The first token of each row, `filler` of an empty one: int32 `[rows]`."""
    found = np.full(len(rows), filler, np.int32)
    there = rows.lengths > 0
    found[there] = rows.values[rows.offsets[:-1][there]]
    return found


def _without_first(rows: Ragged, chosen: np.ndarray) -> Ragged:
    """The same rows, the chosen ones without their first token."""
    if not chosen.any():
        return rows
    gone = rows.offsets[:-1][chosen & (rows.lengths > 0)]
    lengths = rows.lengths - (chosen & (rows.lengths > 0))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Ragged(np.delete(rows.values, gone), offsets)


def _first_tokens(rows: Ragged, most: np.ndarray | int) -> Ragged:
    """The first `most` tokens of each row, none where that is negative."""
    lengths = np.minimum(rows.lengths, np.maximum(most, 0))
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    starts = np.repeat(rows.offsets[:-1] - offsets[:-1], lengths)
    return Ragged(rows.values[starts + np.arange(offsets[-1])], offsets)


def _columns(values: np.ndarray, count: int, filler: int | bool) -> np.ndarray:
    """The first `count` columns, filled up where there are fewer."""
    lacking = max(count - values.shape[1], 0)
    return np.pad(values[:, :count], [(0, 0), (0, lacking)], constant_values=filler)
