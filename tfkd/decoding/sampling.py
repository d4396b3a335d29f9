"""Draws from next-token distributions that depend on a key and a step alone."""

import tensorflow as tf

from tfkd.layers.largest import largest


def hashed(ids: tf.Tensor, valid: tf.Tensor, seed: int | tf.Tensor) -> tf.Tensor:
    """A key for each row, of its tokens and their places: the same whatever its padding.

    Args:
        ids: int32 `[batch, length]`.
        valid: bool `[batch, length]`.
        seed: A number, an int32 scalar, or one of each row, int32 `[batch]`.

    Returns:
        uint32 `[batch]`.
    """
    places = tf.cast(tf.range(tf.shape(ids)[1]), tf.uint32)
    words = _mixed(tf.cast(ids, tf.uint32) + _mixed(places)[None])
    words = tf.where(tf.convert_to_tensor(valid), words, tf.zeros_like(words))
    # A sum over the row that wraps around; reductions of unsigned integers are not everywhere.
    total = tf.bitcast(tf.reduce_sum(tf.bitcast(words, tf.int32), 1), tf.uint32)
    return _mixed(total + _mixed(tf.cast(seed, tf.uint32)))


def row_seeds(key: tf.Tensor, rows: tf.Tensor, seed: int = 0) -> tf.Tensor:
    """A seed for each row of a batch: a pure function of a key, the row's number and a seed.

    Args:
        key: int32 `[2]`, that of the batch.
        rows: int32 `[rows]`, numbers of rows.
        seed: A number.

    Returns:
        int32 `[rows]`, at least 0.
    """
    words = tf.bitcast(tf.cast(key, tf.int32), tf.uint32)
    word = _mixed(words[0] + _mixed(words[1] + _mixed(tf.constant(seed, tf.uint32))))
    mixed = _mixed(word + _mixed(tf.cast(rows, tf.uint32)))
    return tf.cast(tf.bitwise.right_shift(mixed, tf.constant(1, tf.uint32)), tf.int32)


def uniform(keys: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """Draws of [0, 1) for each row at a step, float32 `[rows]`.

    Args:
        keys: uint32 `[rows]`.
        index: int32 scalar, the step.
    """
    word = _mixed(keys + _mixed(tf.cast(index, tf.uint32) + tf.constant(0x9E3779B9, tf.uint32)))
    bits = tf.bitwise.right_shift(word, tf.constant(8, tf.uint32))
    return tf.cast(bits, tf.float32) * 2.0**-24


def sampled(
    logits: tf.Tensor,
    keys: tf.Tensor,
    index: tf.Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> tf.Tensor:
    """Draws a token of each row from softmax(logits / temperature), cut down to the likeliest.

    Args:
        logits: float32 `[rows, vocabulary]`.
        keys: uint32 `[rows]`.
        index: int32 scalar, the step.
        temperature: T.
        top_k: Only the K likeliest tokens; None: all.
        top_p: Of these, only the fewest that together have this probability; 1: all.

    Returns:
        int32 `[rows]`.
    """
    size = logits.shape[-1]
    ordered = top_k is not None or top_p < 1
    values, ids = logits, None
    if ordered:
        values, ids = largest(logits, min(top_k or size, size))
    probabilities = tf.nn.softmax(values / temperature)
    if top_p < 1:
        # The first token whose mass before it has not reached p is the last to stay.
        before = tf.cumsum(probabilities, axis=1, exclusive=True)
        probabilities = tf.where(before < top_p, probabilities, 0.0)
    reached = tf.cumsum(probabilities, axis=1)
    wanted = uniform(keys, index)[:, None] * reached[:, -1:]
    # A place whose mass is 0 reaches no more than the one before it: it is never the first.
    place = tf.argmax(tf.cast(reached > wanted, tf.int32), axis=1, output_type=tf.int32)
    return place if ids is None else tf.gather(ids, place, batch_dims=1)


def _mixed(words: tf.Tensor) -> tf.Tensor:
    """MurmurHash3's finalizer: each bit of a word moves half of the result's. uint32 to uint32."""

    def folded(value: tf.Tensor, shift: int) -> tf.Tensor:
        shifted = tf.bitwise.right_shift(value, tf.constant(shift, tf.uint32))
        return tf.bitwise.bitwise_xor(value, shifted)

    words = folded(words, 16) * tf.constant(0x85EBCA6B, tf.uint32)
    words = folded(words, 13) * tf.constant(0xC2B2AE35, tf.uint32)
    return folded(words, 16)
