"""Compiled chains come to what the operations one by one come to."""

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import TransformerBlock, dropout_key
from tfkd.layers.activations import activate
from tfkd.layers.dropout import draw_mask, drop
from tfkd.layers.fusion import fusing, is_fusing
from tfkd.layers.layer_norm import normalise
from tfkd.objectives import CrossEntropy
from tfkd.objectives.objective import objective_forward, term_counts


def both(function, *inputs):
    """Output and gradients of `function`, without and with fusion, in float64."""
    found = []
    for on in (False, True):

        @tf.function(autograph=False)
        def run(*inputs, on=on):
            with fusing(on), tf.GradientTape() as tape:
                tape.watch(inputs)
                output = function(*inputs)
                weights = tf.sin(3.0 * tf.cast(tf.range(tf.size(output)), output.dtype))
                loss = tf.reduce_sum(output * tf.reshape(weights, tf.shape(output)))
            return output, *tape.gradient(loss, inputs)

        found.append([tf.cast(x, tf.float64).numpy() for x in run(*inputs)])
    return found


def normal(*shape, seed=1):
    return tf.random.stateless_normal(shape, [seed, 2])


@pytest.mark.parametrize("name", few(["gelu", "gelu_tanh", "relu", "silu", "tanh"], 0))
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_activation_with_dropout(name, rate):
    mask = draw_mask([5, 7, 9], rate, [3, 4]) if rate else None
    plain, fused = both(lambda x: activate(x, name, mask), 2 * normal(5, 7, 9))
    for one, other in zip(plain, fused, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-6)
    assert not rate or (fused[0] == 0).mean() > 0.2


def test_dropout_onto_a_residual():
    mask = draw_mask([6, 8], 0.3, [3, 4])
    plain, fused = both(
        lambda residual, x: drop(x, mask, residual), normal(6, 8), normal(6, 8, seed=2)
    )
    for one, other in zip(plain, fused, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_layer_norm():
    inputs = (3 + 2 * normal(11, 16), 1 + normal(16, seed=2), normal(16, seed=3))
    plain, fused = both(lambda *x: normalise(*x, 1e-6), *inputs)
    for one, other in zip(plain, fused, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("norm", "policy"),
    [
        ("post", "mixed_bfloat16"),
        pytest.param("pre", "float32", marks=pytest.mark.long),
        pytest.param("pre", "mixed_float16", marks=pytest.mark.long),
        pytest.param("post", "float32", marks=pytest.mark.long),
        pytest.param("pre", "mixed_bfloat16", marks=pytest.mark.long),
        pytest.param("post", "mixed_float16", marks=pytest.mark.long),
    ],
)
def test_block_in_training(policy, norm):
    """Every precision; in bfloat16, which the short ring takes, projections are convolutions."""
    block = TransformerBlock(
        16, 2, norm=norm, activation="gelu", dropout=0.2, activation_dropout=0.3,
        cross_attention=True, seed=1, dtype=policy,
    )  # fmt: skip
    memory = {"hidden": tf.cast(normal(3, 4, 16, seed=5), block.compute_dtype), "mask": None}

    def call(hidden):
        hidden = tf.cast(hidden, block.compute_dtype)
        with dropout_key([1, 2]):
            output, _ = block(hidden, memories={"encoder": memory}, training=True)
        return tf.cast(output, tf.float32)

    call(normal(3, 5, 16))
    plain, fused = both(call, normal(3, 5, 16))
    tolerance = {"float32": 2e-5, "mixed_bfloat16": 0.06, "mixed_float16": 0.01}[policy]
    for one, other in zip(plain, fused, strict=True):
        assert np.abs(one - other).max() < tolerance * np.abs(one).max()


def test_scopes_nest():
    assert not is_fusing()
    with fusing():
        with fusing(False):
            assert not is_fusing()
        assert is_fusing()
    assert not is_fusing()


def test_predicted_positions_compile_nothing():
    """Their number differs from step to step, and each would be a new shape."""
    seen = []

    class Head:
        def transform(self, hidden):
            seen.append(is_fusing())
            return hidden

        def matrix(self):
            return tf.ones([7, 4])

        def bias(self):
            return None

    class Model:
        head = Head()

        def __call__(self, record, training):
            seen.append(is_fusing())
            return {"hidden": tf.ones([2, 3, 4])}

    term = CrossEntropy(name="words")
    side = {"labels": tf.ones([2, 3], tf.int32), "selected": tf.ones([2, 3], tf.bool)}
    batch = {"plain": {"source": {}, "target": {**side, "valid": side["selected"]}}}
    with fusing():
        objective_forward(Model(), [term], batch, term_counts([term], batch), True)
    assert seen == [True, False]
