"""The activations of published Transformers."""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfkd.layers.custom_gradient import custom_gradient
from tfkd.layers.dropout import Mask, drop
from tfkd.layers.fusion import compiled, is_fusing
from tfkd.layers.portable import is_portable

_SQRT_HALF = math.sqrt(0.5)
_INVERSE_SQRT_TAU = 1 / math.sqrt(2 * math.pi)
_TANH_SCALE, _TANH_CUBE = math.sqrt(2 / math.pi), 0.044715


@custom_gradient
def gelu(inputs: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """x Phi(x), with Phi the normal distribution by erf, as BERT's checkpoints want it.

    Computed in float32, the derivative Phi(x) + x phi(x) in one go from the Phi of the forward
    pass: half the time of `tf.nn.gelu`, which repeats it (measured on CPU, float32 and bfloat16).

    Reference: Hendrycks and Gimpel 2016, Gaussian Error Linear Units, section 2.
    """
    x = tf.cast(inputs, tf.float32)
    if is_portable():
        # The one form that LiteRT, which has no erf, knows as its GELU.
        return tf.cast(0.5 * x * (1.0 + tf.math.erf(x * _SQRT_HALF)), inputs.dtype), None
    distribution = 0.5 + 0.5 * tf.math.erf(x * _SQRT_HALF)

    def backward(gradient: tf.Tensor) -> tf.Tensor:
        slope = distribution + x * (_INVERSE_SQRT_TAU * tf.exp(-0.5 * tf.square(x)))
        return tf.cast(tf.cast(gradient, tf.float32) * slope, inputs.dtype)

    return tf.cast(x * distribution, inputs.dtype), backward


def _gelu_tanh(inputs: tf.Tensor) -> tf.Tensor:
    return tf.nn.gelu(inputs, approximate=True)


def _gelu_slope(x: tf.Tensor) -> tf.Tensor:
    return (
        0.5
        + 0.5 * tf.math.erf(x * _SQRT_HALF)
        + x * (_INVERSE_SQRT_TAU * tf.exp(-0.5 * tf.square(x)))
    )


def _gelu_tanh_slope(x: tf.Tensor) -> tf.Tensor:
    tanh = tf.math.tanh(_TANH_SCALE * (x + _TANH_CUBE * x * x * x))
    inner = _TANH_SCALE * (1.0 + 3.0 * _TANH_CUBE * x * x)
    return 0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * inner


def _silu_slope(x: tf.Tensor) -> tf.Tensor:
    gate = tf.math.sigmoid(x)
    return gate * (1.0 + x * (1.0 - gate))


class _Activation(NamedTuple):
    """f as TensorFlow's operations compute it; and, of float32, f and its derivative as formulas.

    The formulas are what is compiled: there repeating a part costs less than keeping it.
    """

    operation: Callable[[tf.Tensor], tf.Tensor]
    value: Callable[[tf.Tensor], tf.Tensor]
    slope: Callable[[tf.Tensor], tf.Tensor]


_ACTIVATIONS = {
    "gelu": _Activation(gelu, lambda x: x * (0.5 + 0.5 * tf.math.erf(x * _SQRT_HALF)), _gelu_slope),
    "gelu_tanh": _Activation(_gelu_tanh, _gelu_tanh, _gelu_tanh_slope),
    "silu": _Activation(tf.nn.silu, tf.nn.silu, _silu_slope),
    "relu": _Activation(tf.nn.relu, tf.nn.relu, lambda x: tf.cast(x > 0.0, tf.float32)),
    "tanh": _Activation(tf.math.tanh, tf.math.tanh, lambda x: 1.0 - tf.square(tf.math.tanh(x))),
}


def activation(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns an activation by name: gelu (erf), gelu_tanh, relu, silu, tanh.

    Raises:
        ValueError: the name is none of these.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(
            "Invalid value for argument `activation`. Expected one of "
            f"{', '.join(sorted(_ACTIVATIONS))}. Received: activation={name!r}"
        )
    return _ACTIVATIONS[name].operation


def activate(inputs: tf.Tensor, name: str, mask: Mask | None = None) -> tf.Tensor:
    """dropout(f(inputs)), the activation named, then the mask where there is one.

    Within `tfkd.layers.fusion.fusing` it is one pass each way, computed in float32.
    """
    if not is_fusing():
        active = activation(name)(inputs)
        return active if mask is None else drop(active, mask)
    forward, backward = _in_one(name)
    arguments = mask or ()

    @custom_gradient
    def compute(inputs):
        return forward(inputs, *arguments), lambda g: backward(g, inputs, *arguments)

    return compute(inputs)


@functools.cache
def _in_one(name: str) -> tuple[Callable, Callable]:
    """The compiled forward and backward pass of an activation with dropout behind it."""
    _, value, slope = _ACTIVATIONS[name]

    def masked(wide: tf.Tensor, mask: tuple[tf.Tensor, ...], dtype: tf.DType) -> tf.Tensor:
        return tf.cast(wide * Mask(*mask).factor() if mask else wide, dtype)

    def forward(inputs: tf.Tensor, *mask: tf.Tensor) -> tf.Tensor:
        return masked(value(tf.cast(inputs, tf.float32)), mask, inputs.dtype)

    def backward(gradient: tf.Tensor, inputs: tf.Tensor, *mask: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(gradient, tf.float32) * slope(tf.cast(inputs, tf.float32))
        return masked(wide, mask, inputs.dtype)

    return compiled(forward), compiled(backward)
