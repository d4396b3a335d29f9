"""Options of models, heads and views."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tfkd.spec.options.base import Count, Name, Options, Positive, Rate

Activation = Literal["relu", "gelu", "gelu_tanh"]


class MaskedLMHeadOptions(Options):
    """A word-prediction head with a vocabulary of its own, like the student's."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of head.")
    tokenizer: Name | None = Field(None, description="Its vocabulary; default: the input's.")
    start: Literal["input_embeddings", "random"] = Field(
        "input_embeddings", description="Rows start from the input embeddings of the same pieces."
    )
    tied: bool = Field(False, description="Share the input embeddings.")


class _Attention(Options):
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
    head: MaskedLMHeadOptions | None = Field(
        None, description="The output head; default: what the objective's terms need, tied."
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

    @model_validator(mode="after")
    def _halves(self) -> Any:
        if self.positions == "sinusoidal" and self.width % 2:
            raise ValueError(
                f"width is {self.width}; expected an even one with sinusoidal positions"
            )
        return self


class Uniform(Options):
    """A share drawn anew for each sentence."""

    uniform: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(
        description="[LOW, HIGH], between 0 and 1."
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        low, high = self.uniform
        if not 0 < low <= high <= 1:
            raise ValueError("expected 0 < LOW <= HIGH <= 1")
        return self


MaskShare = Annotated[float, Field(gt=0, le=1)] | Uniform


class _ViewOptions(Options):
    max_length: Annotated[int, Field(ge=8)] = Field(
        256, description="The most tokens of a stream; too long pairs lose the longer side's first."
    )


class PlainOptions(_ViewOptions):
    """Nothing hidden."""

    kind: Literal["none"] = Field("none", description="The kind of view.")


def _whole(replace: list[int]) -> list[int]:
    if sum(replace) != 100:
        raise ValueError(f"replace must add up to 100; {replace} gives {sum(replace)}")
    return replace


Replace = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=3, max_length=3), AfterValidator(_whole)
]
_REPLACE = "Per cent [MASK], random word, unchanged."


class MlmOptions(_ViewOptions):
    """BERT's masks: a share of the words, of which 80 % become [MASK], 10 % random, 10 % stay."""

    kind: Literal["mlm"] = Field("mlm", description="The kind of view.")
    p: MaskShare = Field(0.15, description="The share of words that are predicted.")
    replace: Replace = Field([80, 10, 10], description=_REPLACE)


class SpansOptions(_ViewOptions):
    """SpanBERT's masks: spans of whole words, each replaced as one (Joshi et al., 2020)."""

    kind: Literal["spans"] = Field("spans", description="The kind of view.")
    p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.15, description="The share of tokens that are predicted."
    )
    geometric: Annotated[float, Field(gt=0, le=1)] = Field(
        0.2, description="Parameter of the spans' lengths in words."
    )
    longest: Count = Field(10, description="Words of the longest span.")
    replace: Replace = Field([80, 10, 10], description=_REPLACE)


class ConditionalMlmOptions(_ViewOptions):
    """Masks words of the target alone, always by [MASK] (Chen et al., 2020, section 3.2)."""

    kind: Literal["conditional_mlm"] = Field("conditional_mlm", description="The kind of view.")
    p: MaskShare = Field(0.15, description="The share of target words that are predicted.")


class PrefixLmOptions(_ViewOptions):
    """Left to right over the target, all of the source seen (BERT_l2r of Chen et al., 2020)."""

    kind: Literal["prefix_lm"] = Field("prefix_lm", description="The kind of view.")
