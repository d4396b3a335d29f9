"""Pieces of a model: functions of numbers, each of which becomes a file of an engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfkd.serving.formats.format import Subject


@dataclass(frozen=True)
class Piece:
    """One function of a model.

    Attributes:
        name: What its file is called.
        takes: Its inputs by name, each with its sizes behind the batch's, None for any: int32.
        function: Called with a tensor for each input, by name; gives tensors by name.
        weights: The variables that it reads.
    """

    name: str
    takes: Mapping[str, tuple[int | None, ...]]
    function: Callable[..., Mapping[str, Any]]
    weights: list[Any]

    def traced(self, batch: int | None) -> tuple[Any, Any]:
        """The module that has the weights, and the `tf.function`, for engines other than
        TensorFlow.

        Args:
            batch: Rows of a call; None: any number.
        """
        import tensorflow as tf

        from tfkd.layers.portable import portable

        names = list(self.takes)
        specs = [
            tf.TensorSpec([batch, *sizes], tf.int32, name=name)
            for name, sizes in self.takes.items()
        ]

        @tf.function(input_signature=specs, autograph=False)
        def call(*values: Any) -> Mapping[str, Any]:
            with portable():
                return self.function(**dict(zip(names, values, strict=True)))

        module = tf.Module(name=self.name)
        module.weights = [getattr(weight, "value", weight) for weight in self.weights]
        return module, call


def pieces_of(subject: Subject) -> list[Piece]:
    """The pieces that a model is exported in, in float32."""
    from tfkd.serving.graphs.full_precision import in_float32

    return [label_piece(in_float32(subject.model))]


def label_piece(model: Any) -> Piece:
    """`model`: from ids to the classes of the positions that are asked for.

    It takes `ids`, `types` and `valid` (1: a token, 0: padding) `[batch, length]`, and `places`
    `[batch, labels]`, positions from 0; it gives `logits`, float32 `[batch, labels, classes]`.
    """
    import tensorflow as tf

    def logits(ids: Any, types: Any, valid: Any, places: Any) -> dict[str, Any]:
        states = model({"ids": ids, "types": types, "valid": valid > 0}, training=False)
        read = tf.gather(states["hidden"], places, batch_dims=1)
        return {"logits": model.heads["classifier"].logits(read)}

    row = dict.fromkeys(("ids", "types", "valid", "places"), (None,))
    return Piece("model", row, logits, list(model.weights))
