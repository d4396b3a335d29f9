"""Rotary positions: pairs of a vector's numbers turned by angles that grow with the position."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


def rotary_rates(
    size: int, theta: float, scaling: Mapping[str, Any] | None = None
) -> tuple[np.ndarray, float]:
    """The angle that a position adds to each pair, and what the turned vectors are multiplied by.

    Without a scaling r_i = theta^(-2i / size). `linear` divides all by `factor`. `llama3` divides
    those whose wavelength is beyond original_length / low_factor, leaves those below
    original_length / high_factor, and goes from one to the other between. `yarn` does so by how
    often a pair turns within the original length, from `slow` to `fast` times, and multiplies
    vectors by 0.1 ln(factor) + 1, or by `attention_factor`.

    Args:
        size: Of the vectors; even.
        theta: The base.
        scaling: `kind` and its numbers, see `tfkd.spec.options.models.llama.RotaryScaling`.

    Returns:
        float32 `[size / 2]`, and the factor.

    Reference: Su et al. 2021, RoFormer, 3.2.2; Peng et al. 2023, YaRN, 3.1 to 3.4; Dubey et al.
    2024, The Llama 3 Herd of Models, 3.4.2 and its code.
    """
    rates = np.float64(theta) ** (-np.arange(0, size, 2) / size)
    said = {name: value for name, value in (scaling or {}).items() if value is not None}
    kind = said.get("kind")
    if kind is None:
        return rates.astype(np.float32), 1.0
    factor = said["factor"]
    if kind == "linear":
        return (rates / factor).astype(np.float32), 1.0
    length = said["original_length"]
    if kind == "llama3":
        low, high = said["low_factor"], said["high_factor"]
        turns = length * rates / (2 * math.pi)
        kept = np.clip((turns - low) / (high - low), 0.0, 1.0)
        return ((1 - kept) * rates / factor + kept * rates).astype(np.float32), 1.0

    def place(turned: float) -> float:
        return size * math.log(length / (turned * 2 * math.pi)) / (2 * math.log(theta))

    first, last = place(said.get("fast", 32.0)), place(said.get("slow", 1.0))
    if said.get("whole", True):
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, size - 1)
    last += 0.001 if first == last else 0
    divided = np.clip((np.arange(size // 2) - first) / (last - first), 0.0, 1.0)
    rates = rates / factor * divided + rates * (1 - divided)
    told = said.get("attention_factor")
    usual = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
    return rates.astype(np.float32), float(usual if told is None else told)


class Angles:
    """The cosines and sines of positions, float32 `[B or 1, 1, T, size / 2]`.

    No tuple: Keras would cast its tensors to the compute type of each layer that they are given.
    """

    def __init__(self, cosines: tf.Tensor, sines: tf.Tensor):
        self.cosines, self.sines = cosines, sines


def rotary_angles(positions: tf.Tensor, rates: np.ndarray, factor: float) -> Angles:
    """The cosines and sines of positions, times the factor.

    Args:
        positions: int `[B or 1, T]`.
        rates: float32 `[size / 2]`.
        factor: See `rotary_rates`.
    """
    angles = tf.cast(positions, tf.float32)[:, None, :, None] * rates
    return Angles(tf.cos(angles) * factor, tf.sin(angles) * factor)


def rotated(vectors: tf.Tensor, angles: Angles) -> tf.Tensor:
    """Vectors `[B, heads, T, size]`, each pair (x_i, x_(i + size / 2)) turned, in float32."""
    cosines, sines = angles.cosines, angles.sines
    first, second = tf.split(tf.cast(vectors, tf.float32), 2, axis=-1)
    turned = [first * cosines - second * sines, second * cosines + first * sines]
    return tf.cast(tf.concat(turned, -1), vectors.dtype)
