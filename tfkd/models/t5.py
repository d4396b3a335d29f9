"""T5: an encoder-decoder that knows positions by their distance alone."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.relative_bias import RelativeBias
from tfkd.layers.stack import Stack
from tfkd.layers.t5_block import T5Stack
from tfkd.models.builder import arguments
from tfkd.models.encoder_decoder import EncoderDecoder, Side
from tfkd.models.from_options import BuiltFromOptions
from tfkd.models.heads import VocabularyHead


@keras.saving.register_keras_serializable(package="tfkd")
class T5(BuiltFromOptions, EncoderDecoder):
    """T5 (Raffel et al., 2020), mT5, FLAN-T5; see `EncoderDecoder` for what it reads and returns.

    One table for source and target; blocks without biases, normalized by the root of the mean
    square before each sub-layer and behind the last one; a bias of each head by distance, one table
    for all layers of a side.

    Args:
        vocabulary_size: Number of ids.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        width: Size of the hidden vectors.
        heads: Attention heads.
        head_size: Size of a head; None: width / heads.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        gated: Whether these have a gate (T5 1.1, mT5, FLAN).
        activation: "relu", "gelu", "gelu_tanh" or "silu".
        dropout: Rate on embeddings, sub-layers and attention weights.
        norm_epsilon: Epsilon of all normalizations.
        buckets: Rows of the tables of distances.
        max_distance: From where on all distances are one.
        output: "scaled": the embedding again, states times width^-0.5 (T5); "tied": the embedding;
            "own": a matrix of its own (T5 1.1, mT5, FLAN).
        max_length: The most tokens of a source that is decoded, and of an output.
        seed: Seed of all weights.

    Reference: Raffel et al. 2020, Exploring the Limits of Transfer Learning, section 2.1; Shazeer
    2020, GLU Variants Improve Transformer.
    """

    causal = True
    lengths = None

    def __init__(
        self,
        vocabulary_size: int,
        *,
        encoder_layers: int,
        decoder_layers: int,
        width: int,
        heads: int,
        head_size: int | None = None,
        feed_forward: int | None = None,
        gated: bool = False,
        activation: str = "relu",
        dropout: float = 0.1,
        norm_epsilon: float = 1e-6,
        buckets: int = 32,
        max_distance: int = 128,
        output: str = "scaled",
        max_length: int = 512,
        seed: int | None = 1,
        name: str = "t5",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        if output not in ("scaled", "tied", "own"):
            raise ValueError(
                "Invalid value for argument `output`. Expected 'scaled', 'tied' or 'own'. "
                f"Received: output={output!r}"
            )
        self._options = {
            "vocabulary_size": vocabulary_size,
            "encoder_layers": encoder_layers,
            "decoder_layers": decoder_layers,
            "width": width,
            "heads": heads,
            "head_size": head_size,
            "feed_forward": feed_forward,
            "gated": gated,
            "activation": activation,
            "dropout": dropout,
            "norm_epsilon": norm_epsilon,
            "buckets": buckets,
            "max_distance": max_distance,
            "output": output,
            "max_length": max_length,
            "seed": seed,
        }
        self.vocabulary_size = self.source_vocabulary_size = vocabulary_size
        self.width = width
        self.max_length = max_length
        self.embedding = Embedding(
            vocabulary_size,
            width,
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            seed=derive_seed(seed, "embedding"),
            dtype=self.dtype_policy,
            name="embedding",
        )
        for side, layers in (("encoder", encoder_layers), ("decoder", decoder_layers)):
            bias = RelativeBias(
                heads,
                buckets=buckets,
                max_distance=max_distance,
                both_sides=side == "encoder",
                initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
                seed=derive_seed(seed, f"{side}_bias"),
                dtype=self.dtype_policy,
                name=f"{side}_bias",
            )
            setattr(self, f"{side}_bias", bias)
            drop = Dropout(dropout, dtype=self.dtype_policy, name=f"{side}_dropout")
            setattr(self, f"{side}_dropout", drop)
            stack = T5Stack(
                layers,
                width,
                heads,
                norm="pre",
                norm_epsilon=norm_epsilon,
                seed=derive_seed(seed, side),
                options={
                    "size": head_size or width // heads,
                    "feed_forward": feed_forward or 4 * width,
                    "gated": gated,
                    "activation": activation,
                    "dropout": dropout,
                    "cross_attention": side == "decoder",
                },
                dtype=self.dtype_policy,
                name=side,
            )
            setattr(self, side, stack)
        table = self.embedding
        head = VocabularyHead(
            vocabulary_size,
            width,
            tied_matrix=None if output == "own" else (lambda: table.table),
            use_bias=False,
            factor=width**-0.5 if output == "scaled" else 1.0,
            matrix_initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            seed=derive_seed(seed, "head"),
            dtype=self.dtype_policy,
            name="head",
        )
        self.heads = {"output": head}
        self.finish()

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """See `BuiltFromOptions`."""
        return {"vocabulary_size": tokenizers[options.tokenizer].size, **arguments(options)}

    def build(self, input_shape: Any = None) -> None:
        self.embedding.build((None, None))
        for side in ("encoder", "decoder"):
            getattr(self, f"{side}_bias").build((None,))
            for part in (f"{side}_dropout", side):
                getattr(self, part).build((None, None, self.width))
        self.head.build((None, None, self.width))

    @property
    def encoder_stack(self) -> Stack:
        """The encoder's blocks."""
        return self.encoder

    @property
    def decoder_stack(self) -> Stack:
        """The decoder's blocks."""
        return self.decoder

    def embed(self, side: str, record: Side, training: bool) -> tf.Tensor:
        """dropout(token) of a side: `[batch, length, width]`."""
        hidden = self.embedding(record["ids"])
        return getattr(self, f"{side}_dropout")(hidden, training=training)

    def _source_penalty(self, length: tf.Tensor, seen: tf.Tensor | None) -> tf.Tensor:
        places = tf.range(length)
        hidden = super()._source_penalty(length, seen)
        bias = self.encoder_bias(places, places)
        return -bias if hidden is None else hidden - bias

    def _penalty(self, target: Side) -> tf.Tensor:
        places = tf.range(tf.shape(target["ids"])[1])
        return super()._penalty(target) - self.decoder_bias(places, places)

    def _step_penalty(self, position: tf.Tensor) -> tf.Tensor:
        return -self.decoder_bias(position, tf.range(position[0] + 1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
