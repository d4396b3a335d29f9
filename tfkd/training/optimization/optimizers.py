"""Optimizers by the names that specs use."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from tfkd.training.optimization.adafactor import Adafactor
from tfkd.training.optimization.adam import Adam
from tfkd.training.optimization.parameters import Parameter
from tfkd.training.optimization.schedules import find, options_of


class Optimizer(Protocol):
    """What the loop asks of an optimizer.

    Attributes:
        slots: Its state by name, filled by `build`: saved and restored with the weights.
        clip_norm: The largest global norm of a step's gradient, or None.
    """

    slots: Mapping[str, tf.Variable]
    clip_norm: float | None

    def build(self, parameters: Sequence[Parameter]) -> None: ...

    def apply(
        self, gradients: Sequence[tf.Tensor | None], rate: tf.Tensor, update: tf.Tensor
    ) -> None: ...


OPTIMIZERS = {"adafactor": Adafactor, "adam": Adam}


def build_optimizer(options: Any) -> Optimizer:
    """The optimizer of a spec's `optimizer:` options: `kind` and its values."""
    values = options_of(options)
    return find(OPTIMIZERS, "optimizer", values.pop("kind", "adam"))(**values)
