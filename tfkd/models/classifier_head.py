"""The head that turns one state of a text into logits over classes."""

from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.activations import activation as find_activation
from tfkd.layers.dense import Dense
from tfkd.layers.dropout import Dropout
from tfkd.layers.initializers import Blocks, derive_seed
from tfkd.layers.quantization import Product


@keras.saving.register_keras_serializable(package="tfkd")
class ClassifierHead(Product, keras.layers.Layer):
    """logits = t(h) M^T + b over C classes, t(h) = dropout(f(h W + c)), f = tanh: BERT's pooler.

    Shaped as `VocabularyHead`, so that what passes over a vocabulary passes over classes.

    Args:
        classes: C.
        width: Size of the hidden vectors, d.
        dropout: Rate on f(h W + c), in training.
        activation: f: "tanh" (BERT, RoBERTa), "relu" (DistilBERT) or "gelu" (ELECTRA); "none": t is
            dropout alone, without W and c, as heads over the classes of tokens have it.
        initializer: Keras initializer of W and M; b and c start at 0.
        seed: Seed of the weights.

    Reference: Devlin et al. 2019, BERT, section 4.1.
    """

    def __init__(
        self,
        classes: int,
        width: int,
        *,
        dropout: float = 0.1,
        activation: str = "tanh",
        initializer: Any = "glorot_uniform",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = classes
        self.width = width
        self.seed = seed
        self._initializer = keras.initializers.get(initializer)
        self.activation = activation
        self.dense = None
        if activation != "none":
            self._activate = find_activation(activation)
            self.dense = Dense(
                width,
                kernel_initializer=initializer,
                seed=derive_seed(seed, "transform"),
                dtype=self.dtype_policy,
                name="transform",
            )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: logits."""
        return (None, self.vocabulary_size)

    def build(self, input_shape: Any = None) -> None:
        if self.dense is not None:
            self.dense.build((None, self.width))
        self.dropout.build()
        self.own_matrix = self.add_weight(
            (self.vocabulary_size, self.width),
            initializer=Blocks(self._initializer, seed=derive_seed(self.seed, "matrix")),
            name="matrix",
            autocast=False,
        )
        self.own_bias = self.add_weight(
            (self.vocabulary_size,),
            initializer="zeros",
            name="bias",
            dtype="float32",
            autocast=False,
        )

    def transform(self, hidden: tf.Tensor, training: bool = False) -> tf.Tensor:
        """t(h): `[..., d]` to `[..., d]`, in the compute type, as the product takes it."""
        hidden = tf.cast(hidden, self.compute_dtype)
        if self.dense is not None:
            hidden = self._activate(self.dense(hidden))
        return self.operand(self.dropout(hidden, training=training))

    def matrix(self) -> tf.Tensor:
        """M `[C, d]` in the compute type, as the product takes it."""
        return tf.cast(self.operand(self.own_matrix), self.compute_dtype)

    def bias(self) -> tf.Tensor:
        """b `[C]` in float32."""
        return tf.cast(self.own_bias, tf.float32)

    def logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """float32 `[..., C]` of hidden states `[..., d]`, without dropout."""
        product = tf.matmul(self.transform(hidden), self.matrix(), transpose_b=True)
        return tf.cast(product, tf.float32) + self.bias()

    def call(self, hidden: tf.Tensor) -> tf.Tensor:
        return self.logits(hidden)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "classes": self.vocabulary_size,
            "width": self.width,
            "dropout": self.dropout.rate,
            "activation": self.activation,
            "initializer": keras.initializers.serialize(self._initializer),
            "seed": self.seed,
        }
