"""Heads that turn hidden states into logits over a vocabulary."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfkd.layers.activations import activation as find_activation
from tfkd.layers.dense import Dense
from tfkd.layers.initializers import Blocks, derive_seed
from tfkd.layers.invariants import kept_here, once
from tfkd.layers.layer_norm import LayerNorm
from tfkd.layers.portable import is_portable
from tfkd.layers.quantization import Product
from tfkd.layers.shapes import shape_of


class Columns(NamedTuple):
    """A head's matrix and bias for some of its ids.

    Attributes:
        matrix: `[d, n]`, in the compute type.
        bias: float32 `[n]`, or None.
    """

    matrix: tf.Tensor
    bias: tf.Tensor | None


@keras.saving.register_keras_serializable(package="tfkd")
class VocabularyHead(Product, keras.layers.Layer):
    """logits = t(h) M^T + b, with M the model's embedding (tied) or a matrix of its own; of these,
    where there is a cap c, c tanh(logits / c) (Gemma 2).

    t is the identity, or BERT's transform LN(activation(h W + c)). A loss over the vocabulary takes
    `transform`, `matrix` and `bias` apart, so that it never needs all logits at once.

    Args:
        vocabulary_size: Number of output ids, V.
        width: Size of the vectors t(h), d.
        reads: Size of the hidden vectors h, where the transform makes another one of it; None: d.
        tied_matrix: Returns the table `[V, d]` to share; None: a matrix of its own.
        transform: Whether t is BERT's.
        activation: Activation of the transform.
        norm_epsilon: Epsilon of the transform's normalization.
        use_bias: Whether to add b, which starts at zero.
        factor: Multiplies h where there is no transform: width^-0.5 of a T5 with a tied matrix.
        initializer: Keras initializer of the matrix and of the transform.
        matrix_initializer: Of the matrix alone; None: `initializer`.
        cap: c; None: without. Such a head teaches: the losses of a student know none.
        seed: Seed of the weights.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        *,
        reads: int | None = None,
        tied_matrix: Callable[[], Any] | None = None,
        transform: bool = False,
        activation: str = "gelu",
        norm_epsilon: float = 1e-12,
        use_bias: bool = True,
        factor: float = 1.0,
        initializer: Any = "glorot_uniform",
        matrix_initializer: Any = None,
        cap: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.cap = cap
        self.width = width
        self.reads = reads or width
        if self.reads != width and not transform:
            raise ValueError(
                "Invalid value for argument `reads`. Expected the width, for a head without a "
                f"transform. Received: reads={reads}, width={width}"
            )
        self.use_bias = use_bias
        self.factor = float(factor)
        self.seed = seed
        self._tied_matrix = tied_matrix
        self._initializers = [keras.initializers.get(initializer)]
        self._initializers.append(keras.initializers.get(matrix_initializer))
        self._transform = {
            "transform": transform,
            "activation": activation,
            "norm_epsilon": norm_epsilon,
        }
        self.dense = self.norm = None
        if transform:
            self._activate = find_activation(activation)
            self.dense = Dense(
                width,
                kernel_initializer=initializer,
                seed=derive_seed(seed, "transform"),
                dtype=self.dtype_policy,
                name="transform",
            )
            self.norm = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name="transform_norm")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: logits."""
        return (None, None, self.vocabulary_size)

    @property
    def _matrix_initializer(self) -> Any:
        own = self._initializers[1]
        return self._initializers[0] if own is None else own

    @property
    def tied(self) -> bool:
        """Whether the matrix is the model's embedding."""
        return self._tied_matrix is not None

    def build(self, input_shape: Any = None) -> None:
        if not self.tied:
            self.own_matrix = self.add_weight(
                (self.vocabulary_size, self.width),
                initializer=Blocks(self._matrix_initializer, seed=derive_seed(self.seed, "matrix")),
                name="matrix",
                autocast=False,
            )
        self.own_bias = None
        if self.use_bias:
            self.own_bias = self.add_weight(
                (self.vocabulary_size,),
                initializer="zeros",
                name="bias",
                dtype="float32",  # it is read so under every policy
                autocast=False,
            )
        if self.dense is not None:
            self.dense.build((None, self.reads))
            self.norm.build((None, self.width))

    def transform(self, hidden: tf.Tensor) -> tf.Tensor:
        """t(h): `[..., reads]` to `[..., d]`, in the compute type, as the product takes it."""
        hidden = tf.cast(hidden, self.compute_dtype)
        if self.dense is not None:
            hidden = self.norm(self._activate(self.dense(hidden)))
        elif self.factor != 1.0:
            hidden *= self.factor
        return self.operand(hidden)

    def matrix(self) -> tf.Tensor:
        """M `[V, d]` in the compute type, as the product takes it."""
        table = self._tied_matrix() if self.tied else self.own_matrix
        return tf.cast(self.operand(table), self.compute_dtype)

    def bias(self) -> tf.Tensor | None:
        """b `[V]` in float32, or None."""
        if self.own_bias is None:
            return None
        return once(self, "bias", lambda: tf.cast(self.own_bias, tf.float32))

    def columns(self, ids: tf.Tensor) -> "Columns":
        """M^T and b of some ids alone, int32 `[n]`, for `logits`."""
        table = self._tied_matrix() if self.tied else self.own_matrix
        rows = tf.gather(getattr(table, "value", table), ids)
        rows = tf.cast(self.operand(rows), self.compute_dtype)
        bias = None if self.own_bias is None else tf.gather(self.own_bias.value, ids)
        return Columns(tf.transpose(rows), bias)

    def logits(self, hidden: tf.Tensor, columns: "Columns | None" = None) -> tf.Tensor:
        """float32 `[..., V]` of states `[..., reads]`; the product is in the compute type. With
        `columns` those of their ids alone, of states `[rows, reads]`."""
        plain = is_portable()  # other engines fold the axes by themselves
        read = self.transform(hidden)
        if columns is not None:
            logits = tf.cast(tf.matmul(read, columns.matrix), tf.float32)
            logits = logits if columns.bias is None else logits + columns.bias
            return capped(logits, self.cap)
        read = read if plain else tf.reshape(read, [-1, self.width])
        logits = tf.cast(times_matrix(read, self), tf.float32)
        bias = self.bias()
        if bias is not None:
            logits += bias
        if plain:
            return capped(logits, self.cap)
        return tf.reshape(capped(logits, self.cap), shape_of(hidden, self.vocabulary_size))

    def call(self, hidden: tf.Tensor) -> tf.Tensor:
        return self.logits(hidden)

    def get_config(self) -> dict[str, Any]:
        """As of any layer.

        Raises:
            ValueError: The matrix is the model's embedding, which is no part of it.
        """
        if self.tied:
            raise ValueError(
                f"Head {self.name!r} is tied to the embedding of its model, which its config would "
                "lack. Expected the config of the model, which has both"
            )
        names = ("initializer", "matrix_initializer")
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "width": self.width,
            **self._transform,
            "use_bias": self.use_bias,
            "factor": self.factor,
            **({} if self.cap is None else {"cap": self.cap}),
            **{
                name: one and keras.initializers.serialize(one)
                for name, one in zip(names, self._initializers, strict=True)
            },
            "seed": self.seed,
        }


