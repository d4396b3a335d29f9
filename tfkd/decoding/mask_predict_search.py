"""Mask-Predict as a search: a model's lengths, its words, and the choice among candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from tfkd.decoding.hypotheses import (
    IMPOSSIBLE,
    Hypotheses,
    forbidden_ids,
    forbidding,
    length_penalty,
)
from tfkd.decoding.length_limit import LengthLimit
from tfkd.decoding.mask_predict_passes import (
    Candidates,
    Pass,
    Predict,
    chosen,
    mask_predict,
    run_pass,
    start,
)
from tfkd.decoding.numpy_decoding import NumpyModel, NumpyOutput
from tfkd.decoding.numpy_mask_predict import numpy_mask_predict
from tfkd.decoding.search import Search
from tfkd.models.heads import times_matrix
from tfkd.objectives.chunks import Chunks, over_chunks

# What P3's and Mask-Predict's code take for the shortest output: a word and [SEP].
SHORTEST = 2


@dataclass(frozen=True, kw_only=True)
class MaskPredict(Search):
    """Mask-Predict, see `tfkd.decoding.mask_predict`.

    Attributes:
        iterations: T; an int32 scalar tensor will do.
        length_candidates: B: the most likely lengths, decoded side by side; a tensor will do.
        passes: "iterations": T passes, as Mask-Predict makes; "one_more": T + 1, as AB-Net's code.
        stop_when_stable: Whether a candidate that a pass left as it was is done: faster, and worse
            (see `tfkd.decoding.mask_predict`).
        choose_by: "length_penalty": sum log p / ((5 + L) / 6) ** length_penalty; "mean": sum log p
            / L, as Mask-Predict has it. L counts the end.
        length_penalty: The exponent.
        forbid_specials: No [MASK], [PAD], [UNK] or [CLS] in an output; else they may come, and a
            [CLS] ends an output as a [SEP] does.
        n_best: Hypotheses to return, of different lengths; at most `length_candidates`. Where a
            sentence has fewer candidates, the others are empty and score -inf.
        max_length: A `LengthLimit`, or what `LengthLimit.of` takes; longer lengths are no
            candidates.
    """

    iterations: Any = 10
    length_candidates: Any = 4
    passes: str = "iterations"
    stop_when_stable: bool = False
    choose_by: str = "length_penalty"
    length_penalty: float = 1.1
    forbid_specials: bool = True
    n_best: int = 1
    max_length: LengthLimit = field(default_factory=LengthLimit)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_length", LengthLimit.of(self.max_length))
        for name, known in (
            ("passes", ("iterations", "one_more")),
            ("choose_by", ("length_penalty", "mean")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"Invalid value for argument `{name}`. Expected one of {', '.join(known)}. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        for name in ("iterations", "length_candidates", "n_best"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise ValueError(
                    f"Invalid value for argument `{name}`. Expected 1 or more. "
                    f"Received: {name}={value}"
                )
        if isinstance(self.length_candidates, int) and self.n_best > self.length_candidates:
            raise ValueError(
                "Invalid value for argument `n_best`. Expected at most `length_candidates`. "
                f"Received: n_best={self.n_best}, length_candidates={self.length_candidates}"
            )

    def __call__(
        self, model: Any, source: Mapping[str, tf.Tensor], max_lengths: tf.Tensor, specials: Any
    ) -> Hypotheses:
        """Decodes a batch; see `tfkd.decoding.Search`."""
        logits, state = model.prepare(source)
        lengths, each = self.lengths(logits, max_lengths)
        state = tf.nest.map_structure(lambda rows: tf.repeat(rows, each, axis=0), state)
        found = mask_predict(
            state,
            words(model, self._mask(model, specials)),
            lengths=tf.reshape(lengths, [-1]),
            iterations=self.iterations,
            mask_id=int(specials.mask_id),
            pad_id=int(specials.pad_id),
            one_more=self.passes == "one_more",
            stop_when_stable=self.stop_when_stable,
        )
        return self.choose(found, each, specials)

    def numpy(self, model: NumpyModel, limit: int) -> NumpyOutput:
        """See `tfkd.decoding.Search`."""
        return numpy_mask_predict(model, self, limit=limit)

    def serving_options(self) -> dict[str, int]:
        """See `tfkd.decoding.Search`."""
        return {
            "iterations": int(self.iterations),
            "length_candidates": int(self.length_candidates),
        }

    def with_options(self, given: Mapping[str, tf.Tensor]) -> "MaskPredict":
        """See `tfkd.decoding.Search`; less than one of either is one."""
        return super().with_options({name: tf.maximum(one, 1) for name, one in given.items()})

    def score_in_words(self) -> str:
        """See `tfkd.decoding.Search`."""
        if self.choose_by == "mean":
            return "the mean of the tokens' log p, each as it was predicted last"
        return f"{super().score_in_words()}, each token's p as it was predicted last"

    def trace(
        self, model: Any, source: Mapping[str, tf.Tensor], max_lengths: tf.Tensor, specials: Any
    ) -> tuple[list[Pass], Hypotheses]:
        """The passes over each sentence's most likely length, one after the other, and what comes
        of them: which tokens each pass hid, and what it put there.

        A pass that leaves a row as it was ends it where `stop_when_stable` says so: its later
        passes hide nothing.
        """
        logits, state = model.prepare(source)
        lengths = self.lengths(logits, max_lengths)[0][:, 0]
        predict = words(model, self._mask(model, specials))
        ids = {"mask_id": int(specials.mask_id)}
        live, passes = start(lengths, **ids, pad_id=int(specials.pad_id)), []
        lasting = lengths > 0
        for index in range(int(self.iterations) + (self.passes == "one_more")):
            after, hidden = run_pass(
                live, tf.constant(index), tf.constant(int(self.iterations)), state, predict, **ids
            )
            going = lasting[:, None]
            after = Candidates(
                tf.where(going, after.tokens, live.tokens),
                tf.where(going, after.log_p, live.log_p),
                lengths,
            )
            passes.append(Pass(after.tokens, hidden & going, after.log_p))
            if self.stop_when_stable:
                lasting &= tf.reduce_any(after.tokens != live.tokens, 1)
            live = after
        return passes, self.choose(live, 1, specials, n_best=1)

    def lengths(
        self, logits: tf.Tensor, max_lengths: tf.Tensor
    ) -> tuple[tf.Tensor, int | tf.Tensor]:
        """The B most likely lengths of each sentence, likeliest first.

        Args:
            logits: float32 `[batch, lengths]`.
            max_lengths: int32 `[batch]`: the most tokens, the end not counted; 0 for an output
                that must be empty.

        Returns:
            int32 `[batch, B]`, the end counted, none below 2, and no length twice: 1 counts as 2,
            and of both the likelier is the candidate. 0 for a candidate that a sentence does not
            have. And B.
        """
        numbers = tf.range(tf.shape(logits)[1])
        most = tf.where(max_lengths > 0, max_lengths + 1, 0)[:, None]
        possible = (numbers > 0) & (numbers <= most)
        each = tf.minimum(self.length_candidates, tf.shape(logits)[1])
        if isinstance(self.length_candidates, int) and logits.shape[1] is not None:
            each = min(self.length_candidates, logits.shape[1])
        best, lengths = tf.math.top_k(tf.where(possible, logits, IMPOSSIBLE), each)
        shortest = (lengths <= SHORTEST) & (best > IMPOSSIBLE / 2)
        again = shortest & (tf.cumsum(tf.cast(shortest, tf.int32), 1) > 1)
        lengths = tf.maximum(lengths, SHORTEST)
        return tf.where((best > IMPOSSIBLE / 2) & ~again, lengths, 0), each

    def choose(
        self, found: Candidates, each: Any, specials: Any, n_best: int | None = None
    ) -> Hypotheses:
        """The best candidates of each sentence; an empty sentence has the empty output, at 0."""
        total = tf.reduce_sum(found.log_p, 1)
        if self.choose_by == "mean":
            normalizer = tf.maximum(tf.cast(found.lengths, tf.float32), 1.0)
        else:
            normalizer = length_penalty(found.lengths, self.length_penalty)
        exists = tf.reshape(found.lengths > 0, [-1, each])
        nothing = ~tf.reduce_any(exists, 1, keepdims=True)
        first = tf.range(tf.shape(exists)[1]) == 0
        counts = tf.reshape(exists | (nothing & first), [-1])
        return chosen(
            found,
            tf.where(counts, total / normalizer, float("-inf")),
            each=each,
            n_best=n_best or self.n_best,
            stop_ids=(int(specials.end_id), int(specials.start_id)),
            pad_id=int(specials.pad_id),
        )

    def _mask(self, model: Any, specials: Any) -> tf.Tensor | None:
        if not self.forbid_specials:
            return None
        return forbidding(forbidden_ids(specials), model.vocabulary_size)


def words(model: Any, mask: tf.Tensor | None) -> Predict:
    """What a model puts at hidden tokens: its most likely word, and that one's log p.

    Args:
        model: With `fill` and `head` (see `tfkd.models.EncoderDecoder`).
        mask: float32 `[vocabulary]`, added to the logits before the soft-max; None: nothing.
    """

    def predict(
        ids: tf.Tensor, valid: tf.Tensor, state: Any, hidden: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        states = tf.boolean_mask(model.fill({"ids": ids, "valid": valid}, state), hidden)
        # A head may read another width than it predicts from; one of a plugin need not say so.
        width = getattr(model.head, "reads", model.head.width)
        states = tf.ensure_shape(states, [None, width])
        transformed = model.head.transform(states)
        bias = model.head.bias()

        def best(inputs: list[tf.Tensor], carried: list) -> tuple[list[tf.Tensor], list]:
            logits = tf.cast(times_matrix(inputs[0], model.head), tf.float32)
            for more in (bias, mask):
                logits = logits if more is None else logits + more
            tokens = tf.argmax(logits, -1, output_type=tf.int32)
            log_p = tf.reduce_max(logits, -1) - tf.reduce_logsumexp(logits, -1)
            return [tokens, log_p], carried

        (tokens, log_p), _ = over_chunks(
            best,
            [transformed],
            Chunks.of(transformed, model.vocabulary_size),
            stacked=[(tf.int32, []), (tf.float32, [])],
            carried=[],
        )
        return tokens, log_p

    return predict
