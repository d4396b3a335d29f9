"""What a model says about each word: its most likely ids, and how it ranks the one that stands."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfkd.layers.custom_gradient import without_gradients
from tfkd.layers.largest import largest
from tfkd.models.heads import cap_of, capped
from tfkd.models.mean_of import MeanOf, log_mean
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
    others: Sequence[tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]] = (),
    weights: Sequence[float] | None = None,
    cap: float | Sequence[float | None] | None = None,
    chunk_rows: int | None = None,
) -> TopK:
    """Reads log softmax(hidden . matrix^T + bias) by chunks of positions; of several models
    log sum_m w_m softmax(hidden_m . matrix_m^T + bias_m).

    Args:
        hidden: `[N, d]`, float32 or bfloat16; the product is float32, or near ranks would tie.
        matrix: `[V, d]`.
        bias: float32 `[V]`, or None.
        k: K, 0 to V; 0 spares the search for the largest.
        gold: int32 `[N]`.
        others: Of each other model whose distribution is averaged with this one the states, matrix
            and bias, over the same V words.
        weights: w of this model and the others, which add up to 1; None: as much each.
        cap: Of the logits, see `VocabularyHead`; None: without. Of several models each its own.
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
    models = [(hidden, matrix, bias), *others]
    heads = [(tf.cast(rows, tf.float32), shift) for _, rows, shift in models]
    ids = tf.range(vocabulary_size)

    caps = cap if isinstance(cap, Sequence) else [cap] * len(heads)

    def step(inputs, carried):
        *states, gold = inputs
        read = zip(states, heads, caps, strict=True)
        found = [capped(_logits(one, *head), of_one) for one, head, of_one in read]
        logits = found[0] if len(found) == 1 else log_mean(found, weights)
        log_sum_exp = tf.reduce_logsumexp(logits, -1)
        expected = tf.reduce_sum(tf.exp(logits - log_sum_exp[:, None]) * logits, -1)
        of_gold = tf.gather(logits, gold, batch_dims=1)[:, None]
        # Ties are broken as top_k breaks them; to what is no number every id comes before.
        before = ~(logits <= of_gold) | ((logits == of_gold) & (ids < gold[:, None]))
        if k:
            likeliest, best = largest(logits, k)
        else:
            likeliest, best = logits[:, :0], tf.zeros_like(logits[:, :0], tf.int32)
        outputs = [
            likeliest - log_sum_exp[:, None],
            best,
            tf.reduce_sum(tf.cast(before, tf.int32), -1),
            log_sum_exp - expected,
            of_gold[:, 0] - log_sum_exp,
        ]
        return outputs, carried

    outputs, _ = over_chunks(
        step,
        [*(states for states, _, _ in models), tf.cast(gold, tf.int32)],
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


def _logits(hidden: tf.Tensor, matrix: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
    logits = tf.matmul(tf.cast(hidden, tf.float32), matrix, transpose_b=True)
    return logits if bias is None else logits + tf.cast(bias, tf.float32)


def predictor(model: Any, top_k: int = 0, *, head: str | None = None) -> Predict:
    """A function from a record to the model's predictions at its selected positions.

    Args:
        model: A language model; runs without dropout. Of a `MeanOf` the mean of its models'
            distributions. What has a `predictor` of its own, as an engine's, is asked by that.
        top_k: K of `TopK`; 0 where only the gold words matter.
        head: The head's name; None: the model's only one.

    Returns:
        `predict(record)`, which gives the fields of `TopK` as NumPy arrays, positions in row-major
        order, and `gold` int32 `[N]`. It is traced once for each layout of record, not for each
        shape.
    """

    if hasattr(model, "predictor"):
        return model.predictor(top_k)
    several = isinstance(model, MeanOf)
    members, weights = (model.members, model.weights) if several else ((model,), None)

    @without_gradients()
    def forward(record):
        side = predicted_side(record)
        take = gather_positions(side["selected"])
        gold = take(side["labels"])
        first, *others = (_predicted(one, record, take, head) for one in members)
        caps = [cap_of(one.heads[head] if head else one.head) for one in members]
        found = top_k_log_probabilities(
            *first, top_k, gold, others=others, weights=weights, cap=caps
        )
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


def _predicted(model: Any, record: Any, take: Any, head: str | None) -> tuple:
    """A model's states at the selected positions, as its head takes them, with its matrix and
    bias."""
    output = model.heads[head] if head else model.head
    hidden = output.transform(take(model(record, training=False)["hidden"]))
    return hidden, output.matrix(), output.bias()
