"""Options of views."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

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


class Reader(StrEnum):
    """Who can read a view."""

    ENCODER = "one sequence, both sides of a word"
    CAUSAL = "one sequence, from left to right"
    SOURCE = "the source, by an encoder-decoder's encoder alone"
    WRITING = "two sides, the target from left to right"
    FILLING = "two sides, and what is missing in the target"


_SEQUENCE, _PAIRS = frozenset({Reader.ENCODER}), frozenset({Reader.WRITING, Reader.FILLING})
# The mean share of tokens that a count drawn uniformly hides; the target's share of two sides.
_UNIFORM = _TARGET = 0.5


class ViewOptions(Options):
    """What a view tells of itself before it is made: the base of a plugin's, too.

    Attributes:
        readers: The models that can read it.
        terms: Of the terms `masked_lm` and `causal_lm`, those that can read it.
        of_pairs: Whether it hides words of the target alone, so that corpora need both sides.
        of_one_text: Whether both sides of an encoder-decoder read one text.
        of_classes: Whether classes are predicted in it.
        masks: Whether it hides words by [MASK], which a byte-level vocabulary lacks.
        of_texts: Whether it changes texts before they are cut into pieces, so that a training's
            `data:` names it, and no term.
    """

    readers: ClassVar[frozenset[Reader]] = frozenset(Reader) - {Reader.SOURCE}
    terms: ClassVar[tuple[str, ...]] = ("masked_lm", "causal_lm")
    of_pairs: ClassVar[bool] = False
    of_one_text: ClassVar[bool] = False
    of_classes: ClassVar[bool] = False
    masks: ClassVar[bool] = False
    of_texts: ClassVar[bool] = False

    @property
    def predicted_share(self) -> float:
        """The mean share of a sequence's tokens, or of the target's, that are predicted in it: by
        that the memory of a step is counted. Unless it is known, all."""
        return 1.0

    @property
    def predicts_source(self) -> bool:
        """Whether words of a pair's source, or of a text, are predicted in it. Unless it is known,
        they are."""
        return not (self.of_pairs or self.of_classes)

    @property
    def changes_target(self) -> bool:
        """Of one that changes texts: whether a pair's target, too. Unless it is known, it is."""
        return True

    @property
    def changes_case(self) -> bool:
        """Of one that changes texts: whether letters become upper-case ones. Unless it is known,
        they do."""
        return True

    @property
    def forms(self) -> int:
        """Of one that changes texts: how many forms a row has, its field `variants`; 1 without."""
        return getattr(self, "variants", 1)


class _Masked(ViewOptions):
    terms: ClassVar[tuple[str, ...]] = ("masked_lm",)
    masks: ClassVar[bool] = True


class _LimitedOptions(ViewOptions):
    max_length: Annotated[int, Field(ge=8)] = Field(
        256,
        description="The most tokens of a sequence; too long pairs lose the longer side's first.",
    )


class PlainOptions(_LimitedOptions):
    """Nothing hidden."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE | _PAIRS
    terms: ClassVar[tuple[str, ...]] = ()
    kind: Literal["none"] = Field("none", description="The kind of view.")

    @property
    def predicts_source(self) -> bool:
        return False


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


def _mean(share: float | Uniform) -> float:
    return sum(share.uniform) / 2 if isinstance(share, Uniform) else share


class MlmOptions(_Masked, _LimitedOptions):
    """BERT's masks: a share of the words, of which 80 % become [MASK], 10 % random, 10 % stay."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE | {Reader.SOURCE}
    kind: Literal["mlm"] = Field("mlm", description="The kind of view.")
    p: MaskShare = Field(0.15, description="The share of words that are predicted.")
    replace: Replace = Field([80, 10, 10], description=_REPLACE)

    @property
    def predicted_share(self) -> float:
        return _mean(self.p)


