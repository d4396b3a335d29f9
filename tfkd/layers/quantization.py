"""Products as an 8-bit engine makes them, with gradients as if they were exact."""

from typing import Any

import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient

# The largest integer of a row; -128 is never used, so that the grid is symmetric.
LARGEST = 127
_LEAST = 1e-30


@custom_gradient
def int8_rows(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """Q(x) = rint(x s) / s with s = 127 / max_j |x_j|, for each row over the last axis.

    The values that an integer product of 8 bits can hold: rint(x s) is in -127 ... 127, and a
    product of two quantized matrices is that of their integers times 1 / (s_row s_column). Of a row
    of zeros, and of none above 1e-30, s is 1. The gradient is straight through: dQ/dx = 1, since
    rint has none; no value lies outside of its row's range, so that none is cut off.

    Args:
        values: `[..., n]` of any float type; s and rint are made in float32.

    Reference: Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference, section 3 (in training the forward pass sees quantized
    values); Bengio et al. 2013, Estimating or Propagating Gradients Through Stochastic Neurons
    (straight through).
    """
    wide = tf.cast(values, tf.float32)
    largest = tf.reduce_max(tf.abs(wide), -1, keepdims=True)
    # Of a smaller one s would be beyond float32.
    scale = tf.where(largest > _LEAST, LARGEST / largest, tf.ones_like(largest))
    return tf.cast(tf.round(wide * scale) / scale, values.dtype), tf.identity


QUANTIZERS = {"int8": int8_rows}


class Product:
    """A layer whose matrix an engine may hold in 8 bits; it passes both operands of its product
    through `operand`.

    Attributes:
        quantizer: From rows to quantized rows, or None: they are taken as they are.
    """

    quantizer: Any = None

    def operand(self, values: Any, axis: int = -1) -> Any:
        """The values as the product takes them: each row along `axis` (0 or -1) has a scale."""
        if self.quantizer is None:
            return values
        values = tf.convert_to_tensor(values)
        if axis == 0:
            return tf.transpose(self.quantizer(tf.transpose(values)))
        return self.quantizer(values)


def fake_quantize(model: Any, kind: str | None = "int8") -> int:
    """Has all products of a model made as an engine makes them that holds its matrices in 8 bits.

    Kernels have a scale a column, embeddings and output matrices a scale a row, and what is
    multiplied with them a scale a token, found as it comes: as CTranslate2's int8 has it, and
    LiteRT's and ONNX Runtime's dynamic ranges but for details. Attention's own products,
    normalizations, biases and positions stay as they are. The weights themselves stay float32.

    What was traced before keeps its products: call it before the first step.

    Args:
        model: A model of this package's layers.
        kind: "int8", or None for products as they were.

    Returns:
        How many layers it changed.

    Raises:
        ValueError: Another kind, or the model has matrices in layers that are not this package's
            `Product`s (Keras's own, recurrent cells), whose products would stay as they are.
    """
    if kind is not None and kind not in QUANTIZERS:
        raise ValueError(
            f"Invalid value for argument `kind`. Expected one of {', '.join(QUANTIZERS)}, or None. "
            f"Received: kind={kind!r}"
        )
    layers = list(model._flatten_layers())
    others = [one.path for one in layers if _multiplies_otherwise(one)]
    found = [one for one in layers if isinstance(one, Product)]
    if others or not found:
        what = f"whose products are others': {', '.join(others[:3])}" if others else "without any"
        raise ValueError(
            "Invalid value for argument `model`. Expected one whose matrices are in layers of "
            f"tfkd.layers such as Dense and Embedding. Received: {what}"
        )
    for layer in found:
        layer.quantizer = QUANTIZERS.get(kind)
    return len(found)


def _multiplies_otherwise(layer: Any) -> bool:
    """Whether a layer has matrices of its own that it does not multiply as a `Product`."""
    if isinstance(layer, Product) or not getattr(layer, "multiplies", True):
        return False
    own = getattr(layer, "_trainable_variables", [])
    return any(len(weight.shape) > 1 for weight in own)
