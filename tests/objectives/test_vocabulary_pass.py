"""The fused pass against whole logits in float64."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import few

from tfkd.objectives import DenseTeacher, TokenTerm, vocabulary_pass

from . import reference


def weights_of(rng, tokens, size, width):
    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return draw(tokens, width), draw(size, width), draw(size)


def gold_term(gold, weights, **options):
    return TokenTerm(
        weights=tf.constant(weights, tf.float32),
        picked=tf.constant(gold, tf.int32)[:, None],
        loss=lambda s, e: s.log_sum_exp[1.0] - s.picked[:, 0],
        unit_mass=True,
        **options,
    )


def total_term(weights, tokens):
    """A loss that uses every kind of number which the logits are known by, none of them alone."""
    return TokenTerm(
        weights=tf.constant(weights, tf.float32),
        picked=tf.tile(tf.constant([[0, 2]], tf.int32), [tokens, 1]),
        loss=lambda s, e: (
            s.log_sum_exp[1.0] * s.log_sum_exp[2.5]
            + s.picked[:, 0] * s.total / s.vocabulary_size
            - tf.square(s.picked[:, 1])
        ),
        temperatures=(2.5,),
        uses_total=True,
    )


def run(hidden, matrix, bias, terms, scales, rows, mode="eager"):
    """loss, sums and the three gradients, with the gradient scaled from outside."""

    def forward(hidden, matrix, bias):
        with tf.GradientTape() as tape:
            tape.watch([hidden, matrix, bias])
            result = vocabulary_pass(hidden, matrix, bias, terms, scales, chunk_rows=rows)
            loss = 3.0 * result.loss
        return result.loss, result.sums, tape.gradient(loss, [hidden, matrix, bias])

    tensors = [tf.constant(value) for value in (hidden, matrix, bias)]
    if mode == "graph":
        specs = [
            tf.TensorSpec([None, hidden.shape[1]]),
            *map(tf.TensorSpec.from_tensor, tensors[1:]),
        ]
        forward = tf.function(forward, input_signature=specs, autograph=False)
    elif mode == "xla":
        forward = tf.function(forward, jit_compile=True, autograph=False)
    return tf.nest.map_structure(lambda value: value.numpy(), forward(*tensors))


def expected_cross_entropy(hidden, matrix, bias, q, weights, scale):
    h, m = hidden.astype(np.float64), matrix.astype(np.float64)
    loss, by_z = reference.cross_entropy(h @ m.T + bias, q)
    by_z *= (3.0 * scale * weights)[:, None]
    return (loss * weights).sum(), (by_z @ m, by_z.T @ h, by_z.sum(0))


@settings(max_examples=12, deadline=None)
@given(
    tokens=st.integers(0, 40),
    size=st.integers(4, 30),
    width=st.integers(1, 8),
    rows=st.integers(1, 24),
    seed=st.integers(0, 2**31),
)
def test_any_sizes_give_the_loss_and_the_gradient_of_whole_logits(tokens, size, width, rows, seed):
    rng = np.random.default_rng(seed)
    hidden, matrix, bias = weights_of(rng, tokens, size, width)
    gold = rng.integers(0, size, tokens)
    weights = rng.random(tokens) * (rng.random(tokens) < 0.7)
    loss, sums, gradients = run(hidden, matrix, bias, [gold_term(gold, weights)], [0.3], rows)
    q = np.eye(size)[gold]
    total, expected = expected_cross_entropy(hidden, matrix, bias, q, weights, 0.3)
    np.testing.assert_allclose(sums, [total], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(loss, 0.3 * total, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", few(["eager", "graph", "xla"], 0, 1))
def test_eager_graph_and_xla_give_the_gradient_of_a_loss_of_all_statistics(mode):
    rng = np.random.default_rng(1)
    tokens, size = 21, 9
    hidden, matrix, bias = weights_of(rng, tokens, size, 4)
    weights = rng.random(tokens) * (np.arange(tokens) % 3 > 0)
    gold = rng.integers(0, size, tokens)
    terms = [gold_term(gold, weights), total_term(weights, tokens)]
    loss, sums, gradients = run(hidden, matrix, bias, terms, [0.5, 0.01], 8, mode)

    def log_sum_exp(z):
        return z.max(-1) + np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1))

    def second(z):
        both = log_sum_exp(z) * 2.5 * 0 + log_sum_exp(z) * log_sum_exp(z / 2.5)
        return weights * (both + z[:, 0] * z.sum(-1) / size - z[:, 2] ** 2)

    z = hidden.astype(np.float64) @ matrix.T.astype(np.float64) + bias
    first, by_z = reference.cross_entropy(z, np.eye(size)[gold])
    by_z = 0.5 * weights[:, None] * by_z + 0.01 * reference.numeric_gradient(second, z)
    by_z *= 3.0
    np.testing.assert_allclose(sums, [(first * weights).sum(), second(z).sum()], rtol=1e-5)
    np.testing.assert_allclose(loss, 0.5 * sums[0] + 0.01 * sums[1], rtol=1e-5)
    expected = (by_z @ matrix, by_z.T @ hidden, by_z.sum(0))
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-4)


def test_bfloat16_products_stay_near_float32_and_statistics_are_float32():
    rng = np.random.default_rng(2)
    hidden, matrix, bias = weights_of(rng, 300, 500, 16)
    hidden, matrix = (tf.constant(value, tf.bfloat16) for value in (hidden, 0.3 * matrix))
    gold = rng.integers(0, 500, 300)
    weights = np.ones(300, np.float32)

    def gradients(hidden, matrix):
        with tf.GradientTape() as tape:
            tape.watch([hidden, matrix, given_bias])
            result = vocabulary_pass(
                hidden, matrix, given_bias, [gold_term(gold, weights)], [1 / 300], chunk_rows=64
            )
        return result, tape.gradient(result.loss, [hidden, matrix, given_bias])

    given_bias = tf.constant(bias)
    narrow, narrow_gradients = gradients(hidden, matrix)
    wide, wide_gradients = gradients(tf.cast(hidden, tf.float32), tf.cast(matrix, tf.float32))
    assert [g.dtype for g in narrow_gradients] == [tf.bfloat16, tf.bfloat16, tf.float32]
    assert narrow.loss.dtype == tf.float32
    np.testing.assert_allclose(narrow.loss, wide.loss, rtol=4e-3)
    for ours, theirs in zip(narrow_gradients, wide_gradients, strict=True):
        ours, theirs = tf.cast(ours, tf.float32).numpy(), theirs.numpy()
        assert np.linalg.norm(ours - theirs) < 0.01 * np.linalg.norm(theirs)


def test_a_float32_matrix_beside_bfloat16_states_takes_a_float32_gradient():
    rng = np.random.default_rng(3)
    hidden, matrix, bias = weights_of(rng, 9, 7, 4)
    matrix = tf.Variable(matrix)
    with tf.GradientTape() as tape:
        result = vocabulary_pass(
            tf.constant(hidden, tf.bfloat16),
            tf.convert_to_tensor(matrix),
            tf.constant(bias),
            [gold_term(rng.integers(0, 7, 9), np.ones(9))],
            [1.0],
        )
    assert tape.gradient(result.loss, matrix).dtype == tf.float32


def test_an_online_teacher_equals_its_whole_distribution():
    rng = np.random.default_rng(4)
    tokens, size, temperature = 13, 9, 1.7
    hidden, matrix, bias = weights_of(rng, tokens, size, 4)
    states, table, _ = weights_of(rng, tokens, size, 6)
    weights = rng.random(tokens)
    term = TokenTerm(
        weights=tf.constant(weights, tf.float32),
        picked=tf.zeros([tokens, 0], tf.int32),
        loss=lambda s, e: s.log_sum_exp[1.0] - s.expected,
        metrics=lambda s, e, losses: {"kl": losses - s.teacher_entropy},
        metric_names=("kl",),
        teacher=DenseTeacher(tf.constant(states), tf.constant(table), None, temperature),
    )
    _, sums, gradients = run(hidden, matrix, bias, [term], [0.2], 5)
    q = reference.softened(states.astype(np.float64) @ table.T, temperature)
    total, expected = expected_cross_entropy(hidden, matrix, bias, q, weights, 0.2)
    np.testing.assert_allclose(sums, [total], rtol=1e-5)
    for ours, theirs in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    result = vocabulary_pass(hidden, matrix, bias, [term], [0.2], gradients=False)
    entropy = -(q * np.log(q)).sum(-1)
    np.testing.assert_allclose(
        result.metrics[0]["kl"], total - (weights * entropy).sum(), rtol=1e-4
    )


@pytest.mark.parametrize("bias", [True, False])
def test_evaluation_gives_the_same_sums_without_gradients(bias):
    rng = np.random.default_rng(5)
    hidden, matrix, b = weights_of(rng, 30, 12, 4)
    terms = [
        gold_term(
            rng.integers(0, 12, 30),
            rng.random(30),
            metrics=lambda s, e, losses: {"top": s.maximum, "loss": losses},
            metric_names=("loss", "top"),
        )
    ]
    args = (
        tf.constant(hidden),
        tf.constant(matrix),
        tf.constant(b) if bias else None,
        terms,
        [2.0],
    )
    with_gradients = vocabulary_pass(*args, chunk_rows=8)
    without = vocabulary_pass(*args, chunk_rows=16, gradients=False)
    np.testing.assert_allclose(with_gradients.sums, without.sums, rtol=1e-6)
    for name in ("loss", "top"):
        np.testing.assert_allclose(
            with_gradients.metrics[0][name], without.metrics[0][name], rtol=1e-6
        )
    np.testing.assert_allclose(without.metrics[0]["loss"], without.sums[0], rtol=1e-6)


def test_huge_logits_and_unlikely_words_stay_finite():
    hidden = tf.constant([[1.0], [-1.0]])
    matrix = tf.constant([[2e4], [0.0], [-2e4]])
    term = gold_term([2, 0], [1.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        result = vocabulary_pass(hidden, matrix, None, [term], [1.0])
    np.testing.assert_allclose(result.sums, [8e4])
    np.testing.assert_allclose(tape.gradient(result.loss, hidden), [[4e4], [-4e4]])


def test_no_array_of_all_logits_stands_in_the_graph():
    tokens, size = 4096, 8192

    @tf.function(
        input_signature=[tf.TensorSpec([tokens, 4]), tf.TensorSpec([size, 4])], autograph=False
    )
    def forward(hidden, matrix):
        gold = tf.zeros([tokens], tf.int32)
        terms = [gold_term(np.zeros(tokens), np.ones(tokens))]
        del gold
        with tf.GradientTape() as tape:
            tape.watch([hidden, matrix])
            loss = vocabulary_pass(hidden, matrix, None, terms, [1.0]).loss
        return tape.gradient(loss, [hidden, matrix])

    graph = forward.get_concrete_function().graph
    graphs = [graph, *(f.graph for f in graph._functions.values() if hasattr(f, "graph"))]
    largest = max(
        (output.shape.num_elements() or 0)
        for g in graphs
        for op in g.get_operations()
        for output in op.outputs
        if output.shape.rank is not None
    )
    assert 0 < largest <= tokens * size // 8
