"""What a model says about each word: its most likely ids, and how it ranks the one that stands."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfkd.layers.custom_gradient import without_gradients
from tfkd.objectives.chunks import Chunks, over_chunks
from tfkd.objectives.objective import gather_positions
from tfkd.objectives.term import predicted_side

Predict = Callable[[Mapping[str, Any]], dict[str, np.ndarray]]


class TopK(NamedTuple):
    """Predictions at N positions, at temperature 1.

    Attributes:
        log_probabilities: float32 `[N, K]`, falling.
        ids: int32 `[N, K]`; of equal logits the smaller id comes first.
        gold_rank: int32 `[N]`: ids that come before the gold one; 0 is a right prediction.
        entropy: float32 `[N]`, nats.
        gold_log_probability: float32 `[N]`.
    """

    log_probabilities: tf.Tensor
    ids: tf.Tensor
    gold_rank: tf.Tensor
    entropy: tf.Tensor
    gold_log_probability: tf.Tensor


def top_k_log_probabilities(
    hidden: tf.Tensor,
    matrix: tf.Tensor,
    bias: tf.Tensor | None,
    k: int,
    gold: tf.Tensor,
    *,
    chunk_rows: int | None = None,
) -> TopK:
    """Reads log softmax(hidden . matrix^T + bias) by chunks of positions.

    Args:
        hidden: `[N, d]`, float32 or bfloat16; the product is float32, or near ranks would tie.
        matrix: `[V, d]`.
        bias: float32 `[V]`, or None.
        k: K, 0 to V; 0 spares the search for the largest.
        gold: int32 `[N]`.
        chunk_rows: The most positions in a chunk; by default from V.

    Raises:
        ValueError: K is not in 0 ... V.
    """
    vocabulary_size = matrix.shape[0]
    if not 0 <= k <= vocabulary_size:
        raise ValueError(
            f"Invalid value for argument `k`. Expected 0 to {vocabulary_size}, the vocabulary's "
            f"size. Received: k={k}"
        )
    matrix = tf.cast(matrix, tf.float32)
    ids = tf.range(vocabulary_size)

    def step(inputs, carried):
        hidden, gold = inputs
        logits = tf.matmul(tf.cast(hidden, tf.float32), matrix, transpose_b=True)
        if bias is not None:
            logits += tf.cast(bias, tf.float32)
        log_sum_exp = tf.reduce_logsumexp(logits, -1)
        expected = tf.reduce_sum(tf.exp(logits - log_sum_exp[:, None]) * logits, -1)
        of_gold = tf.gather(logits, gold, batch_dims=1)[:, None]
        # Ties are broken as top_k breaks them; to what is no number every id comes before.
        before = ~(logits <= of_gold) | ((logits == of_gold) & (ids < gold[:, None]))
        if k:
            largest, best = tf.math.top_k(logits, k)
        else:
            largest, best = logits[:, :0], tf.zeros_like(logits[:, :0], tf.int32)
        outputs = [
            largest - log_sum_exp[:, None],
            best,
            tf.reduce_sum(tf.cast(before, tf.int32), -1),
            log_sum_exp - expected,
            of_gold[:, 0] - log_sum_exp,
        ]
        return outputs, carried

    outputs, _ = over_chunks(
        step,
        [hidden, tf.cast(gold, tf.int32)],
        Chunks.of(hidden, vocabulary_size, chunk_rows),
        stacked=[
            (tf.float32, [k]),
            (tf.int32, [k]),
            (tf.int32, []),
            (tf.float32, []),
            (tf.float32, []),
        ],
        carried=[],
    )
    return TopK(*outputs)


def predictor(model: Any, top_k: int = 0, *, head: str | None = None) -> Predict:
    """A function from a record to the model's predictions at its selected positions.

    Args:
        model: A language model; runs without dropout.
        top_k: K of `TopK`; 0 where only the gold words matter.
        head: The head's name; None: the model's only one.

    Returns:
        `predict(record)`, which gives the fields of `TopK` as NumPy arrays, positions in row-major
        order, and `gold` int32 `[N]`. It is traced once for each layout of record, not for each
        shape.
    """

    @without_gradients()
    def forward(record):
        side = predicted_side(record)
        take = gather_positions(side["selected"])
        gold = take(side["labels"])
        output = model.heads[head] if head else model.head
        hidden = output.transform(take(model(record, training=False)["hidden"]))
        found = top_k_log_probabilities(hidden, output.matrix(), output.bias(), top_k, gold)
        return {**found._asdict(), "gold": gold}

    traced: dict[str, Callable] = {}

    def predict(record: Mapping[str, Any]) -> dict[str, np.ndarray]:
        record = tf.nest.map_structure(tf.convert_to_tensor, dict(record))
        specs = tf.nest.map_structure(
            lambda value: tf.TensorSpec([None] * value.shape.rank, value.dtype), record
        )
        key = repr(specs)
        if key not in traced:
            traced[key] = tf.function(forward, input_signature=[specs], autograph=False)
        return {name: value.numpy() for name, value in traced[key](record).items()}

    return predict
