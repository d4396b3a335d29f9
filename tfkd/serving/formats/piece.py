"""Pieces of a model: functions of numbers, each of which becomes a file of an engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfkd.serving.formats.format import Subject


class Takes(NamedTuple):
    """An input: its sizes behind the batch's, None for any, and its type."""

    sizes: tuple[int | None, ...]
    dtype: str = "int32"


@dataclass(frozen=True)
class Piece:
    """One function of a model.

    Attributes:
        name: What its file is called.
        takes: Its inputs by name.
        function: Called with a tensor for each input, by name; gives tensors by name.
        weights: The variables that it may read.
    """

    name: str
    takes: Mapping[str, Takes]
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
            tf.TensorSpec([batch, *one.sizes], one.dtype, name=name)
            for name, one in self.takes.items()
        ]

        @tf.function(input_signature=specs, autograph=False)
        def call(*values: Any) -> Mapping[str, Any]:
            with portable():
                return self.function(**dict(zip(names, values, strict=True)))

        module = tf.Module(name=self.name)
        module.weights = [getattr(weight, "value", weight) for weight in self.weights]
        return module, call


_ROW = Takes((None,))
# The head over classes; with another, a model is an encoder.
HEAD = "classifier"


def pieces_of(subject: Subject) -> list[Piece]:
    """The pieces that a model is exported in, in float32."""
    from tfkd.serving.graphs.full_precision import in_float32

    model = in_float32(subject.model)
    labels = subject.labels
    return filling_pieces(model) if labels is None else [label_piece(model, labels.head)]


def label_piece(model: Any, head: str) -> Piece:
    """`model`: from ids to the classes of the positions that are asked for.

    It takes `ids`, `types` and `valid` (1: a token, 0: padding) `[batch, length]`, and `places`
    `[batch, labels]`, positions from 0; it gives `logits`, float32 `[batch, labels, classes]`, and
    of an encoder `hidden`, its states `[batch, length, width]`, too.
    """
    import tensorflow as tf

    def logits(ids: Any, types: Any, valid: Any, places: Any) -> dict[str, Any]:
        states = model({"ids": ids, "types": types, "valid": valid > 0}, training=False)
        read = tf.gather(states["hidden"], places, batch_dims=1)
        found = {"logits": model.heads[head].logits(read)}
        return found if head == HEAD else {**found, "hidden": states["hidden"]}

    takes = dict.fromkeys(("ids", "types", "valid", "places"), _ROW)
    return Piece("model", takes, logits, list(model.weights))


def filling_pieces(model: Any) -> list[Piece]:
    """`encoder`, once for a source, and `decoder`, a pass over a target whose words are hidden.

    The encoder takes `ids` and `valid` `[batch, length]` of sources with their ends; it gives
    `length_logits`, float32 `[batch, lengths]`, and `state_0`, `state_1`, ...: all that passes
    read. The decoder takes these, `ids` and `valid` of targets, some of them [MASK], and `places`
    `[batch, words]`; it gives `logits` of the words at these places, float32
    `[batch, words, vocabulary]`.
    """
    import tensorflow as tf

    structure: list[Any] = []

    def encode(ids: Any, valid: Any) -> dict[str, Any]:
        lengths, state = model.prepare({"ids": ids, "valid": valid > 0})
        structure[:] = [state]
        found = enumerate(tf.nest.flatten(state))
        return {"length_logits": lengths} | {f"state_{at}": one for at, one in found}

    weights = list(model.weights)
    encoder = Piece("encoder", {"ids": _ROW, "valid": _ROW}, encode, weights)
    gives = encoder.traced(None)[1].get_concrete_function().structured_outputs
    (state,) = structure
    states = {
        name: Takes(tuple(one.shape[1:]), one.dtype.name)
        for name, one in gives.items()
        if name != "length_logits"
    }

    def fill(ids: Any, valid: Any, places: Any, **flat: Any) -> dict[str, Any]:
        given = tf.nest.pack_sequence_as(state, [flat[f"state_{at}"] for at in range(len(flat))])
        hidden = model.fill({"ids": ids, "valid": valid > 0}, given)
        return {"logits": model.head.logits(tf.gather(hidden, places, batch_dims=1))}

    takes = {"ids": _ROW, "valid": _ROW, "places": _ROW, **states}
    return [encoder, Piece("decoder", takes, fill, weights)]
