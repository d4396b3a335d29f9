"""`compile` and `fit` on one device."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from rings import few
from training_fakes import Batcher, Gate, distiller, weights_of


def batches(count):
    for number in range(count):
        yield (Batcher().batch(number),)


def by_hand(steps, optimizer):
    model = distiller()
    for (batch,) in batches(steps):
        batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
        values = [p.value for p in model.parameters]
        with tf.GradientTape() as tape:
            loss = model.objective(batch, model.counts(batch), training=True).loss
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, values)]
        optimizer.apply_gradients(
            [(g, p.variable) for g, p in zip(gradients, model.parameters, strict=True)]
        )
    return weights_of(model.student)


@pytest.mark.parametrize("make", few([keras.optimizers.Adam, keras.optimizers.Lion], 0))
def test_fit_takes_the_steps_of_a_plain_loop(make):
    model = distiller()
    model.compile(optimizer=make(0.01))
    history = model.fit(batches(6), steps_per_epoch=6, verbose=0).history
    assert set(history) == {"loss", "words", "masked", "words.accuracy", "masked.accuracy"}
    for path, expected in by_hand(6, make(0.01)).items():
        value = weights_of(model.student)[path]
        np.testing.assert_allclose(value, expected, atol=1e-5, err_msg=path)


def test_evaluate_gives_the_means_over_all_batches():
    model = distiller(dropout=0.5)
    model.compile(optimizer="adam", run_eagerly=True)
    found = model.evaluate(batches(4), steps=4, verbose=0, return_dict=True)
    sums, count = 0.0, 0.0
    for (batch,) in batches(4):
        counts = model.counts(batch)
        sums += model.objective(batch, counts, training=False).sums["words"]
        count += counts["words"]
    assert found["words"] == pytest.approx(float(sums / count), rel=1e-5)


def test_dropout_in_fit_differs_by_step_and_repeats_by_seed():
    def final(seed, steps=2):
        model = distiller(dropout=0.5)
        model.seed = seed
        model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True)
        model.fit(batches(steps), steps_per_epoch=steps, verbose=0)
        return weights_of(model.student)["output/kernel"]

    np.testing.assert_array_equal(final(1), final(1))
    assert (final(1) != final(2)).any()


def test_a_combiner_sees_each_groups_gradient():
    """Gated by hand: a weight takes the auxiliary gradient where it agrees with the main one."""
    batch = tf.nest.map_structure(tf.convert_to_tensor, Batcher().batch(0))
    model = distiller()
    values = [p.value for p in model.parameters]
    counts = model.counts(batch)
    parts = []
    for group in ("main", "auxiliary"):
        with tf.GradientTape() as tape:
            result = model.objective(batch, counts, training=True, apart=True)
            loss = result.by_group[group]
        parts.append([tf.convert_to_tensor(g) for g in tape.gradient(loss, values)])
    expected = [
        main + auxiliary if np.sum(main * auxiliary) > 0 else main
        for main, auxiliary in zip(*parts, strict=True)
    ]
    gated = distiller(combiner=Gate())
    gated.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    gated.fit(batches(1), steps_per_epoch=1, verbose=0)
    for p, q, gradient in zip(model.parameters, gated.parameters, expected, strict=True):
        moved = p.value.numpy() - q.value.numpy()
        np.testing.assert_allclose(moved, gradient, atol=1e-5, err_msg=p.path)
