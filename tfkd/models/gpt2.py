"""GPT-2: a causal Transformer that predicts each next token of a text."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers import hooks
from tfkd.layers.dropout import Dropout
from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.masks import causal_penalty, key_penalty
from tfkd.layers.positions import Positions
from tfkd.layers.stack import Stack
from tfkd.models.adapters import build_adapters
from tfkd.models.builder import arguments
from tfkd.models.from_options import BuiltFromOptions
from tfkd.models.heads import VocabularyHead
from tfkd.models.language_model import LanguageModel, States


def gpt2_initializer(std: float = 0.02) -> keras.initializers.Initializer:
    """Returns GPT-2's normal, of standard deviation 0.02 unless another is given."""
    return keras.initializers.RandomNormal(stddev=std)


@keras.saving.register_keras_serializable(package="tfkd")
class Gpt2Embedding(keras.layers.Layer):
    """dropout(token + position)."""

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        max_length: int,
        dropout: float,
        initializer_range: float,
        seed: int | None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "width": width,
            "max_length": max_length,
            "dropout": dropout,
            "initializer_range": initializer_range,
            "seed": seed,
        }

        def shared(name: str) -> dict[str, Any]:
            return {
                "initializer": gpt2_initializer(initializer_range),
                "seed": derive_seed(seed, name),
                "dtype": self.dtype_policy,
                "name": name,
            }

        self.tokens = Embedding(vocabulary_size, width, **shared("tokens"))
        self.positions = Positions("learned", width, max_length=max_length, **shared("positions"))
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What it gives, for `summary`: `[batch, length, width]`."""
        return (None, None, self.tokens.width)

    def build(self, input_shape: Any = None) -> None:
        self.tokens.build()
        self.positions.build()
        self.dropout.build()

    def call(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        hidden = self.positions(self.tokens(record["ids"]), record.get("positions"))
        return self.dropout(hidden, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}


@keras.saving.register_keras_serializable(package="tfkd")
class Gpt2(BuiltFromOptions, LanguageModel):
    """GPT-2, computed as its published checkpoints were: pre-norm, GELU by tanh, learned positions.

    Called with a sequence record (`ids`, and optionally `valid` and `positions`) it returns
    "embedding", "layer_1", ..., "hidden", each `[batch, length, width]`; "hidden" is normalized.
    The head is the embedding, without a bias. Token t sees the tokens 0 ... t.

    `start` reads prompts of different lengths side by side, and `step` continues them, so that
    every search which goes from left to right decodes with it.

    Args:
        vocabulary_size: Number of ids.
        layers: Number of blocks.
        width: Size of the hidden vectors.
        heads: Attention heads of each block.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        max_length: Positions that the model knows.
        dropout: Rate on embeddings and sub-layers.
        attention_dropout: Rate on attention weights; None: `dropout`.
        activation: "gelu_tanh", "gelu" (by erf) or "relu".
        norm_epsilon: Epsilon of all normalizations.
        initializer_range: Standard deviation of new weights. Those that a sub-layer ends with have
            it divided by sqrt(2 * layers), so that the sum over all sub-layers does not grow with
            the depth.
        adapters: `{"layer_N": {place: layer}}`, see `tfkd.layers.hooks`.
        seed: Seed of all weights: the same seed gives the same weights; None draws by chance.

    Example:
        >>> model = Gpt2(8000, layers=4, width=256, heads=4)
        >>> states = model({"ids": tf.constant([[2, 9, 11, 3]])})
        >>> model.head.logits(states["hidden"]).shape
        TensorShape([1, 4, 8000])

    Reference: Radford et al. 2019, Language Models are Unsupervised Multitask Learners, 2.3.
    """

    input_layout = "sequence"

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        width: int,
        heads: int,
        feed_forward: int | None = None,
        max_length: int = 1024,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        activation: str = "gelu_tanh",
        norm_epsilon: float = 1e-5,
        initializer_range: float = 0.02,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        seed: int | None = 1,
        name: str = "gpt2",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self._options = {
            "vocabulary_size": vocabulary_size,
            "layers": layers,
            "width": width,
            "heads": heads,
            "feed_forward": feed_forward,
            "max_length": max_length,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation": activation,
            "norm_epsilon": norm_epsilon,
            "initializer_range": initializer_range,
            "seed": seed,
        }
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.max_length = max_length
        self.embedding = Gpt2Embedding(
            vocabulary_size,
            width,
            max_length,
            dropout,
            initializer_range,
            derive_seed(seed, "embedding"),
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.decoder = Stack(
            layers,
            width,
            heads,
            norm="pre",
            norm_epsilon=norm_epsilon,
            adapters={key: dict(value) for key, value in (adapters or {}).items()},
            seed=derive_seed(seed, "decoder"),
            options={
                "feed_forward": feed_forward,
                "activation": activation,
                "dropout": dropout,
                "attention_dropout": attention_dropout,
                "kernel_initializer": gpt2_initializer(initializer_range),
                "output_initializer": gpt2_initializer(initializer_range * (2 * layers) ** -0.5),
            },
            dtype=self.dtype_policy,
            name="decoder",
        )
        embedding = self.embedding
        self.heads = {
            "causal_lm": VocabularyHead(
                vocabulary_size,
                width,
                tied_matrix=lambda: embedding.tokens.table,
                use_bias=False,
                dtype=self.dtype_policy,
                name="head",
            )
        }
        self.finish()

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """See `BuiltFromOptions`."""
        return {
            "vocabulary_size": tokenizers[options.tokenizer].size,
            **arguments(options),
            "adapters": build_adapters(options, policy, seed).get("decoder"),
        }

    def build(self, input_shape: Any = None) -> None:
        self.embedding.build((None, None))
        self.decoder.build((None, None, self.width))
        self.head.build((None, None, self.width))

    def call(
        self,
        record: Mapping[str, tf.Tensor],
        memories: dict[str, Any] | None = None,
        training: bool = False,
    ) -> States:
        """Returns the states of a sequence record.

        Args:
            record: `ids` int32 `[batch, length]`; optional `positions` alike and `valid` bool
                `[batch, length]`. Padding at the end needs no `valid`: nothing before it sees it.
                Other keys are ignored.
            memories: What adapters read beside it, see `tfkd.layers.hooks`.
            training: Whether dropout is on.
        """
        penalty = causal_penalty(tf.shape(record["ids"])[1], self.compute_dtype)
        if record.get("valid") is not None:
            # One that hides a key twice hides it as well.
            padding = key_penalty(record["valid"], self.compute_dtype)
            penalty = tf.maximum(penalty, padding)
        embedded = self.embed(record, training)
        states = self.decoder(embedded, penalty, memories=memories, training=training)
        return {"embedding": embedded, **states}

    def embed(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """dropout(token + position) of a sequence record: `[batch, length, width]`."""
        read = {key: record[key] for key in ("ids", "positions") if key in record}
        return self.embedding(read, training=training)

    def start(self, prompt: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Reads prompts and returns the state that decoding starts from.

        All tokens of a prompt but its last are read here; the first `step` reads that one, in place
        of the id that a search begins with. Every tensor of the state has the batch first, so beams
        may gather its rows; keys and values grow by one a step.

        Args:
            prompt: `ids` int32 `[batch, length]`, each row's start first and padding at its end;
                `valid` bool alike (optional). A row of padding alone is a filler.
        """
        ids = tf.convert_to_tensor(prompt["ids"])
        valid = prompt.get("valid")
        valid = tf.ones_like(ids, tf.bool) if valid is None else tf.convert_to_tensor(valid)
        known = tf.maximum(tf.reduce_sum(tf.cast(valid, tf.int32), 1) - 1, 0)
        last = tf.gather(ids, known, batch_dims=1)
        batch, before = tf.shape(ids)[0], tf.shape(ids)[1] - 1
        # What stands after a shorter prompt is read, and hidden from all that follows.
        hidden = tf.range(before) >= known[:, None]
        caches = self.decoder.start(batch, {})
        embedded = self.embed({"ids": ids[:, :-1]})
        _, caches = self.decoder.step(
            embedded, caches, {}, causal_penalty(before, self.compute_dtype)
        )
        # Statically of any width: a loop makes it grow.
        hidden = tf.concat([self._no_keys(batch), hidden], 1)
        return {"caches": caches, "hidden": hidden, "known": known, "last": last}

    def step(
        self,
        ids: tf.Tensor,
        state: dict[str, Any],
        index: int | tf.Tensor,
        max_length: int | None = None,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Feeds one token a row and returns the logits of the next.

        Args:
            ids: int32 `[batch]`: the tokens that the step before chose; at `index` 0 they are not
                read, since the prompt's last token stands there.
            state: From `start` or the step before.
            index: How many steps went before.
            max_length: Not needed, since caches grow; taken for callers that know it.

        Returns:
            float32 `[batch, vocabulary_size]` and the new state.
        """
        del max_length
        index = tf.cast(index, tf.int32)
        ids = tf.where(index == 0, state["last"], tf.cast(ids, state["last"].dtype))
        positions = (state["known"] + index)[:, None]
        embedded = self.embed({"ids": ids[:, None], "positions": positions})
        hidden_keys = tf.pad(state["hidden"], [[0, 0], [0, 1]])
        penalty = key_penalty(~hidden_keys, self.compute_dtype)
        hidden, caches = self.decoder.step(embedded, state["caches"], {}, penalty)
        logits = self.head.logits(hidden[:, 0])
        return logits, {**state, "caches": caches, "hidden": hidden_keys}

    @staticmethod
    def _no_keys(batch: tf.Tensor) -> tf.Tensor:
        width = tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])
        return tf.zeros([batch, width], tf.bool)

    def get_config(self) -> dict[str, Any]:
        adapters = {
            block.name: {place: hooks.store(layer) for place, layer in block.adapters.items()}
            for block in self.decoder.blocks
            if block.adapters
        }
        return {**super().get_config(), **self._options, "adapters": adapters}
