"""The largest of many numbers, found by blocks."""

import tensorflow as tf

# Numbers of a block: around the root of what beams times a vocabulary come to, and the fastest of
# 20 to 200 that were tried.
_BLOCK = 80
# Below, one pass is as quick.
_FEW = 4096


def largest(values: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The k largest of each row, falling, and their places; of equal ones the earlier comes first.

    What `tf.math.top_k` gives, to the bit: that one compares number after number, where a processor
    finds the largest of a block many at a time. Of blocks that follow each other, ordered by their
    largest number and of equal ones by place, the first k hold the k largest numbers: a number of
    any other block has k before it, one in each of them. Numbers that are none (NaN)
    have no order in either.

    Args:
        values: float32 `[rows, n]`; n that is not known goes in one pass.
        k: At most n.

    Returns:
        float32 and int32 `[rows, k]`.
    """
    size = values.shape[1]
    if size is None or size < max(_FEW, 2 * k * _BLOCK):
        return tf.math.top_k(values, k)
    block = next((one for one in range(_BLOCK, 2 * _BLOCK) if size % one == 0), None)
    if block is None:
        block = _BLOCK
        more = -size % block
        values = tf.pad(values, [[0, 0], [0, more]], constant_values=float("-inf"))
        size += more
    parts = tf.reshape(values, [-1, size // block, block])
    _, chosen = tf.math.top_k(tf.reduce_max(parts, 2), k)
    chosen = tf.sort(chosen, 1)  # so that of equal numbers the earlier stays the first
    held = tf.reshape(tf.gather(parts, chosen, batch_dims=1), [-1, k * block])
    best, places = tf.math.top_k(held, k)
    return best, tf.gather(chosen, places // block, batch_dims=1) * block + places % block
