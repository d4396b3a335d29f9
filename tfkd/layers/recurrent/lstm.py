"""A long short-term memory over sequences, with its gradient in one loop of its own."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient
from tfkd.layers.dense import affine
from tfkd.layers.fusion import compiled, is_fusing
from tfkd.layers.initializers import Blocks, derive_seed
from tfkd.layers.recurrent.over_time import over_time, shifted

_GATES = 4


def cell(projected: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """One step of an LSTM, given x W + h U + b.

        i, f, o = sigmoid, g = tanh of the four parts of what is projected
        c = f * c_before + i * g,   h = o * tanh(c)

    in float32, whatever the products' type: what a cell holds is added up over many steps.

    Args:
        projected: `[rows, 4 * width]`, in the order i, f, o, g: one sigmoid takes the first three.
        before: float32 `[rows, width]`: the cells of the step before.

    Returns:
        h in the type of `projected`, c in float32, and the gates' values, which `cell_backward`
        reads, in the type of `projected`.
    """
    return (_cell_in_one if is_fusing() else _cell)(projected, before)


def _cell(projected: tf.Tensor, before: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    width = before.shape[-1]
    wide = tf.cast(projected, tf.float32)
    gates = tf.sigmoid(wide[:, : 3 * width])
    entry = tf.tanh(wide[:, 3 * width :])
    admits, keeps, shows = tf.split(gates, 3, 1)
    cells = keeps * before + admits * entry
    hidden = shows * tf.tanh(cells)
    values = tf.concat([gates, entry], 1)
    return tf.cast(hidden, projected.dtype), cells, tf.cast(values, projected.dtype)


def cell_backward(
    values: tf.Tensor,
    before: tf.Tensor,
    cells: tf.Tensor,
    hidden_gradient: tf.Tensor,
    cell_gradient: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradients of `cell` by what was projected and by the cells of the step before.

    Args:
        values: The gates' values, as `cell` returned them.
        before: c_before.
        cells: c.
        hidden_gradient: By h, `[rows, width]`, any type.
        cell_gradient: By c, float32.

    Returns:
        `[rows, 4 * width]` in the type of `values`, and `[rows, width]` in float32.
    """
    chain = _backward_in_one if is_fusing() else _cell_backward
    return chain(values, before, cells, hidden_gradient, cell_gradient)


