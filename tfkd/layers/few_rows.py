"""Products of a few rows with a large table."""

import tensorflow as tf

# Below this, turned products were as fast or faster on tables of 8,000 to 50,000 rows.
FEW = 256


def times_table(rows: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """rows table^T: `[n, V]` of rows `[n, d]` and a table `[V, d]` of one type.

    A product on a CPU first packs its second matrix. With a few rows, as in a step of a search,
    that takes longer than the product itself; so they are made the second: (table rows^T)^T.
    Measured on two cores of an AMD EPYC, V = 32,000, d = 512: 5 rows in 11 ms, not 103; 128 rows in
    68, not 286; from some 600 on it is slower.
    """

    def turned() -> tf.Tensor:
        return tf.transpose(tf.matmul(table, rows, transpose_b=True))

    def direct() -> tf.Tensor:
        return tf.matmul(rows, table, transpose_b=True)

    if rows.shape[0] is not None:
        return turned() if rows.shape[0] < FEW else direct()
    return tf.cond(tf.shape(rows)[0] < FEW, turned, direct)
