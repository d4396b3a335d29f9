"""Products of a few rows with a large table."""

import tensorflow as tf

from tfkd.layers.portable import is_portable

# More than a search has at a time; with many more, packing a table counts for little.
FEW = 256


def times_table(rows: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """rows table^T: `[n, V]` of rows `[n, d]` and a table `[V, d]` of one type.

    A product on a CPU first packs its second matrix. With a few rows, as in a step of a search,
    that takes longer than the product itself; so they are made the second: (table rows^T)^T.
    `tools/bench_families` measures what a step of a beam takes.
    """

    def turned() -> tf.Tensor:
        return tf.transpose(tf.matmul(table, rows, transpose_b=True))

    def direct() -> tf.Tensor:
        return tf.matmul(rows, table, transpose_b=True)

    if is_portable():
        return direct()
    if rows.shape[0] is not None:
        return turned() if rows.shape[0] < FEW else direct()
    return tf.cond(tf.shape(rows)[0] < FEW, turned, direct)
