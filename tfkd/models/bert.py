"""BERT: a bidirectional Transformer encoder with a masked-language-model head."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dense import Dense
from tfkd.layers.initializers import derive_seed
from tfkd.layers.masks import key_penalty, prefix_penalty
from tfkd.layers.portable import places_of
from tfkd.layers.stack import Stack
from tfkd.models.adapters import build_adapters
from tfkd.models.bert_embedding import BertEmbedding, bert_initializer
from tfkd.models.builder import CLASSES, arguments, start_head
from tfkd.models.classifier_head import ClassifierHead
from tfkd.models.heads import VocabularyHead
from tfkd.models.language_model import LanguageModel, States
from tfkd.spec.options import classifier


@keras.saving.register_keras_serializable(package="tfkd")
class Bert(LanguageModel):
    """BERT, computed as its published checkpoints were: post-norm, exact GELU, learned positions.

    Called with a sequence record (`ids`, and optionally `types`, `valid`, `positions`, `prefix`,
    see `tfkd.layers.prefix_penalty`) it returns "embedding", "layer_1", ..., "hidden", each
    `[batch, length, width]`, and with a pooler "pooled" `[batch, width]`.

    Args:
        vocabulary_size: Number of input ids.
        layers: Number of blocks.
        width: Size of the hidden vectors.
        heads: Attention heads of each block.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        max_length: Positions that the model knows.
        types: Token types (segments); a single one is that of all tokens, whatever a record says.
        dropout: Rate on embeddings and sub-layers.
        attention_dropout: Rate on attention weights; None: `dropout`.
        activation: "gelu" (by erf), "gelu_tanh" or "relu".
        norm_epsilon: Epsilon of all normalizations.
        initializer_range: Standard deviation of new weights. The published 0.02 suits a width of
            768; a narrow model learns to attend much sooner from about width^-0.5.
        positions: "sequence": counted through both segments, as BERT's checkpoints were trained;
            "segment": the second segment counts anew from 1, so that a model that is trained from
            scratch finds the word at the same place of the other segment at once.
        embedding_width: Width of the embeddings, which a matrix brings to that of the blocks, and
            which the word-prediction head has, too (ALBERT, ELECTRA); None: `width`, no matrix.
        output_heads: Heads by kind. `{"masked_lm": {"vocabulary_size": None, "tied": True}}`: the
            published head, over another vocabulary if a size is given (then `tied` is False).
            `{"classifier": {"classes": C, "dropout": None, "activation": "tanh"}}`:
            `ClassifierHead`; None: `dropout`.
        pooler: Whether to add the published tanh layer over the first position.
        adapters: `{"layer_N": {place: layer}}`, see `tfkd.layers.hooks`.
        seed: Seed of all weights: the same seed gives the same weights; None draws by chance.

    Example:
        >>> model = Bert(8000, layers=4, width=256, heads=4)
        >>> states = model({"ids": tf.constant([[2, 9, 11, 3]])})
        >>> model.head.logits(states["hidden"]).shape
        TensorShape([1, 4, 8000])

    Reference: Devlin et al. 2019, BERT, sections 3 and A.2.
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
        max_length: int = 512,
        types: int = 2,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        activation: str = "gelu",
        norm_epsilon: float = 1e-12,
        initializer_range: float = 0.02,
        positions: str = "sequence",
        embedding_width: int | None = None,
        output_heads: Mapping[str, Mapping[str, Any]] | None = None,
        pooler: bool = False,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        seed: int | None = 1,
        name: str = "bert",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        output_heads = {"masked_lm": {}} if output_heads is None else output_heads
        if unknown := set(output_heads) - {"masked_lm", "classifier"}:
            raise ValueError(
                "Invalid value for argument `output_heads`. Expected kinds: masked_lm, classifier. "
                f"Received: {sorted(unknown)}"
            )
        if positions not in ("sequence", "segment"):
            raise ValueError(
                "Invalid value for argument `positions`. Expected 'sequence' or 'segment'. "
                f"Received: positions={positions!r}"
            )
        self._options = {
            "vocabulary_size": vocabulary_size,
            "layers": layers,
            "width": width,
            "heads": heads,
            "feed_forward": feed_forward,
            "max_length": max_length,
            "types": types,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation": activation,
            "norm_epsilon": norm_epsilon,
            "initializer_range": initializer_range,
            "positions": positions,
            "embedding_width": embedding_width,
            "output_heads": {kind: dict(options) for kind, options in output_heads.items()},
            "pooler": pooler,
            "seed": seed,
        }
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.max_length = max_length
        self._embedded = embedding_width or width
        self.embedding = BertEmbedding(
            vocabulary_size,
            self._embedded,
            max_length,
            types,
            dropout,
            norm_epsilon,
            initializer_range,
            derive_seed(seed, "embedding"),
            None if embedding_width is None else width,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.encoder = Stack(
            layers,
            width,
            heads,
            norm="post",
            norm_epsilon=norm_epsilon,
            adapters={key: dict(value) for key, value in (adapters or {}).items()},
            seed=derive_seed(seed, "encoder"),
            options={
                "feed_forward": feed_forward,
                "activation": activation,
                "dropout": dropout,
                "attention_dropout": attention_dropout,
                "kernel_initializer": bert_initializer(initializer_range),
            },
            dtype=self.dtype_policy,
            name="encoder",
        )
        self.pooler = None
        if pooler:
            self.pooler = Dense(
                width,
                kernel_initializer=bert_initializer(initializer_range),
                seed=derive_seed(seed, "pooler"),
                dtype=self.dtype_policy,
                name="pooler",
            )
        made = {"masked_lm": self._masked_lm_head, "classifier": self._classifier_head}
        self.heads = {
            kind: made[kind](seed=seed, **self._options["output_heads"][kind])
            for kind in output_heads
        }
        self.finish()

    @classmethod
    def from_options(
        cls,
        options: Any,
        tokenizers: Mapping[str, Any],
        *,
        policy: str,
        seed: int | None,
        heads_needed: tuple[str, ...],
    ) -> "Bert":
        """Builds the model of a spec; its head is the input's, tied, unless they name another."""
        output_heads: dict[str, Any] = {}
        head, classes = options.head, classifier(options) is not None
        if head is not None and not classes:
            size = tokenizers[head.tokenizer or options.tokenizer].size
            output_heads["masked_lm"] = {"vocabulary_size": size, "tied": head.tied}
        elif "masked_lm" in heads_needed:
            output_heads["masked_lm"] = {}
        if classes and "classifier" in heads_needed:
            size = tokenizers[CLASSES].size
            output_heads["classifier"] = {"classes": size, "dropout": head.dropout}
            if head.activation != "tanh":
                output_heads["classifier"]["activation"] = head.activation
        model = cls(
            tokenizers[options.tokenizer].size,
            **arguments(options),
            output_heads=output_heads,
            adapters=build_adapters(options, policy, seed).get("encoder"),
            dtype=policy,
            seed=seed,
        )
        start_head(model, options, tokenizers)
        return model

    def _masked_lm_head(
        self, seed: int | None, vocabulary_size: int | None = None, tied: bool = True
    ) -> VocabularyHead:
        size = vocabulary_size or self.vocabulary_size
        if tied and size != self.vocabulary_size:
            raise ValueError(
                "Invalid value for argument `output_heads`. Expected tied=False for a vocabulary "
                f"other than the input's {self.vocabulary_size}. Received: vocabulary_size={size}"
            )
        embedding = self.embedding
        return VocabularyHead(
            size,
            self._embedded,
            reads=self.width,
            tied_matrix=(lambda: embedding.tokens.table) if tied else None,
            transform=True,
            activation=self._options["activation"],
            norm_epsilon=self._options["norm_epsilon"],
            initializer=bert_initializer(self._options["initializer_range"]),
            seed=derive_seed(seed, "head"),
            dtype=self.dtype_policy,
            name="head",
        )

    def _classifier_head(
        self,
        seed: int | None,
        classes: int,
        dropout: float | None = None,
        activation: str = "tanh",
    ) -> ClassifierHead:
        return ClassifierHead(
            classes,
            self.width,
            dropout=self._options["dropout"] if dropout is None else dropout,
            activation=activation,
            initializer=bert_initializer(self._options["initializer_range"]),
            seed=derive_seed(seed, "classifier"),
            dtype=self.dtype_policy,
            name="classifier",
        )

    def build(self, input_shape: Any = None) -> None:
        self.embedding.build((None, None))
        self.encoder.build((None, None, self.width))
        if self.pooler is not None:
            self.pooler.build((None, self.width))
        for head in self.heads.values():
            head.build((None, None, self.width))

    def call(
        self,
        record: Mapping[str, tf.Tensor],
        memories: dict[str, Any] | None = None,
        training: bool = False,
    ) -> States:
        """Returns the states of a sequence record.

        Args:
            record: `ids` int32 `[batch, length]`; optional `types` and `positions` alike, `valid`
                bool `[batch, length]`, `prefix` int32 `[batch]`. Other keys are ignored.
            memories: What adapters read beside it, see `tfkd.layers.hooks`.
            training: Whether dropout is on.
        """
        valid, prefix = record.get("valid"), record.get("prefix")
        penalty = None
        if prefix is not None:
            seen = tf.ones_like(record["ids"], tf.bool) if valid is None else valid
            penalty = prefix_penalty(prefix, seen, self.compute_dtype)
        elif valid is not None:
            penalty = key_penalty(valid, self.compute_dtype)
        embedded = self.embed(record, training)
        states = self.encoder(embedded, penalty, memories=memories, training=training)
        states = {"embedding": embedded, **states}
        if self.pooler is not None:
            states["pooled"] = tf.math.tanh(self.pooler(states["hidden"][:, 0]))
        return states

    def embed(self, record: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """dropout(LN(token + type + position)) of a sequence record: `[batch, length, width]`."""
        inputs = _inputs(record)
        if self._options["positions"] == "segment" and "types" in inputs:
            inputs.setdefault("positions", segment_positions(inputs["types"]))
        return self.embedding(inputs, training=training)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options, "adapters": self.encoder.stored_adapters}


def segment_positions(types: tf.Tensor) -> tf.Tensor:
    """Positions that count anew from 1 in the second segment: place - start + 1 there.

    Args:
        types: int32 `[batch, length]`: 1 in the second segment, 0 before it and in the padding.

    Returns:
        int32 `[batch, length]`; the place itself where the type is 0.
    """
    places = places_of(types)
    start = tf.argmax(types, 1, output_type=tf.int32)[:, None]
    return tf.where(types == 1, places - start + 1, places)


def _inputs(record: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Keeps what an embedding reads, so that labels and masks do not pass through its call."""
    return {key: record[key] for key in ("ids", "types", "positions") if key in record}
