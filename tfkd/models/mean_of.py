"""Several models that are asked as one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

# The positions of a model that says nothing of them, as `tfkd.decoding.Decoder` takes it.
_UNSAID = 512


class MeanOf:
    """Models of one kind and vocabulary; what is predicted is the mean of their distributions,
    p(y) = sum_k w_k p_k(y). `tfkd.objectives.prediction.predictor` takes it as a model, and so do
    searches that go from left to right: it has what `tfkd.decoding.Decoder` asks of one.

    Each model reads the source by its own encoder and keeps its own caches. At each step the next
    token is searched in the mean; what a search forbids it masks there, so that the rest of the
    mean adds up to 1, and not the rest of each model.

    Args:
        members: The models.
        weights: w, positive, in the models' order; they are divided by their sum. None: 1/K each.

    Raises:
        ValueError: There are no models, or other than one positive weight each.

    Example:
        decoder = Decoder(MeanOf([one, other], [0.7, 0.3]), BeamSearch(), tokenizer, tokenizer)
    """

    def __init__(self, members: Sequence[Any], weights: Sequence[float] | None = None):
        if not members:
            raise ValueError("Invalid value for argument `members`. Expected at least one model.")
        weights = [1.0] * len(members) if weights is None else weights
        whole = sum(weights)
        if len(weights) != len(members) or min(weights) <= 0 or not math.isfinite(whole):
            raise ValueError(
                "Invalid value for argument `weights`. Expected a positive one for each of "
                f"{len(members)} models. Received: {weights}"
            )
        self.members = tuple(members)
        self.weights = tuple(weight / whole for weight in weights)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the same of all.

        Raises:
            ValueError: It is not the same.
        """
        sizes = [one.vocabulary_size for one in self.members]
        if len({*sizes}) > 1:
            raise ValueError(
                "Invalid value for argument `members`. Expected models of one vocabulary. "
                f"Received: vocabularies of {sizes} ids"
            )
        return sizes[0]

    @property
    def max_length(self) -> int:
        """Positions that all of them know."""
        return min(getattr(one, "max_length", None) or _UNSAID for one in self.members)

    @property
    def leads(self) -> Mapping[str, int]:
        """The sides before which a model puts a token, which takes a position; see
        `EncoderDecoder`. Each puts its own."""
        found = [getattr(one, "leads", {}) for one in self.members]
        return {side: lead for leads in found for side, lead in leads.items()}

    def start(self, source: Mapping[str, tf.Tensor]) -> tuple[Any, ...]:
        """The state that decoding starts from: each model's own, see `EncoderDecoder.start`."""
        return tuple(one.start(source) for one in self.members)

    def step(
        self, ids: tf.Tensor, state: tuple[Any, ...], index: int | tf.Tensor
    ) -> tuple[tf.Tensor, tuple[Any, ...]]:
        """Feeds one token a row to each model.

        Args:
            ids: int32 `[rows]`: the tokens at position `index`.
            state: From `start` or the step before.
            index: Position of `ids`, counted from 0.

        Returns:
            float32 `[rows, vocabulary_size]`, log sum_k w_k p_k of the next token, and the new
            state.
        """
        told = [one.step(ids, own, index) for one, own in zip(self.members, state, strict=True)]
        return log_mean([logits for logits, _ in told], self.weights), tuple(own for _, own in told)


def log_mean(logits: Sequence[tf.Tensor], weights: Sequence[float] | None = None) -> tf.Tensor:
    """The logarithm of the mean of distributions: log sum_k w_k softmax(logits_k).

    Args:
        logits: Of each model `[..., V]`.
        weights: w, positive, of sum 1; None: 1/K each.

    Returns:
        float32 `[..., V]`.
    """
    weights = [1 / len(logits)] * len(logits) if weights is None else weights
    shares = [
        tf.nn.log_softmax(tf.cast(one, tf.float32)) + math.log(weight)
        for one, weight in zip(logits, weights, strict=True)
    ]
    return tf.reduce_logsumexp(tf.stack(shares), 0)
