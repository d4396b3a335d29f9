"""Source and target as an encoder-decoder reads them."""

from collections.abc import Mapping

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, encoder_decoder
from tfkd.data.views.base import Record, Visits
from tfkd.spec.errors import UserError


class PairView:
    """The plain view of an encoder-decoder: nothing hidden, the whole target predicted.

    A record is `{"source": {"ids", "valid"}, "target": {"ids", "valid", "labels", "selected"}}`,
    as `layouts.encoder_decoder` returns it.

    Args:
        source: Name of the source's tokenizer, as the example set's parts know it.
        target: Name of the target's tokenizer.
        source_specials: Its special tokens.
        target_specials: Its special tokens.
        name: The view's key in a batch.
    """

    kind = "none"
    layout = "pair"
    max_length = None

    def __init__(
        self,
        source: str,
        target: str,
        source_specials: SpecialTokens,
        target_specials: SpecialTokens,
        *,
        name: str = "plain",
    ):
        self.source = source
        self.target = target
        self.source_specials = source_specials
        self.target_specials = target_specials
        self.name = name

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        out = {}
        for side, tokenizer in (("source", self.source), ("target", self.target)):
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
        return encoder_decoder(
            example_set.take("source", self.source, examples),
            example_set.take("target", self.target, examples),
            self.source_specials,
            self.target_specials,
            present=np.asarray(examples) >= 0,
            pad_to=pad_to,
            widths=(widths["source"], widths["target"]) if widths else None,
        )
