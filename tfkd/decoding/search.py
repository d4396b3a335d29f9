"""What a search is: how it decodes, and what an export needs of it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import tensorflow as tf

from tfkd.decoding.hypotheses import Hypotheses
from tfkd.decoding.length_limit import LengthLimit


class Specials(Protocol):
    """What a search asks of the target's tokenizer."""

    size: int
    pad_id: int
    start_id: int
    end_id: int
    special_ids: Any


class Search:
    """Finds outputs with a model: an object that holds the options, callable in a graph.

    A search of one's own is a frozen dataclass whose fields are its options, with `__call__`. To be
    exported it has a method `numpy(model, limit) -> NumpyOutput`, too: the same search of one input
    a second time, in NumPy, which asks a `tfkd.decoding.NumpyModel` afresh for each answer. What a
    SavedModel answers is held against that, so it shares no code with `__call__`. Where it decides
    place by place, `NumpyOutput.allows` says which tokens rounding may have chosen instead.

    Attributes:
        max_length: How long outputs may grow.
        n_best: Hypotheses to return.
        length_penalty: The exponent of the GNMT penalty that scores are divided by.
        over_lists: Whether it takes models whose `vocabulary_size` is known in the graph alone: a
            search of its own list in each batch, see `tfkd.decoding.Shortlist`.
    """

    max_length = LengthLimit()
    n_best = 1
    length_penalty = 0.0
    over_lists: ClassVar[bool] = False

    def __call__(
        self,
        model: Any,
        source: Mapping[str, tf.Tensor],
        max_lengths: tf.Tensor,
        specials: Specials,
    ) -> Hypotheses:
        """Decodes a batch.

        Args:
            model: With `start` and `step`, or `prepare` and `fill` (see
                `tfkd.models.EncoderDecoder`).
            source: `ids` int32 `[batch, length]` and `valid` bool alike.
            max_lengths: int32 `[batch]`.
            specials: The target's ids that mean something to the search.
        """
        raise NotImplementedError

    def serving_options(self) -> dict[str, int]:
        """What a caller of a SavedModel may choose anew for each call, with what is chosen else:
        names of fields that may be int32 scalars in a graph."""
        return {}

    def with_options(self, given: Mapping[str, tf.Tensor]) -> Self:
        """The search with what a caller has chosen of `serving_options`, each an int32 scalar."""
        return dataclasses.replace(self, **given) if given else self

    def in_words(self) -> str:
        """How it decodes, after "it decodes" or "it continues"."""
        return f"by {type(self).__name__}"

    def score_in_words(self) -> str:
        """What its scores are."""
        return f"log p / ((5 + tokens) / 6)^{self.length_penalty}"


# What an export asks of a search, beside what decoding does.
EXPORTED = ("numpy", "serving_options", "with_options", "in_words", "score_in_words")
