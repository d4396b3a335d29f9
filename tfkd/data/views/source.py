"""The source of a pair, alone, corrupted as a stream view does it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.examples import ExampleSet
from tfkd.data.layouts import SpecialTokens, alone
from tfkd.data.views.base import Draws, Record, SequenceView, Visits
from tfkd.spec.errors import UserError


class SourceView:
    """What the encoder of an encoder-decoder reads of a corrupted source: `x' [SEP]`.

    The corruption is a sequence view's, drawn by the same numbers whatever the layout: a teacher
    that reads one sequence sees the very same words hidden (P2, section 3.1: X'). A record is
    `{"source": {"ids", "valid", "labels", "selected"}}`.

    Args:
        corruption: The class of a sequence view: `MaskedLMView`, `SpansView`.
        tokenizer: Name of the source's tokenizer, as the example set's parts know it.
        specials: Its special tokens.
        name: The view's key in a batch.
        options: The corruption's options; sources are not cut, so `max_length` is none of them.
    """

    layout = "pair"
    max_length = None

    def __init__(
        self,
        corruption: type[SequenceView],
        tokenizer: str,
        specials: SpecialTokens,
        *,
        name: str,
        **options: Any,
    ):
        self.name = name
        self.tokenizer = tokenizer
        self.specials = specials
        self._view = corruption(tokenizer, specials, name=name, **{**options, "max_length": None})
        self.kind = self._view.kind

    def lengths(self, example_set: ExampleSet) -> dict[str, np.ndarray]:
        """See `View.lengths`."""
        if not example_set.has("source", self.tokenizer).all():
            raise UserError(
                f"view {self.name}: it hides words of the source, and a corpus has no `source` in "
                f"tokenizer {self.tokenizer}; use parallel corpora"
            )
        return {"source": example_set.lengths("source", self.tokenizer) + 1}

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
        sequence = alone(
            example_set.take("source", self.tokenizer, examples),
            self.specials,
            present=examples >= 0,
            pad_to=pad_to,
            width=widths["source"] if widths else None,
        )
        found = self._view.corrupt(sequence, Draws(seed, epoch, examples, self._view.salt()))
        return {"source": {key: found[key] for key in ("ids", "valid", "labels", "selected")}}
