import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers import (
    CrossAttention,
    SelfAttention,
    causal_penalty,
    key_penalty,
    prefix_penalty,
)


def weights_of(layer):
    return np.asarray(layer.kernel, np.float64), np.asarray(layer.bias, np.float64)


def attend(query, key, value, heads, visible):
    """One sentence, head by head, in float64: [queries, width]."""
    size = query.shape[-1] // heads
    out = np.zeros_like(query)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        logits = query[:, part] @ key[:, part].T / np.sqrt(size)
        logits[~visible] = -np.inf
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        out[:, part] = weights / weights.sum(-1, keepdims=True) @ value[:, part]
    return out


def randomised(layer, shape):
    layer.build(shape)
    generator = np.random.default_rng(3)
    for variable in layer.variables:
        variable.assign(generator.normal(size=variable.shape))
    return layer


def test_self_attention_equals_numpy():
    layer = randomised(SelfAttention(12, 3), (None, None, 12))
    hidden = np.random.default_rng(1).normal(size=(2, 5, 12))
    valid = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    output, cache = layer(tf.constant(hidden, tf.float32), key_penalty(tf.constant(valid)))
    assert cache is None
    kernel, bias = weights_of(layer.query_key_value)
    last, last_bias = weights_of(layer.output_projection)
    for row in range(2):
        query, key, value = np.split(hidden[row] @ kernel + bias, 3, axis=-1)
        visible = np.broadcast_to(valid[row], (5, 5))
        expected = attend(query, key, value, 3, visible) @ last + last_bias
        np.testing.assert_allclose(output[row], expected, atol=1e-4)


def test_cross_attention_equals_numpy_and_its_cache():
    layer = randomised(CrossAttention(8, 2, memory_width=6), (None, None, 8))
    generator = np.random.default_rng(2)
    hidden, memory = generator.normal(size=(1, 3, 8)), generator.normal(size=(1, 4, 6))
    visible = np.array([[1, 0, 1, 1]], bool)
    read = {"hidden": tf.constant(memory, tf.float32), "mask": key_penalty(tf.constant(visible))}
    output, _ = layer(tf.constant(hidden, tf.float32), read)
    query = hidden[0] @ weights_of(layer.query)[0] + weights_of(layer.query)[1]
    fused = memory[0] @ weights_of(layer.key_value)[0] + weights_of(layer.key_value)[1]
    key, value = np.split(fused, 2, axis=-1)
    kernel, bias = weights_of(layer.output_projection)
    expected = attend(query, key, value, 2, np.broadcast_to(visible[0], (3, 4))) @ kernel + bias
    np.testing.assert_allclose(output[0], expected, atol=1e-4)
    cached, _ = layer(
        tf.constant(hidden, tf.float32), {"mask": read["mask"]}, cache=layer.start(read)
    )
    np.testing.assert_allclose(cached, output, atol=1e-6)


def test_a_growing_cache_equals_causal_attention():
    layer = randomised(SelfAttention(8, 2), (None, None, 8))
    hidden = tf.constant(np.random.default_rng(4).normal(size=(2, 6, 8)), tf.float32)
    whole, _ = layer(hidden, causal_penalty(6))
    cache = layer.start(2)
    for place in range(6):
        output, cache = layer(hidden[:, place : place + 1], cache=cache)
        np.testing.assert_allclose(output[:, 0], whole[:, place], atol=1e-5)
    assert cache["key"].shape == (2, 2, 6, 4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_row_that_sees_nothing_stays_finite(dtype):
    layer = SelfAttention(8, 2, dtype=dtype)
    hidden = tf.cast(tf.random.stateless_normal([2, 3, 8], [1, 2]), dtype)
    valid = tf.constant([[True, True, False], [False, False, False]])
    output, _ = layer(hidden, key_penalty(valid, dtype))
    assert output.dtype == dtype
    assert bool(tf.reduce_all(tf.math.is_finite(output)))


def test_hidden_keys_change_nothing():
    layer = SelfAttention(8, 2, seed=1)
    hidden = tf.random.stateless_normal([1, 4, 8], [1, 2])
    penalty = key_penalty(tf.constant([[True, True, True, False]]))
    changed = tf.concat([hidden[:, :3], hidden[:, 3:] + 50], axis=1)
    before, after = layer(hidden, penalty)[0], layer(changed, penalty)[0]
    np.testing.assert_array_equal(before[:, :3], after[:, :3])


def test_masks_say_who_sees_whom():
    np.testing.assert_array_equal(causal_penalty(3)[0, 0] == 0, np.tril(np.ones((3, 3), bool)))
    valid = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
    seen = np.asarray(prefix_penalty(tf.constant([2, 1]), tf.constant(valid)) == 0)[:, 0]
    for row, prefix in enumerate((2, 1)):
        for query in range(4):
            for key in range(4):
                expected = (key < prefix or key <= query) and valid[row, key]
                assert seen[row, query, key] == expected


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="divisor of `width`"):
        SelfAttention(10, 3)