def times_matrix(rows: tf.Tensor, head: Any) -> tf.Tensor:
    """rows M^T: `[n, V]` of rows t(h) `[n, d]`, in the compute type.

    A product on a CPU first packs its second matrix, and one that is to be turned takes long: more
    than the product itself for the few rows of a search's step. So a search has M^T made once, in
    front of its loop (see `tfkd.layers.invariants`), which takes as much memory again.
    `tools/bench_families` measures steps.

    Args:
        rows: From `head.transform`.
        head: A `VocabularyHead`, or one of a plugin with its `matrix()`.
    """
    if not kept_here():
        return tf.matmul(rows, head.matrix(), transpose_b=True)
    return tf.matmul(rows, once(head, "columns", lambda: tf.transpose(head.matrix())))


def capped(logits: tf.Tensor, cap: float | None) -> tf.Tensor:
    """c tanh(logits / c), or the logits where c is None."""
    return logits if cap is None else cap * tf.tanh(logits / cap)


def cap_of(head: Any) -> float | None:
    """The cap of a head's logits; None of one without."""
    return getattr(head, "cap", None)


def start_head_from_embeddings(
    head: VocabularyHead,
    table: Any,
    input_vocabulary: Sequence[str],
    output_vocabulary: Sequence[str],
    *,
    unknown: str = "[UNK]",
    special: Sequence[str] = (),
) -> int:
    """Starts each row of an untied head from the input embedding of the same piece.

    Pieces that the input vocabulary lacks, and the special ones, get the row of the unknown piece;
    the bias becomes 0 (P1, the teacher's output layer).

    Args:
        head: A head with a matrix of its own.
        table: The input embedding `[input pieces, d]`.
        input_vocabulary: The pieces of the table's rows.
        output_vocabulary: The pieces of the head's rows.
        unknown: The piece whose row stands in for missing ones.
        special: Pieces of the output that also take that row.

    Returns:
        How many output pieces found a row of their own.

    Raises:
        ValueError: the head is tied, or sizes and vocabularies differ.
    """
    rows = np.asarray(getattr(table, "value", table))
    if head.tied:
        raise ValueError("Invalid value for argument `head`. Expected a head that is not tied.")
    for name, pieces, size in (
        ("input_vocabulary", input_vocabulary, len(rows)),
        ("output_vocabulary", output_vocabulary, head.vocabulary_size),
    ):
        if len(pieces) != size:
            raise ValueError(
                f"Invalid value for argument `{name}`. Expected {size} pieces. "
                f"Received: {len(pieces)}"
            )
    places = {piece: index for index, piece in enumerate(input_vocabulary)}
    if unknown not in places:
        raise ValueError(
            f"Invalid value for argument `unknown`. Expected a piece of the input vocabulary. "
            f"Received: unknown={unknown!r}"
        )
    stand_in = places[unknown]
    for piece in special:
        places.pop(piece, None)
    found = [places.get(piece) for piece in output_vocabulary]
    head.own_matrix.assign(rows[[stand_in if index is None else index for index in found]])
    if head.own_bias is not None:
        head.own_bias.assign(tf.zeros_like(head.own_bias))
    return sum(index is not None for index in found)
