"""The kinds of decoding that a spec can name, as they meet a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import tensorflow as tf

from tfkd.decoding.beam import beam_search
from tfkd.decoding.greedy import greedy_search
from tfkd.decoding.hypotheses import Hypotheses, forbidden_ids
from tfkd.decoding.length_limit import LengthLimit
from tfkd.decoding.mask_predict_search import MaskPredict


class Specials(Protocol):
    """What a search asks of the target's tokenizer."""

    size: int
    pad_id: int
    start_id: int
    end_id: int
    special_ids: Any


class Search(Protocol):
    """Finds outputs with a model: a frozen object that holds the options, callable in a graph."""

    max_length: LengthLimit
    n_best: int

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
        ...


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Beam search, see `tfkd.decoding.beam_search`.

    Attributes:
        beam: Number of live prefixes a sentence.
        length_penalty: The exponent of the GNMT penalty.
        n_best: Hypotheses to return.
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes.
    """

    beam: int = 4
    length_penalty: float = 0.6
    n_best: int = 1
    max_length: LengthLimit = field(default_factory=LengthLimit)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))

    def __call__(
        self,
        model: Any,
        source: Mapping[str, tf.Tensor],
        max_lengths: tf.Tensor,
        specials: Specials,
    ) -> Hypotheses:
        return beam_search(
            model.start(source),
            lambda ids, state, index: model.step(ids, state, index),
            start_id=int(specials.start_id),
            end_id=int(specials.end_id),
            vocabulary_size=model.vocabulary_size,
            max_lengths=max_lengths,
            beam=self.beam,
            length_penalty=self.length_penalty,
            n_best=self.n_best,
            forbidden_ids=forbidden_ids(specials),
            pad_id=int(specials.pad_id),
        )


@dataclass(frozen=True, kw_only=True)
class GreedySearch:
    """Greedy search, see `tfkd.decoding.greedy_search`; a score is a log-probability.

    Attributes:
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes.
    """

    max_length: LengthLimit = field(default_factory=LengthLimit)

    n_best = 1
    beam = 1
    length_penalty = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))

    def __call__(
        self,
        model: Any,
        source: Mapping[str, tf.Tensor],
        max_lengths: tf.Tensor,
        specials: Specials,
    ) -> Hypotheses:
        return greedy_search(
            model.start(source),
            lambda ids, state, index: model.step(ids, state, index),
            start_id=int(specials.start_id),
            end_id=int(specials.end_id),
            vocabulary_size=model.vocabulary_size,
            max_lengths=max_lengths,
            length_penalty=self.length_penalty,
            forbidden_ids=forbidden_ids(specials),
            pad_id=int(specials.pad_id),
        )


_KINDS = {"beam": BeamSearch, "greedy": GreedySearch, "mask_predict": MaskPredict}


def build_search(options: Any) -> Search:
    """Makes a search of decode options: an object or a mapping with `kind` and its settings.

    A search is returned as it is; None is a beam search as P1 has it (4 beams, alpha 0.6). A kind
    that is not built in is looked up in the registry: a class that is made with the settings.
    """
    if options is None:
        return BeamSearch()
    if callable(options):
        return options
    if hasattr(options, "model_dump"):
        options = options.model_dump()
    settings = dict(options)
    kind = settings.pop("kind", None)
    if kind in _KINDS:
        return _KINDS[kind](**settings)
    from tfkd.spec import registry

    return registry.load(registry.lookup("decode", kind))(**settings)
