"""How long outputs may grow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True, kw_only=True)
class LengthLimit:
    """At most min(most, floor(factor * source + plus)) tokens; 0 for an empty source.

    An empty source has an empty output: there is nothing to say, and a model that was never trained
    on empty lines would make something up.

    Attributes:
        factor: Times the source's tokens (its end not counted).
        plus: Tokens added to that.
        most: The most tokens of any output; None: what the model can hold.
    """

    factor: float = 1.5
    plus: float = 10
    most: int | None = None

    def __post_init__(self) -> None:
        if self.factor < 0 or self.plus < 0 or (self.most is not None and self.most < 1):
            raise ValueError(
                "Invalid value for `LengthLimit`. Expected factor >= 0, plus >= 0 and most >= 1. "
                f"Received: {self}"
            )

    @classmethod
    def of(cls, value: Any) -> "LengthLimit":
        """Makes a limit of None (the default), a number (`most` alone), a mapping or an object.

        A number is a limit for all sentences, whatever their source.
        """
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        if isinstance(value, int):
            return cls(factor=0.0, plus=value, most=value)
        get = value.get if isinstance(value, Mapping) else lambda name: getattr(value, name, None)
        given = {name: get(name) for name in ("factor", "plus", "most")}
        return cls(**{name: each for name, each in given.items() if each is not None})

    def lengths(self, source_lengths: Any, model_most: int) -> tf.Tensor:
        """int32 `[batch]`: the most tokens of each output, of source lengths int `[batch]`."""
        most = model_most if self.most is None else min(self.most, model_most)
        grown = tf.floor(tf.cast(source_lengths, tf.float32) * self.factor + self.plus)
        limits = tf.minimum(tf.cast(grown, tf.int32), most)
        return tf.where(tf.cast(source_lengths, tf.int32) > 0, limits, 0)
