"""Few rows times a large table: the same product, whichever side it is made from."""

import numpy as np
import pytest
import tensorflow as tf

from tfkd.layers.few_rows import FEW, times_table

TABLE = np.random.default_rng(1).normal(size=(70, 6)).astype(np.float32)


@pytest.mark.parametrize("count", [0, 1, 5, FEW - 1, FEW, FEW + 1])
@pytest.mark.parametrize("known", [True, False])
def test_values_and_gradients_are_those_of_the_product(count, known):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(count, 6)).astype(np.float32)
    weights = rng.normal(size=(count, 70)).astype(np.float32)
    spec = tf.TensorSpec([count if known else None, 6])

    @tf.function(input_signature=[spec])
    def product(rows):
        table = tf.constant(TABLE)
        with tf.GradientTape() as tape:
            tape.watch([rows, table])
            found = times_table(rows, table)
            loss = tf.reduce_sum(found * weights)
        return found, tape.gradient(loss, [rows, table])

    found, (of_rows, of_table) = product(rows)
    wide, table, by = (array.astype(np.float64) for array in (rows, TABLE, weights))
    np.testing.assert_allclose(found, wide @ table.T, atol=1e-5)
    np.testing.assert_allclose(of_rows, by @ table, atol=1e-4)
    np.testing.assert_allclose(of_table, by.T @ wide, atol=1e-4)


def test_few_rows_are_the_second_matrix():
    """What makes it quick: the table is not packed."""

    def products(count):
        call = tf.function(
            times_table, input_signature=[tf.TensorSpec([count, 6]), tf.TensorSpec([70, 6])]
        )
        graph = call.get_concrete_function().graph
        return [op.inputs[0].shape.as_list() for op in graph.get_operations()
                if op.type == "MatMul"]  # fmt: skip

    assert products(FEW - 1) == [[70, 6]]
    assert products(FEW) == [[FEW, 6]]


def test_half_types_stay():
    for kind in (tf.bfloat16, tf.float16):
        found = times_table(tf.ones([2, 6], kind), tf.ones([70, 6], kind))
        assert found.dtype == kind
