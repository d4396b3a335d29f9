"""A stack of LSTMs that reads a source, from one end or from both."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import derive_seed
from tfkd.layers.recurrent.lstm import Lstm


class Last(NamedTuple):
    """What a layer holds at the end of each row: `[rows, width]`, and float32 alike."""

    hidden: tf.Tensor
    cells: tf.Tensor


@keras.saving.register_keras_serializable(package="tfkd")
class LstmLayer(keras.layers.Layer):
    """An LSTM from left to right, or one from each end, each half as wide, side by side.

    Args:
        width: Size of the hidden vectors, of both directions together.
        bidirectional: Whether there is one from the right, too.
        seed: Seed of the weights.
    """

    def __init__(
        self, width: int, *, bidirectional: bool = True, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if bidirectional and width % 2:
            raise ValueError(
                "Invalid value for argument `width`. Expected an even one of two directions. "
                f"Received: width={width}"
            )
        self.width = width
        self.bidirectional = bidirectional
        self.seed = seed
        names = ("forward", "backward") if bidirectional else ("forward",)
        self.directions = [
            Lstm(
                width // len(names),
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )
            for name in names
        ]

    def build(self, input_shape: Any) -> None:
        for direction in self.directions:
            direction.build(input_shape)

    def call(self, sequence: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, Last]:
        """Reads `[time, rows, inputs]`, each row as far as it is long.

        From the right a row is read from its own last token. What stands behind a row's end is
        read after it, and is in nothing that comes before.

        Args:
            sequence: Time first.
            lengths: int32 `[rows]`.

        Returns:
            `[time, rows, width]`, and what each direction holds once it has read a row.
        """
        hidden, ends = self.directions[0](sequence)
        states, last = [hidden], [_at_the_end(hidden, ends, lengths)]
        if self.bidirectional:
            turned = tf.reverse_sequence(sequence, lengths, seq_axis=0, batch_axis=1)
            hidden, ends = self.directions[1](turned)
            last.append(_at_the_end(hidden, ends, lengths))
            states.append(tf.reverse_sequence(hidden, lengths, seq_axis=0, batch_axis=1))
        joined = Last(*(tf.concat(parts, -1) for parts in zip(*last, strict=True)))
        return tf.concat(states, -1), joined

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "width": self.width,
            "bidirectional": self.bidirectional,
            "seed": self.seed,
        }


def _at_the_end(hidden: tf.Tensor, cells: tf.Tensor, lengths: tf.Tensor) -> Last:
    """The states at each row's last token; of a row without any, at its first place."""
    rows = tf.range(tf.size(lengths))
    places = tf.stack([tf.maximum(lengths - 1, 0), rows], 1)
    return Last(tf.gather_nd(hidden, places), tf.gather_nd(cells, places))


@keras.saving.register_keras_serializable(package="tfkd")
class LstmEncoder(keras.layers.Layer):
    """Layers named layer_1, layer_2, ..., with dropout between them.

    Args:
        layers: Number of layers.
        width: Size of the hidden vectors.
        bidirectional: Whether each layer reads from both ends.
        dropout: Rate on what a layer hands to the next.
        seed: Seed of all weights.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        *,
        bidirectional: bool = True,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.bidirectional = bidirectional
        self.rate = dropout
        self.seed = seed
        self.blocks = [
            LstmLayer(
                width,
                bidirectional=bidirectional,
                seed=derive_seed(seed, f"layer_{number}"),
                dtype=self.dtype_policy,
                name=f"layer_{number}",
            )
            for number in range(1, layers + 1)
        ]
        self.dropouts = [
            Dropout(dropout, dtype=self.dtype_policy, name=f"dropout_{number}")
            for number in range(1, layers)
        ]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.width)

    def build(self, input_shape: Any) -> None:
        for block in self.blocks:
            block.build((None, None, input_shape[-1]))
            input_shape = (None, None, self.width)
        for dropout in self.dropouts:
            dropout.build()

    def call(
        self, hidden: tf.Tensor, lengths: tf.Tensor, training: bool = False
    ) -> tuple[dict[str, tf.Tensor], list[Last]]:
        """Reads sources.

        Args:
            hidden: `[rows, time, inputs]`.
            lengths: int32 `[rows]`: tokens of each.
            training: Whether dropout is on.

        Returns:
            `{"layer_1": .., "layer_N": .., "hidden": ..}`, each `[rows, time, width]`, "hidden" the
            last; and what each layer holds at the end.
        """
        states, last = {}, []
        hidden = tf.transpose(hidden, [1, 0, 2])
        for number, block in enumerate(self.blocks):
            if number:
                hidden = self.dropouts[number - 1](hidden, training=training)
            hidden, end = block(hidden, lengths)
            last.append(end)
            states[block.name] = tf.transpose(hidden, [1, 0, 2])
        return {**states, "hidden": states[self.blocks[-1].name]}, last

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layers": len(self.blocks),
            "width": self.width,
            "bidirectional": self.bidirectional,
            "dropout": self.rate,
            "seed": self.seed,
        }
