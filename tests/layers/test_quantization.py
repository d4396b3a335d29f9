"""Products rounded to 8 bits: values, integers and gradients against NumPy, in every family."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import few

from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter, Dense, Product, fake_quantize
from tfkd.layers.quantization import int8_rows
from tfkd.models import T5, AbNet, Bert, Gpt2, Llama, Rnn, Transformer
from tfkd.objectives import CrossEntropy
from tfkd.objectives.objective import objective_forward, term_counts

SIZES = {"width": 8, "heads": 2}
IDS = np.array([[3, 5, 7, 2], [4, 6, 8, 0]], np.int32)


def ab_net():
    sides = {"vocabulary_size": 12, "layers": 1, **SIZES}
    adapters = {
        "encoder": {"layer_1": {"after_block": BottleneckAdapter(4)}},
        "decoder": {"layer_1": {"after_block": CrossAttentionAdapter(2, memory_width=8)}},
    }
    return AbNet(sides, sides, lengths=8, adapters=adapters)


MODELS = {
    "transformer": lambda: Transformer(12, encoder_layers=1, decoder_layers=1, **SIZES),
    "own_tables": lambda: Transformer(
        12, encoder_layers=1, decoder_layers=1, **SIZES, share_embeddings="none",
        positions="learned",
    ),
    "bert": lambda: Bert(12, layers=1, **SIZES, output_heads={"masked_lm": {}}),
    "gpt2": lambda: Gpt2(12, layers=1, **SIZES),
    "t5": lambda: T5(12, encoder_layers=1, decoder_layers=1, **SIZES),
    "llama": lambda: Llama(12, layers=1, key_value_heads=1, feed_forward=16, **SIZES),
}  # fmt: skip


def integers(values):
    """rint(x s) and s of each row of an array, as an engine stores them: int8 and float64."""
    values = values.astype(np.float64)
    largest = np.abs(values).max(-1, keepdims=True)
    scale = np.where(largest > 0, 127 / np.where(largest > 0, largest, 1), 1.0)
    return np.rint(values * scale).astype(np.int8), scale


def product(inputs, kernel, bias=0.0):
    """x W + b by a product of integers: `[rows, d]` and `[d, units]` to float64."""
    (x, of_row), (w, of_column) = integers(inputs), integers(kernel.T)
    whole = x.astype(np.int32) @ w.T.astype(np.int32)
    return whole / (of_row * of_column.T) + bias


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 99), st.floats(1e-6, 1e6))
def test_values_are_those_of_the_integers(rows, width, seed, size):
    values = normal(rows, width, seed=seed) * np.float32(size)
    values[0] *= seed % 2  # a row of zeros
    stored, scale = integers(values)
    found = int8_rows(values).numpy()
    step = 1 / scale
    # In float32 a value half-way between two integers may go either way.
    near = np.abs(np.abs(values * scale - np.trunc(values * scale)) - 0.5) < 1e-4
    error = np.abs(found - stored * step)
    assert np.all(error <= np.where(near, 1.001, 1e-4) * step)
    assert np.all(np.abs(found - values) <= 0.5001 * step)
    np.testing.assert_allclose(np.abs(found).max(-1), np.abs(values).max(-1), rtol=1e-6)
    np.testing.assert_allclose(int8_rows(found), found, rtol=1e-6)


@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-38, 1e-31, 1e-29])
def test_rows_of_next_to_nothing_stay_finite(size):
    """127 / 1e-38 is no number of float32."""
    found = int8_rows(np.full((1, 3), size, np.float32)).numpy()
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, size, atol=1e-30, rtol=1e-6)


def test_a_half_type_has_the_same_values_rounded_once():
    values = normal(3, 7)
    narrow = tf.cast(values, tf.bfloat16)
    found = int8_rows(narrow)
    assert found.dtype == tf.bfloat16
    np.testing.assert_array_equal(found, tf.cast(int8_rows(tf.cast(narrow, "float32")), "bfloat16"))


@pytest.mark.parametrize("bias", [True, False])
def test_a_product_is_that_of_integers_and_its_gradient_goes_straight_through(bias):
    layer, inputs, weights = Dense(6, use_bias=bias, seed=1), normal(2, 5, 9), normal(2, 5, 6)
    layer.build((None, 9))
    plain = layer(inputs).numpy()
    assert fake_quantize(keras.Sequential([layer])) == 1
    if bias:
        layer.bias.assign(normal(6, seed=3))
    kernel, shift = layer.kernel.numpy(), layer.bias.numpy() if bias else 0.0

    @tf.function(autograph=False)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = layer(x)
            loss = tf.reduce_sum(found * weights)
        return found, tape.gradient(loss, [x, *layer.trainable_variables])

    found, (by_inputs, by_kernel, *by_bias) = run(tf.constant(inputs))
    flat, by = inputs.reshape(-1, 9), weights.reshape(-1, 6).astype(np.float64)
    np.testing.assert_allclose(
        found.numpy().reshape(-1, 6), product(flat, kernel, shift), atol=2e-6
    )
    assert np.abs(found - shift - plain).max() > 1e-4  # not what it was
    (x, of_row), (w, of_column) = integers(flat), integers(kernel.T)
    rounded_x, rounded_w = x / of_row, (w / of_column).T
    np.testing.assert_allclose(by_inputs.numpy().reshape(-1, 9), by @ rounded_w.T, atol=1e-5)
    np.testing.assert_allclose(by_kernel, rounded_x.T @ by, atol=1e-5)
    for one in by_bias:
        np.testing.assert_allclose(one, by.sum(0), atol=1e-5)


@pytest.mark.parametrize("name", ["transformer", "own_tables"])
def test_a_head_s_logits_are_those_of_integers_in_the_pass_of_losses_too(name):
    model = MODELS[name]()
    for weight in model.weights:
        weight.assign(normal(*weight.shape, seed=len(weight.path)))
    fake_quantize(model)
    hidden = tf.constant(normal(3, 8))
    table = model.target_embedding.table if model.head.tied else model.head.own_matrix
    expected = product(hidden.numpy(), table.numpy().T, model.head.bias().numpy())
    np.testing.assert_allclose(model.head.logits(hidden), expected, rtol=1e-5, atol=1e-5)
    (stored, scale) = integers(table.numpy())
    np.testing.assert_allclose(model.head.matrix(), stored / scale, rtol=1e-5, atol=1e-6)

    side = {"ids": IDS, "valid": IDS > 0}
    record = {"source": side, "target": {**side, "labels": IDS, "selected": IDS > 0}}
    record = tf.nest.map_structure(tf.convert_to_tensor, {"plain": record})
    terms = [CrossEntropy(name="words")]
    counts = term_counts(terms, record)
    loss = objective_forward(model, terms, record, counts, training=False).loss
    logits = model.head.logits(model(record["plain"])["hidden"])
    log_p = tf.gather(tf.nn.log_softmax(logits), IDS, batch_dims=2)[IDS > 0]
    np.testing.assert_allclose(loss, -tf.reduce_mean(log_p), rtol=1e-5)


@pytest.mark.parametrize("name", few([*MODELS, "ab_net"], 0, 1))
def test_all_matrices_of_a_family_are_rounded_and_given_back(name):
    model = MODELS[name]() if name in MODELS else ab_net()
    ids = IDS if model.input_layout == "sequence" else (IDS, IDS)
    before = model.logits(ids).numpy()
    changed = fake_quantize(model)
    assert np.abs(model.logits(ids) - before).max() > 0
    matrices = {one.path for one in model.trainable_weights if len(one.shape) > 1}
    for layer in model._flatten_layers():
        if isinstance(layer, Product) or not getattr(layer, "multiplies", True):
            matrices -= {one.path for one in layer.trainable_weights}
    assert not matrices
    assert fake_quantize(model, None) == changed
    np.testing.assert_array_equal(model.logits(ids), before)


def test_models_with_other_products_are_refused():
    rnn = Rnn(12, layers=1, width=8)
    with pytest.raises(ValueError, match=r"products are others': rnn/encoder/layer_1/backward"):
        fake_quantize(rnn)
    assert not any(getattr(one, "quantizer", None) for one in rnn._flatten_layers())
    own = keras.Sequential([Dense(3), keras.layers.Dense(2)])
    own.build((None, 4))
    with pytest.raises(ValueError, match="Expected one whose matrices are in layers of tfkd"):
        fake_quantize(own)
    with pytest.raises(ValueError, match="without any"):
        fake_quantize(keras.Sequential([keras.layers.ReLU()]))
    with pytest.raises(ValueError, match="Expected one of int8, or None"):
        fake_quantize(MODELS["gpt2"](), "int4")


def test_a_copy_of_the_model_is_not_rounded():
    model = MODELS["gpt2"]()
    fake_quantize(model)
    twin = type(model).from_config(model.get_config())
    assert all(one.quantizer is None for one in twin._flatten_layers() if isinstance(one, Product))
