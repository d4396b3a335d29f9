"""Options of views."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from tfkd.spec.options.base import Count, Options


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
        256,
        description="The most tokens of a sequence; too long pairs lose the longer side's first.",
    )


class PlainOptions(_ViewOptions):
    """Nothing hidden."""

    kind: Literal["none"] = Field("none", description="The kind of view.")


def _whole(shares: list[int], name: str = "replace") -> list[int]:
    if sum(shares) != 100:
        raise ValueError(f"{name} must add up to 100; {shares} gives {sum(shares)}")
    return shares


Replace = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=3, max_length=3), AfterValidator(_whole)
]
Start = Annotated[
    list[Annotated[int, Field(ge=0)]],
    Field(min_length=3, max_length=3),
    AfterValidator(lambda shares: _whole(shares, "start")),
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


class UniformCountOptions(_ViewOptions):
    """Mask-Predict's masks: n tokens, the last [SEP] among them, n uniform on 1 to all."""

    kind: Literal["uniform_count"] = Field("uniform_count", description="The kind of view.")
    replace: Replace = Field([100, 0, 0], description=_REPLACE)
    most: Literal["all", "all_but_one"] = Field(
        "all", description="The largest n; all_but_one is Mask-Predict's."
    )


class OneSpanOptions(_ViewOptions):
    """AB-Net's noise of the source: one span of max(1, round(p L)) + 1 tokens."""

    kind: Literal["one_span"] = Field("one_span", description="The kind of view.")
    p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="The span's share of the text's tokens."
    )
    replace: Replace = Field([80, 10, 10], description=_REPLACE)


class BySideOptions(Options):
    """For a decoder that fills in: source and target, each corrupted by itself."""

    kind: Literal["by_side"] = Field("by_side", description="The kind of view.")
    source: Any = Field(None, description="A view of one text, like {kind: one_span}.")
    target: Any = Field(None, description="One that hides what is predicted.")


class MassOptions(Options):
    """MASS: an encoder-decoder writes a segment that is hidden from its encoder."""

    kind: Literal["mass"] = Field("mass", description="The kind of view.")
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="The segment's share of a text's tokens; one at least stays."
    )
    start: Start = Field(
        [20, 20, 60], description="Per cent of segments at the front, at the end, anywhere."
    )
    replace: Replace = Field([80, 10, 10], description=_REPLACE)
    end: bool = Field(True, description="Whether the last [SEP] is one of the tokens.")
    side: Literal["source", "target"] = Field(
        "source", description="What is read of pairs; of a text, the text."
    )
    hide_masked: bool = Field(
        True, description="Whether the decoder does not see the encoder's states at [MASK]."
    )


class CausalLmViewOptions(Options):
    """Every token predicted from those before it: what a gpt2 reads unless a view is named."""

    kind: Literal["causal_lm"] = Field("causal_lm", description="The kind of view.")
    max_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="The most tokens of a sequence, what is beyond is cut off; default: any."
    )
