"""Source and target as a decoder that fills in reads them, each corrupted by itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, alone
from tfkd.data.views.base import Draws, Record, SequenceView, Visits, record
from tfkd.spec.errors import UserError

SIDES = ("source", "target")
_KEPT = {"source": ("ids", "valid"), "target": ("ids", "valid", "labels", "selected")}


class BySideView:
    """`x [SEP]` and `y [SEP]`: labels of the target stand at their own places, not after them.

    A record is `{"source": {"ids", "valid"}, "target": {"ids", "valid", "labels", "selected"}}`.
    What is predicted is what the target's corruption selects; what a corruption of the source hides
    is noise, and not predicted.

    Args:
        corruptions: A sequence view by side, with `max_length` of None; a side without one stays as
            it is. A target that stays as it is has all of its tokens, [SEP] too, selected.
        tokenizers: Names of the tokenizers by side, as the example set's parts know them.
        specials: Their special tokens by side.
        name: The view's key in a batch.
    """

    kind = "by_side"
    layout = "pair"
    max_length = None

    def __init__(
        self,
        corruptions: Mapping[str, SequenceView],
        tokenizers: Mapping[str, str],
        specials: Mapping[str, SpecialTokens],
        *,
        name: str = "by_side",
    ):
        if unknown := set(corruptions) - set(SIDES):
            raise ValueError(
                "Invalid value for argument `corruptions`. Expected keys source, target. "
                f"Received: {sorted(unknown)}"
            )
        self.name = name
        self.tokenizers = dict(tokenizers)
        self.specials = dict(specials)
        self._corruptions = dict(corruptions)

    @property
    def source(self) -> str:
        """The name of the source's tokenizer."""
        return self.tokenizers["source"]

    @property
    def target(self) -> str:
        """The name of the target's tokenizer."""
        return self.tokenizers["target"]

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        out = {}
        for side in SIDES:
            tokenizer = self.tokenizers[side]
            if not example_set.has(side, tokenizer).all():
                raise UserError(
                    f"view {self.name}: an encoder-decoder reads the fields source and target, and "
                    f"a corpus has no `{side}` in tokenizer {tokenizer}; use parallel corpora"
                )
            out[side] = example_set.lengths(side, tokenizer) + 1
        return out

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
        found: dict[str, Any] = {}
        for side in SIDES:
            sequence = alone(
                example_set.take(side, self.tokenizers[side], examples),
                self.specials[side],
                present=examples >= 0,
                pad_to=pad_to,
                width=widths[side] if widths else None,
            )
            view = self._corruptions.get(side)
            if view is None:
                whole = record(sequence, sequence["ids"], sequence["valid"])
            else:
                # Each side draws its own numbers, be it corrupted in the same way.
                salt = f"{side}/{view.salt()}"
                whole = view.corrupt(sequence, Draws(seed, epoch, examples, salt))
            found[side] = {key: whole[key] for key in _KEPT[side]}
        return found