def _cell_backward(
    values: tf.Tensor,
    before: tf.Tensor,
    cells: tf.Tensor,
    hidden_gradient: tf.Tensor,
    cell_gradient: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    admits, keeps, shows, entry = tf.split(tf.cast(values, tf.float32), _GATES, 1)
    shown = tf.tanh(cells)
    by_hidden = tf.cast(hidden_gradient, tf.float32)
    by_cell = cell_gradient + by_hidden * shows * (1.0 - shown * shown)
    parts = [
        by_cell * entry * admits * (1.0 - admits),
        by_cell * before * keeps * (1.0 - keeps),
        by_hidden * shown * shows * (1.0 - shows),
        by_cell * admits * (1.0 - entry * entry),
    ]
    return tf.cast(tf.concat(parts, 1), values.dtype), by_cell * keeps


_cell_in_one, _backward_in_one = compiled(_cell), compiled(_cell_backward)


@custom_gradient
def scan(
    projected: tf.Tensor, recurrent: tf.Tensor
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable]:
    """All steps of an LSTM that starts from zeros.

    The loop of the backward pass has one product a step; the recurrent matrix's gradient is one
    product over all steps behind it, where TensorFlow's own gradient of a loop has one a step, and
    adds them up.

    Args:
        projected: `[time, rows, 4 * width]`: x W + b.
        recurrent: U `[width, 4 * width]`.

    Returns:
        h `[time, rows, width]` in the type of `projected`, and c alike in float32.
    """
    dtype, width = projected.dtype, recurrent.shape[0]
    rows = tf.shape(projected)[1]
    no_hidden, no_cells = tf.zeros([rows, width], dtype), tf.zeros([rows, width])

    def forward(carried, read):
        hidden, cells = carried
        hidden, cells, values = cell(read[0] + tf.matmul(hidden, recurrent), cells)
        return [hidden, cells], [hidden, cells, values]

    hidden, cells, values = over_time(
        forward,
        [no_hidden, no_cells],
        [projected],
        [(dtype, [None, width]), (tf.float32, [None, width]), (dtype, [None, _GATES * width])],
    ).sequences

    def backward(by_hidden, by_cells):
        def step(carried, read):
            later_hidden, later_cells = carried
            values, before, cells, now_hidden, now_cells = read
            gradient, earlier_cells = cell_backward(
                values, before, cells, now_hidden + later_hidden, now_cells + later_cells
            )
            earlier_hidden = tf.matmul(gradient, recurrent, transpose_b=True)
            return [earlier_hidden, earlier_cells], [gradient]

        (gradient,) = over_time(
            step,
            [no_hidden, no_cells],
            [values, shifted(cells, no_cells), cells, by_hidden, by_cells],
            [(dtype, [None, _GATES * width])],
            backwards=True,
        ).sequences
        return gradient, by_kernel(shifted(hidden, no_hidden), gradient)

    return (hidden, cells), backward


def by_kernel(inputs: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """The gradient of a matrix that `[..., width]` was multiplied by, given that of the product."""
    flat = tf.reshape(inputs, [-1, inputs.shape[-1]])
    return tf.matmul(flat, tf.reshape(gradient, [-1, gradient.shape[-1]]), transpose_a=True)


def gates_bias(shape: Any, dtype: Any = None) -> tf.Tensor:
    """The bias that a cell starts with: 1 for f, so that it keeps what it holds; 0 for others.

    Reference: Jozefowicz et al. 2015, An Empirical Exploration of Recurrent Network Architectures.
    """
    width = shape[0] // _GATES
    return tf.cast(tf.repeat([0.0, 1.0, 0.0, 0.0], width), dtype or "float32")


@keras.saving.register_keras_serializable(package="tfkd")
class Lstm(keras.layers.Layer):
    """One layer in one direction: x W + h U + b into the gates of `cell`.

    W and U start xavier uniform, gate by gate.

    Args:
        width: Size of the hidden vectors and of the cells.
        seed: Seed of the weights.

    Reference: Hochreiter and Schmidhuber 1997; with forget gates, Gers et al. 2000.
    """

    def __init__(self, width: int, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.seed = seed

    def build(self, input_shape: Any) -> None:
        for name, rows in (("kernel", input_shape[-1]), ("recurrent_kernel", self.width)):
            weight = self.add_weight(
                (rows, _GATES * self.width),
                initializer=Blocks("glorot_uniform", _GATES, derive_seed(self.seed, name)),
                name=name,
                autocast=False,
            )
            setattr(self, name, weight)
        self.bias = self.add_weight(
            (_GATES * self.width,), initializer=gates_bias, name="bias", autocast=False
        )

    def matrices(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """W `[inputs, 4 * width]`, U `[width, 4 * width]` and b, in the compute type."""
        weights = (self.kernel, self.recurrent_kernel, self.bias)
        kernel, recurrent, bias = (tf.cast(one, self.compute_dtype) for one in weights)
        return kernel, recurrent, bias

    def call(self, sequence: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Reads `[time, rows, inputs]` and returns h `[time, rows, width]`, and c in float32."""
        kernel, recurrent, bias = self.matrices()
        return scan(project(sequence, kernel, bias), recurrent)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "seed": self.seed}


def project(sequence: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """x W + b of a whole sequence: `[time, rows, inputs]` to `[time, rows, 4 * width]`."""
    flat = tf.reshape(sequence, [-1, kernel.shape[0]])
    shape = tf.concat([tf.shape(sequence)[:2], [kernel.shape[1]]], 0)
    projected = tf.reshape(affine(flat, kernel, bias), shape)
    projected.set_shape([None, None, kernel.shape[1]])
    return projected