class SpansOptions(_Masked, _LimitedOptions):
    """SpanBERT's masks: spans of whole words, each replaced as one (Joshi et al., 2020)."""

    readers: ClassVar[frozenset[Reader]] = MlmOptions.readers
    kind: Literal["spans"] = Field("spans", description="The kind of view.")
    p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.15, description="The share of tokens that are predicted."
    )
    geometric: Annotated[float, Field(gt=0, le=1)] = Field(
        0.2, description="Parameter of the spans' lengths in words."
    )
    longest: Count = Field(10, description="Words of the longest span.")
    replace: Replace = Field([80, 10, 10], description=_REPLACE)

    @property
    def predicted_share(self) -> float:
        return self.p


class ConditionalMlmOptions(_Masked, _LimitedOptions):
    """Masks words of the target alone, always by [MASK] (Chen et al., 2020, section 3.2)."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE
    of_pairs: ClassVar[bool] = True
    kind: Literal["conditional_mlm"] = Field("conditional_mlm", description="The kind of view.")
    p: MaskShare = Field(0.15, description="The share of target words that are predicted.")

    @property
    def predicted_share(self) -> float:
        return _mean(self.p) * _TARGET


class PrefixLmOptions(_LimitedOptions):
    """Left to right over the target, all of the source seen (BERT_l2r of Chen et al., 2020)."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE
    terms: ClassVar[tuple[str, ...]] = ("causal_lm",)
    of_pairs: ClassVar[bool] = True
    kind: Literal["prefix_lm"] = Field("prefix_lm", description="The kind of view.")

    @property
    def predicted_share(self) -> float:
        return _TARGET


class UniformCountOptions(_Masked, _LimitedOptions):
    """Mask-Predict's masks: n tokens, the last [SEP] among them, n uniform on 1 to all."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE
    kind: Literal["uniform_count"] = Field("uniform_count", description="The kind of view.")
    replace: Replace = Field([100, 0, 0], description=_REPLACE)
    most: Literal["all", "all_but_one"] = Field(
        "all", description="The largest n; all_but_one is Mask-Predict's."
    )

    @property
    def predicted_share(self) -> float:
        return _UNIFORM


class OneSpanOptions(_LimitedOptions):
    """AB-Net's noise of the source: one span of max(1, round(p L)) + 1 tokens."""

    readers: ClassVar[frozenset[Reader]] = _SEQUENCE
    terms: ClassVar[tuple[str, ...]] = ()
    masks: ClassVar[bool] = True
    kind: Literal["one_span"] = Field("one_span", description="The kind of view.")
    p: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="The span's share of the text's tokens."
    )
    replace: Replace = Field([80, 10, 10], description=_REPLACE)


class BySideOptions(_Masked):
    """For a decoder that fills in: source and target, each corrupted by itself."""

    readers: ClassVar[frozenset[Reader]] = frozenset({Reader.FILLING})
    kind: Literal["by_side"] = Field("by_side", description="The kind of view.")
    source: Any = Field(None, description="A view of one text, like {kind: one_span}.")
    target: Any = Field(None, description="One that hides what is predicted.")

    @property
    def predicts_source(self) -> bool:
        return False

    @property
    def predicted_share(self) -> float:
        return 1.0 if self.target is None else self.target.predicted_share


class MassOptions(ViewOptions):
    """MASS: an encoder-decoder writes a segment that is hidden from its encoder."""

    readers: ClassVar[frozenset[Reader]] = frozenset({Reader.WRITING})
    terms: ClassVar[tuple[str, ...]] = ()
    of_one_text: ClassVar[bool] = True
    masks: ClassVar[bool] = True
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

    @property
    def predicted_share(self) -> float:
        return self.share

    @property
    def predicts_source(self) -> bool:
        return self.side == "source"


class CausalLmViewOptions(ViewOptions):
    """Every token predicted from those before it: what a gpt2 reads unless a view is named."""

    readers: ClassVar[frozenset[Reader]] = frozenset({Reader.CAUSAL})
    terms: ClassVar[tuple[str, ...]] = ("causal_lm",)
    kind: Literal["causal_lm"] = Field("causal_lm", description="The kind of view.")
    max_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="The most tokens of a sequence, what is beyond is cut off; default: any."
    )
