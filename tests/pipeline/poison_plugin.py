"""A plugin whose term is 0, and not finite in the step that reads a certain row."""

from typing import Any, Literal

import tensorflow as tf
from pydantic import Field

from tfkd.objectives.term import Batch, Term
from tfkd.spec import registry
from tfkd.spec.options.base import Options


class PoisonOptions(Options):
    """Options of the term."""

    kind: Literal["poison"] = Field("poison", description="The kind of term.")
    view: str | None = Field(None, description="The view it reads.")
    weight: float = Field(1.0, description="Its weight in the sum.")
    row: int = Field(description="The row whose step it poisons.")
    value: Literal["nan", "inf", "gradient"] = Field(description="What is not finite.")


class Poison(Term):
    """The term."""

    kind = "poison"

    def __init__(self, *, row: int, value: str, **settings: Any):
        super().__init__(**settings)
        self._row, self._value = row, value

    def call(self, states: Any, batch: Batch) -> tf.Tensor:
        def poisoned() -> tf.Tensor:
            if self._value != "gradient":
                return tf.constant(float(self._value))
            hidden = tf.cast(states["hidden"], tf.float32)
            # 0, and the slope of a root at 0 is infinite.
            return tf.reduce_sum(tf.sqrt(tf.abs(hidden - tf.stop_gradient(hidden))))

        hit = tf.reduce_any(tf.equal(tf.convert_to_tensor(batch["examples"]), self._row))
        return tf.cond(hit, poisoned, lambda: tf.constant(0.0))


def register() -> None:
    """Joins tfkd."""
    registry.register(
        "objective",
        "poison",
        options=PoisonOptions,
        target="poison_plugin:Poison",
        summary="Not finite in one step.",
    )
