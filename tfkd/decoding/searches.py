"""The kinds of decoding that a spec can name, as they meet a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import tensorflow as tf

from tfkd.decoding.beam import beam_search
from tfkd.decoding.greedy import decode_greedily
from tfkd.decoding.hypotheses import Hypotheses, forbidden_ids
from tfkd.decoding.length_limit import LengthLimit
from tfkd.decoding.mask_predict_search import MaskPredict
from tfkd.decoding.numpy_decoding import (
    NumpyModel,
    NumpyOutput,
    left_to_right,
    near_greedy,
    numpy_beam_search,
    numpy_greedy_search,
)
from tfkd.decoding.numpy_sampling import near_sampling, numpy_sampling
from tfkd.decoding.sampling import hashed, sampled
from tfkd.decoding.search import Search, Specials


@dataclass(frozen=True, kw_only=True)
class BeamSearch(Search):
    """Beam search, see `tfkd.decoding.beam_search`.

    Attributes:
        beam: Number of live prefixes a sentence.
        length_penalty: The exponent of the GNMT penalty.
        n_best: Hypotheses to return.
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes.
        min_length: The fewest tokens of an output.
    """

    over_lists: ClassVar[bool] = True

    beam: int = 4
    length_penalty: float = 0.6
    n_best: int = 1
    max_length: LengthLimit = field(default_factory=LengthLimit)
    min_length: int = 0

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
            min_length=self.min_length,
        )

    def numpy(self, model: NumpyModel, limit: int) -> NumpyOutput:
        """See `Search`."""
        penalty = {"length_penalty": self.length_penalty}
        search = partial(numpy_beam_search, beam=self.beam, **penalty)
        return left_to_right(model, search, limit=limit, min_length=self.min_length, **penalty)

    def in_words(self) -> str:
        """See `Search`."""
        return f"by beam search, beam {self.beam}, length penalty {self.length_penalty:g}"


@dataclass(frozen=True, kw_only=True)
class GreedySearch(Search):
    """Greedy search, see `tfkd.decoding.greedy_search`; a score is a log-probability.

    Attributes:
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes.
        min_length: The fewest tokens of an output.
    """

    over_lists: ClassVar[bool] = True

    max_length: LengthLimit = field(default_factory=LengthLimit)
    min_length: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))

    def __call__(
        self,
        model: Any,
        source: Mapping[str, tf.Tensor],
        max_lengths: tf.Tensor,
        specials: Specials,
    ) -> Hypotheses:
        given = (model, source, max_lengths, specials)
        return decode_greedily(*given, min_length=self.min_length)

    def numpy(self, model: NumpyModel, limit: int) -> NumpyOutput:
        """See `Search`."""
        settings = {"limit": limit, "min_length": self.min_length, "near": near_greedy}
        return left_to_right(model, numpy_greedy_search, **settings)

    def in_words(self) -> str:
        """See `Search`."""
        return "with the likeliest token at each place"


@dataclass(frozen=True, kw_only=True)
class Sampling(Search):
    """Draws each token from the model's distribution, see `tfkd.decoding.sampled`.

    What a row gets is a function of the seed, of what the model read and of the step: the same in
    every batch. A score is the model's own log-probability of what was drawn, at temperature 1.

    Attributes:
        temperature: Divides the logits: below 1 likelier tokens, above 1 less likely ones.
        top_k: Only the K likeliest tokens; None: all.
        top_p: Only the fewest tokens that together have this probability, after `top_k`.
        seed: Another seed draws other outputs. A number; in a graph an int32 scalar, or one a row.
        n_best: Outputs of each row, the likeliest first: the draws of the seeds `seed` to `seed` +
            n_best - 1, among which may be the same output twice.
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes.
        min_length: The fewest tokens of an output.

    Reference: Fan et al. 2018 (top_k); Holtzman et al. 2020 (top_p).
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: Any = 1
    n_best: int = 1
    max_length: LengthLimit = field(default_factory=LengthLimit)
    min_length: int = 0

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and 0 < self.top_p <= 1 and self.n_best > 0):
            raise ValueError(
                "Invalid value for `Sampling`. Expected a temperature above 0, top_p above 0, "
                f"at most 1, and n_best of 1 or more. Received: temperature={self.temperature}, "
                f"top_p={self.top_p}, n_best={self.n_best}"
            )
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))

    def __call__(
        self,
        model: Any,
        source: Mapping[str, tf.Tensor],
        max_lengths: tf.Tensor,
        specials: Specials,
    ) -> Hypotheses:
        n, rows = self.n_best, tf.size(max_lengths)
        if n > 1:
            source = {name: tf.repeat(value, n, axis=0) for name, value in source.items()}
            max_lengths = tf.repeat(max_lengths, n)
        seeds = self.seed if n == 1 else tf.tile(self.seed + tf.range(n), [rows])
        keys = hashed(source["ids"], source["valid"], seeds)

        def choose(logits: tf.Tensor, rows: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
            return sampled(
                logits,
                tf.gather(keys, rows),
                index,
                temperature=self.temperature,
                top_k=self.top_k,
                top_p=self.top_p,
            )

        given = (model, source, max_lengths, specials)
        found = decode_greedily(*given, min_length=self.min_length, choose=choose)
        return found if n == 1 else _best_first(found, n)

    def numpy(self, model: NumpyModel, limit: int) -> NumpyOutput:
        """See `Search`."""
        if self.n_best > 1:
            draws = [replace(self, seed=self.seed + draw, n_best=1) for draw in range(self.n_best)]
            return max((one.numpy(model, limit) for one in draws), key=lambda one: one.score)
        given = {"search": self, "read": model.read}
        search, near = partial(numpy_sampling, **given), partial(near_sampling, **given)
        return left_to_right(model, search, limit=limit, min_length=self.min_length, near=near)

    def serving_options(self) -> dict[str, int]:
        """See `Search`."""
        return {"seed": int(self.seed)}

    def in_words(self) -> str:
        """See `Search`."""
        cut = "" if self.top_k is None else f", top_k {self.top_k}"
        cut += "" if self.top_p == 1 else f", top_p {self.top_p:g}"
        return (
            f"by draws at temperature {self.temperature:g}{cut}, seed {self.seed}: the same text "
            "and seed give the same output, in any batch"
        )


def _best_first(found: Hypotheses, n: int) -> Hypotheses:
    """One hypothesis each of n draws of a row, `[rows * n, 1, ...]`, as the row's n best."""
    whole = [tf.reshape(each, tf.concat([[-1, n], tf.shape(each)[2:]], 0)) for each in found]
    order = tf.argsort(-whole[2], axis=1, stable=True)
    return Hypotheses(*(tf.gather(each, order, batch_dims=1) for each in whole))


_KINDS = {
    "beam": BeamSearch,
    "greedy": GreedySearch,
    "mask_predict": MaskPredict,
    "sample": Sampling,
}


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
        settings.pop("engine", None)  # what runs it elsewhere
        return _KINDS[kind](**settings)
    from tfkd.spec import registry

    return registry.load(registry.lookup("decode", kind))(**settings)
