"""AB-Net: a BERT as encoder, a BERT or a Transformer's decoder behind it, adapters between."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import derive_seed
from tfkd.layers.length_predictor import LengthPredictor
from tfkd.layers.stack import Stack
from tfkd.models.adapters import build_adapters
from tfkd.models.bert import Bert
from tfkd.models.builder import arguments, pure, tokenizer_names
from tfkd.models.encoder_decoder import EncoderDecoder, check_attention
from tfkd.models.transformer_decoder import TransformerDecoder

SIDES = ("encoder", "decoder")
_DECODERS = {"bert": Bert, "transformer": TransformerDecoder}


@keras.saving.register_keras_serializable(package="tfkd")
class AbNet(EncoderDecoder):
    """A frozen BERT reads the source, a frozen BERT fills in the target, adapters are what learns.

    Its weights' paths begin with `encoder/` and `decoder/`, and go on as those of a BERT: such a
    BERT's file is read into a part by `load_weights(model, file, {"encoder": ""})`. Freeze it by
    `tfkd.models.freeze(model, ["adapters", "lengths"])`. Both BERTs read `x [SEP]`, of type 0.

    With a Transformer's decoder in the place of the second BERT it is AB-Net-Enc, whose decoder
    learns whole.

    Args:
        encoder: Arguments of `Bert`, the source's.
        decoder: Arguments of `Bert`, the target's, whose masked-LM head predicts; or, with
            `kind="transformer"` among them, arguments of `TransformerDecoder`.
        lengths: Rows of the table of lengths (see `LengthPredictor`); None: no lengths.
        decoder_attention: "full", or "causal": a target token sees earlier ones alone, and the
            model is decoded from left to right.
        adapters: `{"encoder": {"layer_N": {place: layer}}, "decoder": ...}`, see
            `tfkd.layers.hooks`. P3 has a `BottleneckAdapter` after each block of the encoder, a
            `CrossAttentionAdapter` after each of the decoder.
        seed: Seed of all weights: the same seed gives the same weights; None draws by chance.

    Example:
        >>> bert = {"vocabulary_size": 8000, "layers": 2, "width": 64, "heads": 4}
        >>> names = ("layer_1", "layer_2")
        >>> adapters = {
        ...     "encoder": {name: {"after_block": BottleneckAdapter(32)} for name in names},
        ...     "decoder": {name: {"after_block": CrossAttentionAdapter(4)} for name in names},
        ... }
        >>> model = AbNet(bert, bert, lengths=128, adapters=adapters)
        >>> freeze(model, ["adapters", "lengths"])

    Reference: P3, Incorporating BERT into Parallel Sequence Decoding with Adapters, section 3.
    """

    def __init__(
        self,
        encoder: Mapping[str, Any],
        decoder: Mapping[str, Any],
        *,
        lengths: int | None = 1024,
        decoder_attention: str = "full",
        adapters: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
        seed: int | None = 1,
        name: str = "ab_net",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        adapters = adapters or {}
        if unknown := set(adapters) - set(SIDES):
            raise ValueError(
                "Invalid value for argument `adapters`. Expected keys encoder, decoder. "
                f"Received: {sorted(unknown)}"
            )
        check_attention(decoder_attention)
        self._seed = seed
        self.causal = decoder_attention == "causal"
        self.encoder = self._part(Bert, "encoder", {**encoder, "output_heads": {}}, adapters)
        options = dict(decoder)
        kind = options.pop("kind", "bert")
        if kind not in _DECODERS:
            raise ValueError(
                "Invalid value for argument `decoder`. Expected a kind of "
                f"{', '.join(_DECODERS)}. Received: kind={kind!r}"
            )
        if kind == "transformer":
            options.setdefault("memory_width", self.encoder.width)
        self.decoder = self._part(_DECODERS[kind], "decoder", options, adapters)
        if not self.decoder.built:
            self.decoder.build((None, None))
        self.lengths = None
        if lengths is not None:
            self.lengths = LengthPredictor(
                lengths,
                self.encoder.width,
                seed=derive_seed(seed, "lengths"),
                dtype=self.dtype_policy,
                name="lengths",
            )
        self.vocabulary_size = self.decoder.vocabulary_size
        self.source_vocabulary_size = self.encoder.vocabulary_size
        self.width = self.decoder.width
        self.max_length = min(self.encoder.max_length, self.decoder.max_length)
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
    ) -> "AbNet":
        """Builds the model of a spec; see `tfkd.models.build_model`."""
        del heads_needed  # its one head is its decoder's
        encoder, decoder = options.encoder_options, options.decoder_options
        sides = {"encoder": arguments(encoder), "decoder": arguments(decoder)}
        for side, name in zip(SIDES, tokenizer_names(options.tokenizer), strict=True):
            sides[side] |= {
                "vocabulary_size": tokenizers[name].size,
                "dtype": pure(policy) if side in frozen else policy,
            }
            if options.dropout is not None and isinstance(getattr(options, side), str):
                sides[side] |= {"dropout": options.dropout, "attention_dropout": None}
        if not isinstance(options.decoder, str):
            sides["decoder"] |= {"kind": "transformer", "memory_width": encoder.width}
        return cls(
            **sides,
            lengths=options.lengths,
            decoder_attention=options.decoder_attention,
            adapters=build_adapters(options, policy, seed),
            dtype=policy,
            seed=seed,
        )

    def _part(
        self, made: type, side: str, options: Mapping[str, Any], adapters: Mapping[str, Any]
    ) -> Any:
        return made(
            **{
                "dtype": self.dtype_policy,
                "seed": derive_seed(self._seed, side),
                **options,
                "adapters": adapters.get(side, options.get("adapters")),
                "name": side,
            }
        )

    def build(self, input_shape: Any = None) -> None:
        if self.lengths is not None:
            self.lengths.build((None, self.encoder.width))

    @property
    def heads(self) -> dict[str, Any]:
        """The decoder's head over the vocabulary, which is a part of the decoder."""
        return {"output": self.decoder.head}

    @property
    def encoder_stack(self) -> Stack:
        """The blocks of the source's BERT."""
        return self.encoder.encoder

    @property
    def decoder_stack(self) -> Stack:
        """The blocks of the decoder."""
        return self.decoder.encoder if isinstance(self.decoder, Bert) else self.decoder.stack

    def embed(self, side: str, record: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """The embedded tokens of a side: `[batch, length, width]`."""
        return getattr(self, side).embed(record, training)

    def get_config(self) -> dict[str, Any]:
        kind = "bert" if isinstance(self.decoder, Bert) else "transformer"
        return {
            **super().get_config(),
            "encoder": self.encoder.get_config(),
            "decoder": {"kind": kind, **self.decoder.get_config()},
            "lengths": None if self.lengths is None else self.lengths.lengths,
            "decoder_attention": "causal" if self.causal else "full",
            "seed": self._seed,
        }
