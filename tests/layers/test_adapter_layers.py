"""Adapters and the length predictor by themselves: configurations, precision, small variances."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers import BertFusion, BottleneckAdapter, CrossAttentionAdapter, LengthPredictor

X = tf.random.stateless_normal([2, 3, 8], [1, 2])
MEMORY = {"hidden": tf.random.stateless_normal([2, 5, 6], [3, 4]), "mask": None}
MEMORIES = {"encoder": MEMORY, "bert": MEMORY}


def adapted(layer):
    memory = {**MEMORY, "hidden": tf.cast(MEMORY["hidden"], layer.compute_dtype)}
    found = layer(tf.cast(X, layer.compute_dtype), {"encoder": memory, "bert": memory})
    return found[0] if isinstance(found, tuple) else found


CASES = {
    "bottleneck": (lambda **o: BottleneckAdapter(5, seed=1, **o), adapted),
    "cross_attention": (
        lambda **o: CrossAttentionAdapter(2, feed_forward=5, memory_width=6, seed=1, **o),
        adapted,
    ),
    "bert_fusion": (lambda **o: BertFusion(2, memory_width=6, seed=1, **o), adapted),
    "lengths": (lambda **o: LengthPredictor(7, 8, seed=1, **o), lambda layer: layer(X[:, 0])),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_comes_back_from_its_config(name):
    make, call = CASES[name]
    layer = make(name="it")
    output = call(layer)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(output, call(again))  # the seed gives the same weights


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_in_its_policy(name, policy):
    make, call = CASES[name]
    layer = make(dtype=policy)
    found, expected = call(layer), call(make())
    # Lengths are logits, which stay float32.
    assert found.dtype == ("float32" if name == "lengths" else layer.compute_dtype)
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, atol=0.15)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3])
def test_an_adapters_epsilon_counts_where_rows_hardly_vary(epsilon):
    layer = BottleneckAdapter(5, norm_epsilon=epsilon, seed=1)
    x = 1e-2 * X.numpy().astype(float)
    found = layer(tf.constant(x, tf.float32))
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
    weights = {one.path.rpartition("/")[0].rpartition("/")[2]: np.asarray(one.value)
               for one in layer.weights if one.path.endswith("kernel")}  # fmt: skip
    expected = x + np.maximum(normed @ weights["inner"], 0) @ weights["outer"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert BottleneckAdapter(5).get_config()["norm_epsilon"] == 1e-5
