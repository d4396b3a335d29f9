"""Models that read everything whole, afresh for each answer: what decoding in NumPy asks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfkd.decoding.numpy_decoding import NumpyModel

_IDS = tf.TensorSpec([None, None], tf.int32)
_FIRST = tf.TensorSpec([], tf.int32)


def uncached_pairs(
    model: Any, target: Any, source_end: int
) -> Callable[[Sequence[int]], NumpyModel]:
    """From bare source ids to the encoder-decoder that has read them.

    Args:
        model: Called with a pair record; see `tfkd.models.EncoderDecoder`.
        target: The target's tokenizer.
        source_end: The source's end id.
    """

    def states(sources: tf.Tensor, targets: tf.Tensor) -> dict[str, tf.Tensor]:
        record = {
            "source": {"ids": sources, "valid": tf.ones_like(sources, tf.bool)},
            "target": {"ids": targets, "valid": tf.ones_like(targets, tf.bool)},
        }
        return model(record, training=False)

    @tf.function(input_signature=[_IDS, _IDS, _FIRST], autograph=False)
    def logits(sources: tf.Tensor, targets: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        return model.head.logits(states(sources, targets)["hidden"][:, first:])

    @tf.function(input_signature=[_IDS, _IDS], autograph=False)
    def length_logits(sources: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return states(sources, targets)["length_logits"][0]

    def of(source: Sequence[int]) -> NumpyModel:
        row = np.array([[*source, source_end]], np.int32)
        shortlist = getattr(model, "shortlist", None)
        return NumpyModel(
            row[0].tolist(),
            [int(target.start_id)],
            target,
            lambda ids, first: logits(np.tile(row, (len(ids), 1)), ids, first).numpy(),
            lambda: length_logits(row, np.array([[int(target.mask_id)]], np.int32)).numpy(),
            None if shortlist is None else shortlist.pieces(row[0], target),
        )

    return of


def uncached_prompts(model: Any, tokenizer: Any) -> Callable[[Sequence[int]], NumpyModel]:
    """From prompts, the start first, to the language model that has read them.

    Args:
        model: Called with a sequence record; see `tfkd.models.Gpt2`.
        tokenizer: Its tokenizer.
    """

    @tf.function(input_signature=[_IDS, _FIRST], autograph=False)
    def logits(ids: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        return model.head.logits(model({"ids": ids}, training=False)["hidden"][:, first:])

    return lambda prompt: NumpyModel(
        prompt, prompt, tokenizer, lambda ids, first: logits(ids, first).numpy()
    )
