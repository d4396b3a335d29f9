"""Options of models and heads."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from tfkd.spec.options.base import Count, Name, Options, Positive, Rate, Share
from tfkd.spec.options.classifiers import ClassifierHeadOptions

Activation = Literal["relu", "gelu", "gelu_tanh"]


class MaskedLMHeadOptions(Options):
    """A word-prediction head with a vocabulary of its own, like the student's."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of head.")
    tokenizer: Name | None = Field(None, description="Its vocabulary; default: the input's.")
    start: Literal["input_embeddings", "random"] = Field(
        "input_embeddings", description="Rows start from the input embeddings of the same pieces."
    )
    tied: bool = Field(False, description="Share the input embeddings.")


def _head_kind(value: Any) -> str:
    """The kind of a head; unless it is said, one over words."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "classifier" if kind == "classifier" else "masked_lm"


HeadOptions = Annotated[
    Annotated[MaskedLMHeadOptions, Tag("masked_lm")]
    | Annotated[ClassifierHeadOptions, Tag("classifier")],
    Discriminator(_head_kind),
]


class ModelOptions(Options):
    """What all kinds of models share: adapters, and other models that a model is made of."""

    _parts: dict[str, Any] = PrivateAttr(default_factory=dict)
    _adapters: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def parts(self) -> Mapping[str, Any]:
        """Options of the models that it is made of, by the names that its own options give."""
        return self._parts

    @property
    def adapters(self) -> Mapping[str, Any]:
        """Options of its adapters by side: `encoder`, `decoder`."""
        return self._adapters

    def linked(self, models: Mapping[str, Any], adapters: Mapping[str, Any]) -> "ModelOptions":
        """The same options, with the models that they name and with adapters."""
        found = self.model_copy()
        found._parts = {
            name: models[name] for name in self.named_models().values() if name in models
        }
        found._adapters = dict(adapters)
        return found

    def named_models(self) -> dict[str, str]:
        """The names of other models in its options, by option."""
        return {}


class _Attention(ModelOptions):
    width: Count = Field(description="Size of the hidden vectors.")
    heads: Count = Field(description="Attention heads; they divide the width.")
    feed_forward: Count | None = Field(None, description="Inner size; default 4 x width.")
    max_length: Count = Field(512, description="Positions that the model knows.")
    dropout: Rate = Field(0.1, description="Dropout on embeddings and sub-layers.")
    attention_dropout: Rate | None = Field(
        None, description="Dropout on attention weights; default: dropout."
    )

    @model_validator(mode="after")
    def _divides(self) -> Any:
        if self.width % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide width ({self.width})")
        return self


class BertOptions(_Attention):
    """BERT: a bidirectional Transformer encoder (Devlin et al., 2019)."""

    kind: Literal["bert"] = Field("bert", description="The kind of model.")
    tokenizer: Name = Field(description="Its tokenizer.")
    layers: Count = Field(description="Blocks.")
    types: Count = Field(2, description="Token types (segments).")
    activation: Activation = Field("gelu", description="gelu is exact, by erf.")
    norm_epsilon: Positive = Field(1e-12, description="Epsilon of the normalizations.")
    initializer_range: Positive = Field(
        0.02, description="Spread of new weights; for a narrow model about width^-0.5."
    )
    positions: Literal["stream", "segment"] = Field(
        "stream",
        description="stream: counted through both segments, as published BERTs are; segment: the "
        "second segment counts anew, which a teacher trained from scratch learns to align by.",
    )
    head: HeadOptions | None = Field(
        None,
        description="The output head: masked_lm, over words (default: what the objective's terms "
        "need, tied), or classifier, over the classes of labels.",
    )


Lengths = Annotated[int, Field(ge=2, le=4096)]
_LENGTHS = (
    "Rows of the table of target lengths, [LENGTH]'s own among them; default: 1,024 with full "
    "decoder_attention, else none."
)
_MOST_LENGTHS = 1024


def _with_lengths(options: Any) -> Any:
    """A decoder that sees both sides knows by its length how many tokens to fill in."""
    if options.decoder_attention == "full" and options.lengths is None:
        object.__setattr__(options, "lengths", _MOST_LENGTHS)
    return options


DecoderAttention = Literal["causal", "full"]
_DECODER_ATTENTION = (
    "causal: a target token sees earlier ones; full: those on both sides, to be filled in at once "
    "by mask_predict."
)


class SideTokenizers(Options):
    """A tokenizer for each side."""

    source: Name = Field(description="The source's tokenizer.")
    target: Name = Field(description="The target's tokenizer.")


class TransformerOptions(_Attention):
    """The Transformer encoder-decoder (Vaswani et al., 2017)."""

    kind: Literal["transformer"] = Field("transformer", description="The kind of model.")
    tokenizer: Name | SideTokenizers = Field(description="One for both sides, or one a side.")
    encoder_layers: Count = Field(description="Blocks of the encoder.")
    decoder_layers: Count = Field(description="Blocks of the decoder.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field("sinusoidal", description="Positions.")
    share_embeddings: Literal["all", "target", "none"] | None = Field(
        None,
        description="all: source, target and output share one table; target: target and output; "
        "default: all with one tokenizer, else target.",
    )
    output_bias: bool = Field(True, description="Whether the output has a bias.")
    decoder_attention: DecoderAttention = Field("causal", description=_DECODER_ATTENTION)
    lengths: Lengths | None = Field(None, description=_LENGTHS)

    _lengths_of_full = model_validator(mode="after")(_with_lengths)

    @model_validator(mode="after")
    def _halves(self) -> Any:
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(
                f"width is {self.width}; expected an even one with sinusoidal positions"
            )
        return self


class TransformerDecoderOptions(_Attention):
    """A Transformer's decoder behind an encoder of another kind, trained from scratch."""

    tokenizer: Name = Field(description="The target's tokenizer.")
    layers: Count = Field(description="Blocks.")
    activation: Activation = Field("relu", description="Of the feed-forward networks.")
    norm: Literal["post", "pre"] = Field("post", description="Where layers are normalized.")
    norm_epsilon: Positive = Field(1e-6, description="Epsilon of the normalizations.")
    positions: Literal["sinusoidal", "learned"] = Field("sinusoidal", description="Positions.")
    output_bias: bool = Field(True, description="Whether the output has a bias.")


