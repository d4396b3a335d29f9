"""What all models share: named parts, heads, stable dropout keys, `compile` and `fit`."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.models.compiled_loss import check_loss, check_record
from tfkd.models.records import record_of

States = dict[str, tf.Tensor]


def relative_path(model: keras.Model, path: str) -> str:
    """Returns a layer's or variable's path below `model`: `encoder/layer_1/...`.

    Keras's paths begin with the name of the model and with all that it was built inside of; what
    comes after is the same in every program.
    """
    prefix = f"{model.path}/"
    return path[len(prefix) :] if path.startswith(prefix) else path


class LanguageModel(keras.Model):
    """A model over token ids, built whole by its constructor.

    Calling it with a record (see `tfkd.data`), or with ids alone, gives its states by name;
    "hidden" is the last. A head gives logits for the positions that are needed:
    `model.head.logits(states["hidden"])`, or `model.logits(ids)` at all of them; `predict` gives
    both. `compile` and `fit` take logits at every position:
    `fit(record, labels, sample_weight=selected)`. What that cannot teach (classes, lengths) they
    refuse: a `tfkd.training.Distiller` does.

    Ids alone are int32 `[batch, length]`, of an encoder-decoder `(source, target)`; every position
    is text. Padded rows need `valid`, in a record.

    Attributes:
        heads: Output heads by name.
        input_layout: The layout that the model reads: "sequence" or "encoder_decoder".
        vocabulary_size: Number of ids that it reads (the target's, in an encoder-decoder).
        width: Size of its hidden vectors.
    """

    input_layout: str
    vocabulary_size: int
    width: int

    # What tf.saved_model.save asks a tracked Keras model for. Keras would guess one float tensor.
    _default_save_signature = None

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """The states of a record, or of ids; see `call`."""
        return super().__call__(record_of(self, inputs), *arguments, **options)

    def finish(self) -> None:
        """Builds all weights and tells dropout layers their places: a constructor's last line."""
        self.build(None)
        for layer in self._flatten_layers(include_self=False):
            if isinstance(layer, Dropout):
                layer.place = relative_path(self, layer.path)

    def get_build_config(self) -> None:
        """Tells Keras that there is nothing to build after the constructor."""

    def build_from_config(self, config: Any) -> None:
        """Does nothing: the constructor has built the model."""

    @property
    def head(self) -> Any:
        """The head over the vocabulary."""
        for head in self.heads.values():
            if hasattr(head, "matrix"):
                return head
        raise AttributeError(f"model {self.name!r} has no head over a vocabulary")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Of its last states, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    @property
    def parts(self) -> dict[str, keras.layers.Layer]:
        """The parts with weights of their own, by the first name of their weights' paths."""
        return {layer.name: layer for layer in self.layers if layer.weights}

    def logits(self, inputs: Any, head: str | None = None) -> tf.Tensor:
        """What a head gives at each position, without dropout: float32 `[batch, length, size]`.

        Args:
            inputs: A record, or ids.
            head: One of `heads`; None: the head over the vocabulary, or the only one.

        Raises:
            ValueError: There is no such head, or no states that it reads.
        """
        states = self(inputs)
        if "hidden" not in states:
            raise ValueError(
                f"Invalid value for argument `inputs`. Model {self.name!r} has logits of targets: "
                "expected source and target. Received: a source alone"
            )
        return self._head_of(head).logits(states["hidden"])

    def _head_of(self, name: str | None) -> Any:
        heads = dict(self.heads)
        if name is None and len(heads) == 1:
            return next(iter(heads.values()))
        if name is None:  # that of classes stands beside it
            name = next((one for one in heads if hasattr(heads[one], "tied")), None)
        if name not in heads:
            raise ValueError(
                f"Invalid value for argument `head`. Model {self.name!r} has the heads "
                f"{', '.join(heads) or 'none'}. Received: head={name!r}"
            )
        return heads[name]

    def train_step(self, data: Any) -> Any:
        """One step of `fit`, on a record and its labels."""
        check_record(self, data)
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        """One step of `evaluate`, on a record and its labels."""
        check_record(self, data)
        return super().test_step(data)

    def predict_step(self, data: Any) -> Any:
        """One step of `predict`: the states of a record, and under "logits" what `logits` gives."""
        check_record(self, data, taught=False)
        states = super().predict_step(data)
        if "hidden" not in states or not self.heads:
            return states
        return {**states, "logits": self._head_of(None).logits(states["hidden"])}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Hands the compiled loss the logits instead of the states.

        Raises:
            ValueError: It would teach the model something else than it is for; see `check_loss`.
        """
        check_loss(self, y)
        return super().compute_loss(x, y, self._logits(y_pred), sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Hands the compiled metrics the logits instead of the states."""
        return super().compute_metrics(x, y, self._logits(y_pred), sample_weight)

    def _logits(self, states: Any) -> Any:
        if isinstance(states, Mapping) and "hidden" in states:
            return self.head.logits(states["hidden"])
        return states
