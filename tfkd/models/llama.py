"""Llama and the decoders after it: RMS norms, rotary positions, shared keys, gated feed-forward."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import derive_seed
from tfkd.layers.rotary_decoder import RotaryDecoder
from tfkd.layers.token_embedding import TokenEmbedding
from tfkd.models.builder import arguments
from tfkd.models.from_options import BuiltFromOptions
from tfkd.models.heads import VocabularyHead
from tfkd.models.language_model import LanguageModel, States

# A place behind all others, which no query sees.
_NOWHERE = 2**30


@keras.saving.register_keras_serializable(package="tfkd")
class Llama(BuiltFromOptions, LanguageModel):
    """A causal Transformer as Llama's, Mistral's, Qwen's, SmolLM3's and Gemma's text models are.

    Called with a sequence record (`ids`, and optionally `valid` and `positions`) it returns
    "embedding", "layer_1", ..., "hidden", each `[batch, length, width]`; "hidden" is normalized.
    Token t sees the tokens 0 ... t. `start` and `step` decode, as those of a `Gpt2` do.

    Args:
        vocabulary_size: Number of ids.
        layers, width, heads: Of the blocks.
        key_value_heads: Keys and values a token; None: `heads`.
        head_width: Size of a head; None: width / heads.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        max_length: Positions that it was trained with: no weight hangs on it.
        norm_epsilon: Epsilon of all norms.
        norms: "before" the sub-layers, or "around" (Gemma 2 and 3).
        activation: Of the gate: "silu", "gelu_tanh", "gelu" or "relu".
        attention_bias: "none", "inputs" (query, key and value: Qwen 2) or "all".
        feed_forward_bias: Whether the feed-forward networks have biases.
        query_key_norm: Whether each query and key is normed (Qwen 3, Gemma 3).
        attention_scale: Of the products of queries and keys; None: head_width^-0.5.
        attention_cap, logit_cap: c of c tanh(x / c) on attention and output logits (Gemma 2).
        scale_embeddings: Whether embeddings are multiplied by width^0.5 (Gemma).
        tie_embeddings: Whether the head is the embedding.
        rotary_theta, rotary_scaling, window_theta, attention_window, window_layers,
            unrotated_layers: See `RotaryDecoder`.
        dropout: Rate on embeddings' sums and sub-layers.
        attention_dropout: Rate on attention weights; None: `dropout`.
        initializer_range: Standard deviation of new weights; 0: zeros.
        seed: Seed of all weights; None draws by chance.

    Example:
        >>> model = Llama(8000, layers=4, width=256, heads=8, key_value_heads=2)
        >>> states = model({"ids": tf.constant([[2, 9, 11, 3]])})
        >>> model.head.logits(states["hidden"]).shape
        TensorShape([1, 4, 8000])

    Reference: Touvron et al. 2023, Llama 2; Jiang et al. 2023, Mistral 7B; Yang et al. 2025, Qwen3;
    Gemma Team 2024 and 2025, Gemma 2 and 3.
    """

    input_layout = "sequence"

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        width: int,
        heads: int,
        key_value_heads: int | None = None,
        head_width: int | None = None,
        feed_forward: int | None = None,
        max_length: int = 2048,
        norm_epsilon: float = 1e-6,
        norms: str = "before",
        activation: str = "silu",
        attention_bias: str = "none",
        feed_forward_bias: bool = False,
        query_key_norm: bool = False,
        attention_scale: float | None = None,
        attention_cap: float | None = None,
        logit_cap: float | None = None,
        scale_embeddings: bool = False,
        tie_embeddings: bool = True,
        rotary_theta: float = 10000.0,
        rotary_scaling: Mapping[str, Any] | None = None,
        window_theta: float | None = None,
        attention_window: int | None = None,
        window_layers: Sequence[int] = (),
        unrotated_layers: Sequence[int] = (),
        dropout: float = 0.0,
        attention_dropout: float | None = None,
        initializer_range: float = 0.02,
        seed: int | None = 1,
        name: str = "llama",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        given = dict(locals())
        skipped = ("self", "name", "kwargs", "__class__")
        self._options = {key: value for key, value in given.items() if key not in skipped}
        self._options["window_layers"] = list(window_layers)
        self._options["unrotated_layers"] = list(unrotated_layers)
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.max_length = max_length
        initializer = (
            keras.initializers.RandomNormal(stddev=initializer_range)
            if initializer_range
            else "zeros"
        )
        shared = {"dtype": self.dtype_policy}
        self.embedding = TokenEmbedding(
            vocabulary_size,
            width,
            width**0.5 if scale_embeddings else 1.0,
            initializer,
            derive_seed(seed, "embedding"),
            **shared,
            name="embedding",
        )
        self.decoder = RotaryDecoder(
            layers,
            width,
            theta=rotary_theta,
            window_theta=window_theta,
            scaling=rotary_scaling,
            window=attention_window,
            window_layers=window_layers,
            unrotated_layers=unrotated_layers,
            block={
                "norm_epsilon": norm_epsilon,
                "norms": norms,
                "dropout": dropout,
                "kernel_initializer": initializer,
                "attention": {
                    "heads": heads,
                    "key_value_heads": key_value_heads or heads,
                    "head_width": head_width or width // heads,
                    "bias": attention_bias != "none",
                    "output_bias": attention_bias == "all",
                    "norm_epsilon": norm_epsilon if query_key_norm else None,
                    "scale": attention_scale,
                    "cap": attention_cap,
                    "dropout": dropout if attention_dropout is None else attention_dropout,
                },
                "feed_forward": {
                    "inner": feed_forward or 4 * width,
                    "activation": activation,
                    "bias": feed_forward_bias,
                },
            },
            seed=derive_seed(seed, "decoder"),
            **shared,
            name="decoder",
        )
        tokens = self.embedding.tokens
        self.heads = {
            "causal_lm": VocabularyHead(
                vocabulary_size,
                width,
                tied_matrix=(lambda: tokens.table) if tie_embeddings else None,
                use_bias=False,
                cap=logit_cap,
                initializer=initializer,
                seed=derive_seed(seed, "head"),
                **shared,
                name="head",
            )
        }
        self.finish()

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """See `BuiltFromOptions`."""
        found = {"vocabulary_size": tokenizers[options.tokenizer].size, **arguments(options)}
        scaling = found["rotary_scaling"]
        return {**found, "rotary_scaling": None if scaling is None else scaling.plain()}

    def build(self, input_shape: Any = None) -> None:
        self.embedding.build((None, None))
        self.decoder.build((None, None, self.width))
        self.head.build((None, None, self.width))

    def call(self, record: Mapping[str, tf.Tensor], training: bool = False) -> States:
        """Returns the states of a sequence record.

        Args:
            record: `ids` int32 `[batch, length]`; optional `positions` alike and `valid` bool
                `[batch, length]`. Padding at the end needs no `valid`: nothing before it sees it.
                Other keys are ignored.
            training: Whether dropout is on.
        """
        ids = tf.convert_to_tensor(record["ids"])
        places = tf.range(tf.shape(ids)[1])
        positions = record.get("positions")
        positions = places[None] if positions is None else positions
        distance = places[None, :, None] - places[None, None, :]
        visible = distance >= 0
        if record.get("valid") is not None:
            visible &= tf.convert_to_tensor(record["valid"])[:, None, :]
        embedded = self.embedding(ids)
        states, _ = self.decoder(embedded, positions, visible, distance, training=training)
        return {"embedding": embedded, **states}

    def start(self, prompt: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """Reads prompts and returns the state that decoding starts from; see `Gpt2.start`."""
        ids = tf.convert_to_tensor(prompt["ids"])
        valid = prompt.get("valid")
        valid = tf.ones_like(ids, tf.bool) if valid is None else tf.convert_to_tensor(valid)
        known = tf.maximum(tf.reduce_sum(tf.cast(valid, tf.int32), 1) - 1, 0)
        last = tf.gather(ids, known, batch_dims=1)
        batch, before = tf.shape(ids)[0], tf.shape(ids)[1] - 1
        places = tf.range(before)
        distance = places[None, :, None] - places[None, None, :]
        _, caches = self.decoder(
            self.embedding(ids[:, :-1]),
            places[None],
            distance >= 0,
            distance,
            caches=self.decoder.start(batch),
        )
        # What stands after a shorter prompt is read, and stands nowhere for all that follows.
        at = tf.where(places < known[:, None], places, _NOWHERE)
        # Statically of any width: a loop makes it grow.
        none = tf.zeros([batch, tf.raw_ops.PlaceholderWithDefault(input=0, shape=[])], tf.int32)
        return {"caches": caches, "at": tf.concat([none, at], 1), "known": known, "last": last}

    def step(
        self,
        ids: tf.Tensor,
        state: dict[str, Any],
        index: int | tf.Tensor,
        max_length: int | None = None,
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """Feeds one token a row and returns the logits of the next; see `Gpt2.step`."""
        del max_length
        index = tf.cast(index, tf.int32)
        ids = tf.where(index == 0, state["last"], tf.cast(ids, state["last"].dtype))
        positions = (state["known"] + index)[:, None]
        at = tf.concat([state["at"], positions], 1)
        distance = positions[:, :, None] - at[:, None, :]
        states, caches = self.decoder(
            self.embedding(ids[:, None]), positions, distance >= 0, distance, caches=state["caches"]
        )
        logits = self.head.logits(states["hidden"][:, 0])
        return logits, {**state, "caches": caches, "at": at}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}
