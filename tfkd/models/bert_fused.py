"""BERT-Fused: a Transformer whose attentions are averaged with attention to a frozen BERT."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.adapters.bert_fusion import BertFusion
from tfkd.layers.initializers import derive_seed
from tfkd.layers.stack import Stack
from tfkd.models.bert import Bert
from tfkd.models.builder import arguments, pure, tokenizer_names
from tfkd.models.encoder_decoder import EncoderDecoder, Memories, Side
from tfkd.models.language_model import States
from tfkd.models.transformer import Transformer, transformer_arguments

_PLACES = {"encoder": "beside_self_attention", "decoder": "beside_cross_attention"}


@keras.saving.register_keras_serializable(package="tfkd")
class BertFused(EncoderDecoder):
    """Each block of the encoder averages its self-attention, each of the decoder its
    cross-attention, with attention to BERT's last states of the same source (`BertFusion`).

    BERT reads `[CLS] x [SEP]`, the Transformer `x [SEP]`, in the pieces of one tokenizer. With
    `decoder_attention="full"` and `lengths` it is the BERT-Fused NAT of P3.

    Args:
        bert: Arguments of `Bert`, to be frozen: `freeze(model, ["transformer"])`.
        transformer: Arguments of `Transformer`.
        start_id: The id of [CLS], which BERT reads first.
        drop_net: Probability that in training one of two attentions stands alone.
        seed: Seed of all weights.

    Reference: Zhu et al. 2020, Incorporating BERT into Neural Machine Translation, section 4.
    """

    def __init__(
        self,
        bert: Mapping[str, Any],
        transformer: Mapping[str, Any],
        *,
        start_id: int,
        drop_net: float = 1.0,
        seed: int | None = 1,
        name: str = "bert_fused",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.start_id = start_id
        self.drop_net = drop_net
        self._seed = seed
        shared = {"dtype": self.dtype_policy, "seed": derive_seed(seed, "bert")}
        self.bert = Bert(**{**shared, **bert, "output_heads": {}, "name": "bert"})
        options = {**shared, "seed": derive_seed(seed, "transformer"), **transformer}
        rate = options.get("attention_dropout")
        if rate is None:
            rate = options.get("dropout", 0.1)
        options["adapters"] = {
            side: {
                f"layer_{number}": {
                    place: BertFusion(
                        options["heads"],
                        memory_width=self.bert.width,
                        drop_net=drop_net,
                        dropout=rate,
                        seed=derive_seed(seed, "fusion", side, str(number)),
                        dtype=self.dtype_policy,
                    )
                }
                for number in range(1, options[f"{side}_layers"] + 1)
            }
            for side, place in _PLACES.items()
        }
        self.transformer = Transformer(**{**options, "name": "transformer"})
        inner = self.transformer
        self.causal = inner.causal
        self.vocabulary_size, self.width = inner.vocabulary_size, inner.width
        self.source_vocabulary_size = inner.source_vocabulary_size
        # BERT has one more token to place, [CLS].
        self.max_length = min(inner.max_length, self.bert.max_length - 1)
        self.finish()

    @classmethod
    def from_options(
        cls,
        options: Any,
        tokenizers: Mapping[str, Any],
        *,
        policy: str,
        seed: int | None,
        heads_needed: tuple[str, ...] = (),
        frozen: tuple[str, ...] = (),
    ) -> "BertFused":
        """Builds the model of a spec; see `tfkd.models.build_model`."""
        del heads_needed  # its one head is the Transformer's
        inner = options.transformer_options
        source = tokenizers[tokenizer_names(inner.tokenizer)[0]]
        bert = {
            "vocabulary_size": source.size,
            **arguments(options.bert_options),
            "dtype": pure(policy) if "bert" in frozen else policy,
        }
        return cls(
            bert,
            transformer_arguments(inner, tokenizers),
            # A size is all that is known of a tokenizer that has not been learnt.
            start_id=getattr(source, "start_id", 0),
            drop_net=options.drop_net,
            dtype=policy,
            seed=seed,
        )

    def build(self, input_shape: Any = None) -> None:
        """Its parts have built their weights."""

    @property
    def heads(self) -> dict[str, Any]:
        """The Transformer's head."""
        return self.transformer.heads

    @property
    def lengths(self) -> Any:
        """The Transformer's length predictor, or None."""
        return self.transformer.lengths

    @property
    def encoder_stack(self) -> Stack:
        """The Transformer's encoder."""
        return self.transformer.encoder

    @property
    def decoder_stack(self) -> Stack:
        """The Transformer's decoder."""
        return self.transformer.decoder

    def embed(self, side: str, record: Side, training: bool) -> tf.Tensor:
        """The Transformer's embedded tokens of a side: `[batch, length, width]`."""
        return self.transformer.embed(side, record, training)

    def call(
        self,
        record: Mapping[str, Side],
        memories: Memories | None = None,
        training: bool = False,
    ) -> States:
        """See `EncoderDecoder.call`."""
        memories = self._with_bert(record["source"], memories, training)
        return super().call(record, memories, training)

    def start(self, source: Side, memories: Memories | None = None) -> dict[str, Any]:
        """See `EncoderDecoder.start`."""
        return super().start(source, self._with_bert(source, memories))

    def prepare(
        self, source: Side, memories: Memories | None = None
    ) -> tuple[tf.Tensor, dict[str, Any]]:
        """See `EncoderDecoder.prepare`."""
        return super().prepare(source, self._with_bert(source, memories))

    def _with_bert(
        self, source: Side, memories: Memories | None, training: bool = False
    ) -> Memories:
        ids = tf.pad(source["ids"], [[0, 0], [1, 0]], constant_values=self.start_id)
        valid = source.get("valid")
        if valid is None:
            valid = tf.ones_like(source["ids"], tf.bool)
        read = {"ids": ids, "valid": tf.pad(valid, [[0, 0], [1, 0]], constant_values=True)}
        memory = self._memory(read, self.bert(read, training=training))
        return {**(memories or {}), "bert": memory}

    def get_config(self) -> dict[str, Any]:
        transformer = self.transformer.get_config()
        transformer.pop("adapters")
        return {
            **super().get_config(),
            "bert": self.bert.get_config(),
            "transformer": transformer,
            "start_id": self.start_id,
            "drop_net": self.drop_net,
            "seed": self._seed,
        }
