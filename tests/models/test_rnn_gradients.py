"""Gradients of the RNN encoder-decoder, and its training steps."""

import numpy as np
import pytest
import rnn_reference
import tensorflow as tf
from rings import few
from small_rnn import build

from tfkd.layers import dropout_key
from tfkd.layers.fusion import fusing
from tfkd.layers.recurrent.attentive_scan import Fed, Memory, attentive_scan, attentive_step
from tfkd.models import variables_by_path


def through_steps(projected, start, memory, weights, between=(), behind=None):
    """`attentive_scan` as its steps, which TensorFlow differentiates."""
    state, out = start, []
    for place in range(projected.shape[0]):
        masks = [mask[place] for mask in between]
        last = None if behind is None else behind[place]
        state, _ = attentive_step(projected[place], state, memory, weights, masks, last)
        out.append(state.feed)
    return tf.stack(out)


@pytest.mark.parametrize("kind", ["base", "one_way", "untied"])
@pytest.mark.parametrize("dropout", few([0.0, 0.4], 1))
def test_gradients_are_those_that_tensorflow_finds_step_by_step(
    kind, dropout, pair, scrambled, monkeypatch
):
    """The two loops of the decoder, with the same masks; the encoder's loop against its cells."""
    from tfkd.layers.recurrent import lstm, lstm_decoder

    model = scrambled(build(kind, dropout=dropout))
    values = [variable.value for variable in model.trainable_variables]
    weights = np.random.default_rng(2).normal(size=(2, 5, 8)).astype(np.float32)

    def gradients():
        with tf.GradientTape() as tape, dropout_key((3, 4)):
            states = model(pair, training=True)
            total = tf.reduce_sum(weights * states["hidden"])
            total += tf.reduce_sum(tf.square(states["encoder.hidden"]))
        return [
            None if one is None else tf.convert_to_tensor(one).numpy()
            for one in tape.gradient(total, values)
        ]

    def plain_scan(projected, recurrent):
        rows, width = projected.shape[1], recurrent.shape[0]
        hidden, cells, out = tf.zeros([rows, width]), tf.zeros([rows, width]), []
        for one in tf.unstack(projected):
            hidden, cells, _ = lstm.cell(one + hidden @ recurrent, cells)
            out.append((hidden, cells))
        return tuple(tf.stack(each) for each in zip(*out, strict=True))

    found = gradients()
    monkeypatch.setattr(lstm, "scan", plain_scan)
    monkeypatch.setattr(lstm_decoder, "attentive_scan", through_steps)
    expected = gradients()
    moved = 0
    for variable, one, other in zip(model.trainable_variables, found, expected, strict=True):
        assert (one is None) == (other is None), variable.path
        if one is not None:
            scale = max(np.abs(other).max(), 1e-3)
            np.testing.assert_allclose(one / scale, other / scale, atol=1e-5, err_msg=variable.path)
            moved += np.abs(other).max() > 1e-4
    assert moved > len(values) - 3  # all but the head's


def test_gradients_by_states_equal_differences(scrambled):
    """In float64 steps of NumPy: the reference's loss, each weight of a few moved by itself."""
    model = scrambled(build("one_way"))
    source, target = [7, 9, 3], [2, 8, 11]
    record = {"source": {"ids": tf.constant([source])}, "target": {"ids": tf.constant([target])}}
    weights = rnn_reference.weights_of(model)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(model.head.logits(model(record)["hidden"])))
    by_path = variables_by_path(model)
    found = tape.gradient(total, {path: one.value for path, one in by_path.items()})
    for path in (
        "decoder/keys/kernel",
        "decoder/combine/kernel",
        "decoder/layer_1/kernel",
        "encoder/layer_1/forward/recurrent_kernel",
        "encoder/layer_1/forward/bias",
    ):
        for place in ((0, 1), (3, 5)):
            place = place[-weights[path].ndim :]
            sides = []
            for move in (1e-3, -1e-3):
                moved = by_path[path].value.numpy()
                moved[place] = weights[path][place] + move
                by_path[path].assign(moved)
                sides.append((rnn_reference.logits(model, source, target) ** 2).sum())
            by_path[path].assign(weights[path])
            slope = (sides[0] - sides[1]) / 2e-3
            assert float(found[path][place]) == pytest.approx(slope, rel=2e-3, abs=1e-3), path


@pytest.mark.long
def test_a_step_traces_once_and_its_gradients_repeat():
    model = build(dropout=0.3, dtype="mixed_bfloat16")
    values = [variable.value for variable in model.trainable_variables]
    side = {
        name: tf.TensorSpec([None, None], dtype)
        for name, dtype in (("ids", tf.int32), ("valid", tf.bool))
    }
    traces = []

    @tf.function(
        input_signature=[{"source": side, "target": side}, tf.TensorSpec([2], tf.int32)],
        autograph=False,
    )
    def step(record, key):
        traces.append(1)
        with dropout_key(key), fusing(), tf.GradientTape() as tape:
            hidden = model(record, training=True)["hidden"]
            loss = tf.reduce_mean(tf.square(model.head.logits(hidden)))
        return [tf.convert_to_tensor(one) for one in tape.gradient(loss, values)]

    def record(batch, source, target):
        return {
            name: {"ids": tf.fill([batch, size], 7), "valid": tf.ones([batch, size], tf.bool)}
            for name, size in (("source", source), ("target", target))
        }

    first = step(record(2, 3, 4), tf.constant([1, 2]))
    step(record(5, 9, 2), tf.constant([3, 4]))
    again = step(record(2, 3, 4), tf.constant([1, 2]))
    other = step(record(2, 3, 4), tf.constant([1, 3]))
    assert len(traces) == 1
    assert all(np.isfinite(one).all() and one.dtype == tf.float32 for one in first)
    for left, right in zip(first, again, strict=True):
        np.testing.assert_array_equal(left, right)
    assert max(np.abs(a - b).max() for a, b in zip(first, other, strict=True)) > 0


def test_no_gradient_hangs_on_what_is_hidden(scrambled):
    """The penalty has none; a state that nobody attends to has none by its keys."""
    generator = np.random.default_rng(1)

    def draw(*shape):
        return tf.constant(generator.normal(size=shape), tf.float32)

    model = scrambled(build())
    *_, weights = model.decoder._weights()
    start = Fed([draw(2, 8), draw(2, 8)], [draw(2, 8), draw(2, 8)], draw(2, 8))
    states, keys = draw(2, 3, 8), draw(2, 3, 8)
    penalty = tf.constant([[0.0, 0.0, 3e4], [0.0, 3e4, 3e4]])
    with tf.GradientTape() as tape:
        tape.watch([states, keys, penalty, start.feed])
        vectors = attentive_scan(draw(4, 2, 32), start, Memory(states, keys, penalty), weights)
        total = tf.reduce_sum(tf.square(vectors))
    by_states, by_keys, by_penalty, by_feed = tape.gradient(
        total, [states, keys, penalty, start.feed]
    )
    hidden = penalty.numpy() > 0
    assert not by_penalty.numpy().any()
    assert not by_states.numpy()[hidden].any()
    assert not by_keys.numpy()[hidden].any()
    assert by_states.numpy()[~hidden].any()
    assert by_feed.numpy().any()