class _OfBerts(ModelOptions):
    """What is made of models that stand elsewhere in the spec."""

    def _named(self, option: str) -> Any:
        return self.parts.get(getattr(self, option))

    @property
    def positions(self) -> str:
        """BERT's positions are learned."""
        return "learned"


class AbNetOptions(_OfBerts):
    """AB-Net: a BERT reads the source, a BERT fills in the target, adapters learn."""

    kind: Literal["abnet"] = Field("abnet", description="The kind of model.")
    encoder: Name = Field(description="A bert of this spec, which reads the source.")
    decoder: Name | TransformerDecoderOptions = Field(
        description="A bert of this spec, whose head predicts the target; or a Transformer's "
        "decoder of its own (AB-Net-Enc)."
    )
    decoder_attention: DecoderAttention = Field("full", description=_DECODER_ATTENTION)
    lengths: Lengths | None = Field(None, description=_LENGTHS)
    dropout: Rate | None = Field(None, description="Of the berts; default: their own.")

    _lengths_of_full = model_validator(mode="after")(_with_lengths)

    def named_models(self) -> dict[str, str]:
        named = {"encoder": self.encoder}
        return named | ({"decoder": self.decoder} if isinstance(self.decoder, str) else {})

    @property
    def encoder_options(self) -> Any:
        """The source's bert; None where its name leads nowhere."""
        return self._named("encoder")

    @property
    def decoder_options(self) -> Any:
        """The target's bert, or the options of the Transformer's decoder."""
        return self._named("decoder") if isinstance(self.decoder, str) else self.decoder

    @property
    def tokenizer(self) -> Any:
        """The tokenizers of both sides; None where a name leads nowhere."""
        sides = self.encoder_options, self.decoder_options
        names = [getattr(side, "tokenizer", None) for side in sides]
        return SideTokenizers(source=names[0], target=names[1]) if all(names) else None

    @property
    def width(self) -> int | None:
        """The decoder's."""
        return getattr(self.decoder_options, "width", None)

    @property
    def max_length(self) -> int:
        """The most tokens of a side."""
        sides = self.encoder_options, self.decoder_options
        return min(getattr(side, "max_length", 512) for side in sides)


class BertFusedOptions(_OfBerts):
    """BERT-Fused: a Transformer that attends to a frozen BERT beside itself (Zhu et al., 2020)."""

    kind: Literal["bert_fused"] = Field("bert_fused", description="The kind of model.")
    bert: Name = Field(description="A bert of this spec, which reads the source.")
    transformer: Name = Field(description="A transformer of this spec, whose weights it has.")
    drop_net: Share | Literal[0] = Field(
        1.0, description="How often, in training, one of two attentions stands alone."
    )

    def named_models(self) -> dict[str, str]:
        return {"bert": self.bert, "transformer": self.transformer}

    @property
    def bert_options(self) -> Any:
        """The bert; None where its name leads nowhere."""
        return self._named("bert")

    @property
    def transformer_options(self) -> Any:
        """The transformer; None where its name leads nowhere."""
        return self._named("transformer")

    @property
    def tokenizer(self) -> Any:
        """The transformer's."""
        return getattr(self.transformer_options, "tokenizer", None)

    @property
    def width(self) -> int | None:
        """The transformer's."""
        return getattr(self.transformer_options, "width", None)

    @property
    def lengths(self) -> int | None:
        """The transformer's."""
        return getattr(self.transformer_options, "lengths", None)

    @property
    def decoder_attention(self) -> str:
        """The transformer's."""
        return getattr(self.transformer_options, "decoder_attention", "causal")

    @property
    def max_length(self) -> int:
        """The most tokens of a source: bert reads [CLS] before them."""
        return getattr(self.bert_options, "max_length", 512) - 1
