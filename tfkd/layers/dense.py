"""A linear projection, computed on two axes."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers import hooks
from tfkd.layers.custom_gradient import custom_gradient
from tfkd.layers.fusion import is_fusing
from tfkd.layers.initializers import Blocks
from tfkd.layers.invariants import once
from tfkd.layers.portable import is_portable
from tfkd.layers.quantization import Product
from tfkd.layers.shapes import shape_of


@custom_gradient
def affine(
    inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
    """x W + b: `[rows, width]`, `[width, units]` and `[units]` to `[rows, units]`.

    The gradient of b is a product with a row of ones: half the time of TensorFlow's own sum in
    bfloat16 on a CPU, and added up in float32.
    """

    def backward(gradient: tf.Tensor) -> tuple[tf.Tensor, ...]:
        ones = tf.ones([1, tf.shape(gradient)[0]], gradient.dtype)
        return (
            tf.matmul(gradient, kernel, transpose_b=True),
            tf.matmul(inputs, gradient, transpose_a=True),
            tf.reshape(tf.matmul(ones, gradient), [-1]),
        )

    if is_fusing() and inputs.dtype == tf.bfloat16:
        # oneDNN adds the bias within a convolution of size 1, and in a pass of its own within a
        # product: a third of the time.
        image = tf.nn.conv2d(inputs[None, None], kernel[None, None], 1, "VALID")
        return tf.reshape(tf.nn.bias_add(image, bias), [-1, kernel.shape[1]]), backward
    return tf.nn.bias_add(tf.matmul(inputs, kernel), bias), backward


@keras.saving.register_keras_serializable(package="tfkd")
class Dense(Product, keras.layers.Layer):
    """x W + b over the last axis, optionally followed by an adapter on the projection.

    All leading axes are folded into one before the product: TensorFlow's product of a
    three-dimensional tensor with a matrix takes twice the time on a CPU.

    Args:
        units: Size of the output.
        blocks: Number of fused matrices along the output (3 for query, key and value), each
            initialized as if it stood alone.
        use_bias: Whether to add b, which starts at zero.
        kernel_initializer: Keras initializer of one block.
        seed: Seed of the kernel; `None` draws by chance.
        adapter: A layer for the place "on a projection" (see `tfkd.layers.hooks`), or None.
    """

    def __init__(
        self,
        units: int,
        *,
        blocks: int = 1,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        seed: int | None = None,
        adapter: keras.layers.Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = blocks
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.adapter = hooks.restore(adapter)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        initializer = Blocks(self.kernel_initializer, self.blocks, self.seed)
        self.kernel = self.add_weight(
            (width, self.units), initializer=initializer, name="kernel", autocast=False
        )
        self.bias = (
            self.add_weight((self.units,), initializer="zeros", name="bias", autocast=False)
            if self.use_bias
            else None
        )
        if self.adapter is not None and not self.adapter.built:
            self.adapter.build(input_shape)

    def call(
        self,
        inputs: tf.Tensor,
        memories: dict[str, Any] | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Projects `[..., width]` to `[..., units]`."""
        kernel = once(self, "kernel", self._matrix)
        plain = is_portable()  # other engines fold the axes by themselves
        flat = inputs if plain else tf.reshape(inputs, [-1, self.kernel.shape[0]])
        flat = self.operand(flat)
        if plain:
            output = tf.matmul(flat, kernel)
            output = output if self.bias is None else output + self.bias
        elif self.bias is None:
            output = tf.matmul(flat, kernel)
        else:
            output = affine(flat, kernel, once(self, "bias", self._shift))
        if inputs.shape.rank != 2 and not plain:
            output = tf.reshape(output, shape_of(inputs, self.units))
            output.set_shape([*inputs.shape[:-1], self.units])
        if self.adapter is not None:
            output, _ = hooks.apply(
                self.adapter, inputs, memories, branch=output, cache=None, training=training
            )
        return output

    def _matrix(self) -> tf.Tensor:
        return tf.cast(self.operand(self.kernel, axis=0), self.compute_dtype)

    def _shift(self) -> tf.Tensor:
        return tf.cast(self.bias, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "blocks": self.blocks,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
            "adapter": hooks.store(self.adapter),
        }
