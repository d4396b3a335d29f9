"""Options of the objective's terms."""

from typing import Annotated, Literal

from pydantic import Field

from tfkd.spec.options.base import Amount, Name, Options, Positive, StageReference

Smoothing = Annotated[float, Field(ge=0, lt=1)]


class _TermOptions(Options):
    weight: Amount = Field(1.0, description="Its weight in the sum; 0 takes it out.")
    view: Name | None = Field(None, description="The view it reads; default: the plain one.")
    divide_by: Literal["own", "target_tokens", "rows", "tokens", "selected"] = Field(
        "own", description="What its sum is divided by, counted over the whole step."
    )


class MaskedLMOptions(_TermOptions):
    """Cross-entropy at the selected positions of a masked view."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of term.")
    label_smoothing: Smoothing = Field(0.0, description="Label smoothing.")
    smoothing: Literal["opennmt", "fairseq"] = Field("opennmt", description="Its form.")


class CausalLMOptions(_TermOptions):
    """Cross-entropy of each next word."""

    kind: Literal["causal_lm"] = Field("causal_lm", description="The kind of term.")
    label_smoothing: Smoothing = Field(0.0, description="Label smoothing.")
    smoothing: Literal["opennmt", "fairseq"] = Field("opennmt", description="Its form.")


class CrossEntropyOptions(_TermOptions):
    """Cross-entropy of the target's words."""

    kind: Literal["cross_entropy"] = Field("cross_entropy", description="The kind of term.")
    label_smoothing: Smoothing = Field(0.0, description="Label smoothing e.")
    smoothing: Literal["opennmt", "fairseq"] = Field(
        "opennmt",
        description="opennmt: gold 1 - e, padding 0, others e / (V - 2); fairseq: "
        "(1 - e) NLL + e / V times the sum over V.",
    )


class SoftTargetsOptions(_TermOptions):
    """Cross-entropy against a teacher's distribution (Chen et al., 2020)."""

    kind: Literal["soft_targets"] = Field("soft_targets", description="The kind of term.")
    teacher: StageReference = Field(description="A score stage (stored top K).")
    temperature: Positive = Field(1.0, description="Softens the teacher.")
    form: Literal["paper", "hinton"] = Field(
        "paper", description="paper: the student at temperature 1; hinton: both at T, times T^2."
    )
    rest: Literal["drop", "bucket"] = Field(
        "drop", description="The teacher's mass beyond the top K: dropped, or one more class."
    )
