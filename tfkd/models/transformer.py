"""The Transformer encoder-decoder, with cached decoding."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dropout import Dropout
from tfkd.layers.embedding import Embedding
from tfkd.layers.initializers import derive_seed
from tfkd.layers.layer_norm import LayerNorm
from tfkd.layers.length_predictor import LengthPredictor
from tfkd.layers.positions import Positions
from tfkd.layers.stack import Stack
from tfkd.models.adapters import build_adapters
from tfkd.models.builder import arguments, tokenizer_names
from tfkd.models.encoder_decoder import EncoderDecoder, check_attention
from tfkd.models.from_options import BuiltFromOptions
from tfkd.models.heads import VocabularyHead
from tfkd.spec.errors import UserError


@keras.saving.register_keras_serializable(package="tfkd")
class Transformer(BuiltFromOptions, EncoderDecoder):
    """The Transformer encoder-decoder; see `EncoderDecoder` for what it reads and returns.

    Kernels start xavier uniform, embeddings N(0, 1 / width) and are scaled by sqrt(width) at input.

    Args:
        vocabulary_size: Number of target ids.
        source_vocabulary_size: Number of source ids; None: the target's.
        encoder_layers: Blocks of the encoder.
        decoder_layers: Blocks of the decoder.
        width: Size of the hidden vectors.
        heads: Attention heads of each block.
        feed_forward: Inner size of the feed-forward networks; None: 4 * width.
        dropout: Rate on embeddings and sub-layers.
        attention_dropout: Rate on attention weights; None: `dropout`.
        activation_dropout: Rate inside the feed-forward networks.
        activation: "relu", "gelu" or "gelu_tanh".
        norm: "post" or "pre".
        norm_epsilon: Epsilon of all normalizations.
        positions: "sinusoidal" or "learned".
        max_length: Positions that learned tables have.
        share_embeddings: "all": one table for source, target and output; "target": one for target
            and output; "none": three.
        output_bias: Whether the output has a bias.
        scale_embeddings: Whether tokens are scaled by sqrt(width) at input.
        embedding_norm: Whether the sum of tokens and positions is normalized, as BART's is.
        source_lead, target_lead: Ids of tokens that the model itself puts in front of a side; see
            `EncoderDecoder.leads`.
        decoder_attention: "causal", or "full": a target token sees those on both sides, as
            Mask-Predict has it.
        lengths: Rows of the table of a length predictor (see `LengthPredictor`); None: none.
        adapters: `{"encoder": {"layer_N": {place: layer}}, "decoder": ...}`, see
            `tfkd.layers.hooks`.
        seed: Seed of all weights: the same seed gives the same weights; None draws by chance.

    Reference: Vaswani et al. 2017, Attention Is All You Need, section 3; Ghazvininejad et al. 2019,
    Mask-Predict, section 3, for full attention and lengths.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        encoder_layers: int,
        decoder_layers: int,
        width: int,
        heads: int,
        source_vocabulary_size: int | None = None,
        feed_forward: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float | None = None,
        activation_dropout: float = 0.0,
        activation: str = "relu",
        norm: str = "post",
        norm_epsilon: float = 1e-6,
        positions: str = "sinusoidal",
        max_length: int = 512,
        share_embeddings: str = "all",
        output_bias: bool = True,
        scale_embeddings: bool = True,
        embedding_norm: bool = False,
        source_lead: int | None = None,
        target_lead: int | None = None,
        decoder_attention: str = "causal",
        lengths: int | None = None,
        adapters: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
        seed: int | None = 1,
        name: str = "transformer",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        source_size = source_vocabulary_size or vocabulary_size
        check_sharing(share_embeddings, source_size, vocabulary_size)
        check_attention(decoder_attention)
        adapters = adapters or {}
        if unknown := set(adapters) - {"encoder", "decoder"}:
            raise ValueError(
                "Invalid value for argument `adapters`. Expected keys encoder, decoder. "
                f"Received: {sorted(unknown)}"
            )
        self._options = {
            "vocabulary_size": vocabulary_size,
            "source_vocabulary_size": source_vocabulary_size,
            "encoder_layers": encoder_layers,
            "decoder_layers": decoder_layers,
            "width": width,
            "heads": heads,
            "feed_forward": feed_forward,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "activation_dropout": activation_dropout,
            "activation": activation,
            "norm": norm,
            "norm_epsilon": norm_epsilon,
            "positions": positions,
            "max_length": max_length,
            "share_embeddings": share_embeddings,
            "output_bias": output_bias,
            "scale_embeddings": scale_embeddings,
            "embedding_norm": embedding_norm,
            "source_lead": source_lead,
            "target_lead": target_lead,
            "decoder_attention": decoder_attention,
            "lengths": lengths,
            "seed": seed,
        }
        self.vocabulary_size = vocabulary_size
        self.source_vocabulary_size = source_size
        self.width = width
        self.max_length = max_length
        self.causal = decoder_attention == "causal"
        given = {"encoder": source_lead, "decoder": target_lead}
        self.leads = {side: lead for side, lead in given.items() if lead is not None}
        if self.leads and not (self.causal and lengths is None):
            raise ValueError(
                "Invalid value for argument `source_lead`. Expected none beside full "
                f"decoder_attention or lengths. Received: {given}"
            )
        self.lengths = None
        if lengths is not None:
            self.lengths = LengthPredictor(
                lengths,
                width,
                seed=derive_seed(seed, "lengths"),
                dtype=self.dtype_policy,
                name="lengths",
            )
        table = keras.initializers.RandomNormal(stddev=width**-0.5)

        def embedding(size: int, name: str) -> Embedding:
            return Embedding(
                size,
                width,
                factor=width**0.5 if scale_embeddings else 1.0,
                initializer=table,
                seed=derive_seed(seed, name),
                dtype=self.dtype_policy,
                name=name,
            )

        if share_embeddings == "all":
            self.source_embedding = self.target_embedding = embedding(vocabulary_size, "embedding")
        else:
            self.source_embedding = embedding(source_size, "source_embedding")
            self.target_embedding = embedding(vocabulary_size, "target_embedding")
        for side, layers in (("encoder", encoder_layers), ("decoder", decoder_layers)):
            place = Positions(
                positions,
                width,
                max_length=max_length,
                initializer=table,
                seed=derive_seed(seed, f"{side}_positions"),
                dtype=self.dtype_policy,
                name=f"{side}_positions",
            )
            setattr(self, f"{side}_positions", place)
            norm_layer = LayerNorm(norm_epsilon, dtype=self.dtype_policy, name=f"{side}_norm")
            setattr(self, f"{side}_norm", norm_layer if embedding_norm else None)
            drop = Dropout(dropout, dtype=self.dtype_policy, name=f"{side}_dropout")
            setattr(self, f"{side}_dropout", drop)
            options = {
                "feed_forward": feed_forward,
                "activation": activation,
                "dropout": dropout,
                "attention_dropout": attention_dropout,
                "activation_dropout": activation_dropout,
                "cross_attention": side == "decoder",
            }
            stack = Stack(
                layers,
                width,
                heads,
                norm=norm,
                norm_epsilon=norm_epsilon,
                adapters={key: dict(value) for key, value in adapters.get(side, {}).items()},
                seed=derive_seed(seed, side),
                options=options,
                dtype=self.dtype_policy,
                name=side,
            )
            setattr(self, side, stack)
        target = self.target_embedding
        output = VocabularyHead(
            vocabulary_size,
            width,
            tied_matrix=None if share_embeddings == "none" else (lambda: target.table),
            use_bias=output_bias,
            matrix_initializer=table,
            seed=derive_seed(seed, "head"),
            dtype=self.dtype_policy,
            name="head",
        )
        self.heads = {"output": output}
        self.finish()

    @staticmethod
    def given(
        options: Any, tokenizers: Mapping[str, Any], policy: str, seed: int | None
    ) -> dict[str, Any]:
        """See `BuiltFromOptions`."""
        adapters = build_adapters(options, policy, seed)
        return {**transformer_arguments(options, tokenizers), "adapters": adapters}

    def build(self, input_shape: Any = None) -> None:
        for embedding in {
            id(e): e for e in (self.source_embedding, self.target_embedding)
        }.values():
            embedding.build((None, None))
        for side in ("encoder", "decoder"):
            for part in (f"{side}_positions", f"{side}_norm", f"{side}_dropout", side):
                if getattr(self, part) is not None:
                    getattr(self, part).build((None, None, self.width))
        if self.lengths is not None:
            self.lengths.build((None, self.width))
        self.head.build((None, None, self.width))

    @property
    def encoder_stack(self) -> Stack:
        """The encoder's blocks."""
        return self.encoder

    @property
    def decoder_stack(self) -> Stack:
        """The decoder's blocks."""
        return self.decoder

    def embed(self, side: str, record: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """dropout(sqrt(width) * token + position) of a side, the sum normalized with
        `embedding_norm`: `[batch, length, width]`."""
        tokens = self.source_embedding if side == "encoder" else self.target_embedding
        hidden = getattr(self, f"{side}_positions")(tokens(record["ids"]), record.get("positions"))
        norm = getattr(self, f"{side}_norm")
        hidden = hidden if norm is None else norm(hidden)
        return getattr(self, f"{side}_dropout")(hidden, training=training)

    def get_config(self) -> dict[str, Any]:
        sides = {"encoder": self.encoder, "decoder": self.decoder}
        adapters = {side: stack.stored_adapters for side, stack in sides.items()}
        return {**super().get_config(), **self._options, "adapters": adapters}


def check_sharing(share: str, source_size: int, target_size: int) -> None:
    """Refuses what is no way to share embeddings, or none of two vocabularies.

    Raises:
        ValueError: Neither "all", "target" nor "none", or "all" of two vocabularies.
    """
    if share not in ("all", "target", "none"):
        raise ValueError(
            "Invalid value for argument `share_embeddings`. Expected 'all', 'target' or 'none'. "
            f"Received: share_embeddings={share!r}"
        )
    if share == "all" and source_size != target_size:
        raise ValueError(
            "Invalid value for argument `share_embeddings`. Expected 'target' or 'none' where "
            f"source and target have vocabularies of {source_size} and {target_size} pieces. "
            "Received: share_embeddings='all'"
        )


def transformer_arguments(options: Any, tokenizers: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Transformer` that its options give."""
    source, target = tokenizer_names(options.tokenizer)
    found = {
        "vocabulary_size": tokenizers[target].size,
        "source_vocabulary_size": tokenizers[source].size,
        "share_embeddings": options.sharing,
        **arguments(options),
    }
    for side, tokenizer in (("source", source), ("target", target)):
        if (piece := found.get(f"{side}_lead")) is not None:
            found[f"{side}_lead"] = _place(tokenizers[tokenizer], tokenizer, piece)
    return found


def _place(tokenizer: Any, name: str, piece: str) -> int:
    """The id of a piece.

    Raises:
        UserError: There is none such.
    """
    if piece not in tokenizer.vocabulary:
        near = [one for one in tokenizer.vocabulary if one.startswith(piece[:2])][:8]
        raise UserError(
            f"tokenizers.{name} has no piece {piece!r}"
            + (f"; it has {', '.join(near)}" if near else "")
        )
    return tokenizer.vocabulary.index(piece)
