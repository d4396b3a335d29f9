import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.layers import (
    Blocks,
    CrossAttention,
    Dense,
    Dropout,
    Embedding,
    FeedForward,
    LayerNorm,
    Positions,
    SelfAttention,
    Stack,
    TransformerBlock,
    activation,
    derive_seed,
    gelu,
    sinusoidal,
)

X = tf.random.stateless_normal([2, 3, 8], [1, 2])
CASES = {
    "dense": (lambda **o: Dense(6, blocks=2, seed=1, **o), X),
    "dropout": (lambda **o: Dropout(0.1, **o), X),
    "embedding": (lambda **o: Embedding(9, 8, factor=2, seed=1, **o), tf.constant([[1, 8]])),
    "feed_forward": (lambda **o: FeedForward(8, 5, activation="gelu", seed=1, **o), X),
    "layer_norm": (lambda **o: LayerNorm(1e-3, **o), X),
    "sinusoidal": (lambda **o: Positions("sinusoidal", 8, **o), X),
    "learned": (lambda **o: Positions("learned", 8, max_length=5, seed=1, **o), X),
    "self_attention": (lambda **o: SelfAttention(8, 2, seed=1, **o), X),
    "block": (lambda **o: TransformerBlock(8, 2, feed_forward=5, norm="pre", seed=1, **o), X),
    "stack": (lambda **o: Stack(2, 8, 2, norm="pre", seed=1, options={"dropout": 0.2}, **o), X),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_comes_back_from_its_config(name):
    make, inputs = CASES[name]
    layer = make(name="it")
    output = layer(inputs)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    for left, right in zip(tf.nest.flatten(output), tf.nest.flatten(again(inputs)), strict=True):
        np.testing.assert_array_equal(left, right)  # the seed gives the same weights


@pytest.mark.parametrize("policy", few(["mixed_bfloat16", "mixed_float16", "bfloat16"], 0))
@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_in_its_policy(name, policy):
    make, inputs = CASES[name]
    reference, layer = make(), make(dtype=policy)
    expected = tf.nest.flatten(reference(inputs))
    for left, right in zip(tf.nest.flatten(layer(inputs)), expected, strict=True):
        if left is not None:
            assert left.dtype == keras.DTypePolicy(policy).compute_dtype
            np.testing.assert_allclose(tf.cast(left, tf.float32), right, atol=0.15)
    stored = keras.DTypePolicy(policy).variable_dtype
    for variable in layer.variables:
        # Normalizations read theirs in float32 under every policy.
        of_norm = variable.path.endswith(("scale", "offset"))
        assert variable.dtype == ("float32" if of_norm else stored), variable.path


def test_a_cross_attention_comes_back_from_its_config():
    layer = CrossAttention(8, 2, memory_width=4, dropout=0.1, seed=1)
    assert CrossAttention.from_config(layer.get_config()).get_config() == layer.get_config()


def test_gelu_and_its_derivative_are_exact():
    x = np.linspace(-6, 6, 241)
    phi = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])
    inputs = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = gelu(inputs)
    np.testing.assert_allclose(output, x * phi, atol=2e-6)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(tape.gradient(output, inputs), phi + x * density, atol=2e-6)


def test_unknown_activations_are_refused():
    with pytest.raises(ValueError, match=r"gelu, gelu_tanh, relu, silu, tanh.*'swish'"):
        activation("swish")


def test_layer_norm_equals_numpy():
    layer = LayerNorm(1e-3)
    layer.build((None, 8))
    generator = np.random.default_rng(1)
    scale, offset = generator.normal(size=(2, 8))
    layer.scale.assign(scale)
    layer.offset.assign(offset)
    x = generator.normal(size=(4, 8)) * 5 + 100
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(
        layer(tf.constant(x, tf.float32)), expected * scale + offset, atol=1e-3
    )


def test_embedding_sums_the_gradients_of_repeated_ids_in_float32():
    layer = Embedding(5, 4, factor=3.0, seed=1, dtype="mixed_bfloat16")
    ids = tf.fill([1, 3000], 2)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.cast(layer(ids), tf.float32))
    gradient = tf.convert_to_tensor(tape.gradient(total, layer.table.value))
    assert gradient.dtype == tf.float32
    np.testing.assert_array_equal(gradient[2], [9000.0] * 4)


def test_sinusoidal_positions_equal_the_formula():
    vectors = sinusoidal(tf.range(7), 6)
    for place in range(7):
        for i in range(3):
            angle = place / 10000 ** (2 * i / 6)
            assert float(vectors[place, i]) == pytest.approx(math.sin(angle), abs=1e-5)
            assert float(vectors[place, 3 + i]) == pytest.approx(math.cos(angle), abs=1e-5)


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_given_positions_take_the_place_of_counted_ones(kind):
    layer = Positions(kind, 8, seed=1)
    counted = layer(X)
    np.testing.assert_allclose(layer(X, tf.range(3)), counted, atol=1e-6)
    shifted = layer(X, tf.constant([[0, 1, 2], [4, 5, 6]]))
    np.testing.assert_allclose(shifted[0], counted[0], atol=1e-6)
    assert np.abs(shifted[1] - counted[1]).max() > 1e-3


def test_fused_blocks_are_drawn_as_if_alone():
    kernel = Blocks("glorot_uniform", 3, seed=5)((64, 192))
    alone, fused = math.sqrt(6 / 128), math.sqrt(6 / 256)
    for block in np.split(np.asarray(kernel), 3, axis=-1):
        assert fused < np.abs(block).max() <= alone
    first, second, _ = np.split(np.asarray(kernel), 3, axis=-1)
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(kernel, Blocks("glorot_uniform", 3, seed=5)((64, 192)))
    with pytest.raises(ValueError, match="3 blocks divide"):
        Blocks("zeros", 3)((4, 8))


def test_seeds_depend_on_all_names():
    seeds = {
        derive_seed(1, "a"),
        derive_seed(1, "b"),
        derive_seed(2, "a"),
        derive_seed(1, "a", "b"),
    }
    assert len(seeds) == 4
    assert derive_seed(None, "a") is None


@pytest.mark.parametrize("name", ["dense", "layer_norm"])
def test_written_out_gradients_equal_differences(name):
    """Central differences in the float32 layers, step 1e-2, on a random inner product."""
    layer = CASES[name][0]()
    layer.build((None, None, 8))
    for variable in layer.variables:
        variable.assign(variable + tf.random.stateless_normal(variable.shape, [3, 4]) / 2)
    towards = tf.random.stateless_normal(layer(X).shape, [5, 6])

    def value(inputs):
        return tf.reduce_sum(tf.cast(layer(inputs) * towards, tf.float64))

    weights = [variable.value for variable in layer.variables]
    with tf.GradientTape() as tape:
        tape.watch(X)
        loss = value(X)
    gradients = tape.gradient(loss, [X, *weights])
    step = 1e-2
    for number, (target, gradient) in enumerate(zip([X, *weights], gradients, strict=True)):
        direction = tf.random.stateless_normal(target.shape, [7, number])
        if number == 0:
            ends = value(X + step * direction), value(X - step * direction)
        else:
            ends = []
            for sign in (1, -2):
                target.assign_add(sign * step * direction)
                ends.append(value(X))
            target.assign_add(step * direction)
        slope = float((ends[0] - ends[1]) / (2 * step))
        assert slope == pytest.approx(float(tf.reduce_sum(gradient * direction)), rel=5e-3)
