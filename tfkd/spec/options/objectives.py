"""Options of the objective's terms."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tfkd.spec.options.base import Amount, Count, Name, Options, Positive, StageReference
from tfkd.spec.options.teachers import TEACHERS, name_of_mean, shares_of

Smoothing = Annotated[float, Field(ge=0, lt=1)]


class TermOptions(Options):
    """What every term has; the base of a plugin's, too."""

    # Whether a teacher of it is asked for words or classes, and not for hidden states.
    over_vocabulary: ClassVar[bool] = True

    weight: Amount = Field(1.0, description="Its weight in the sum; 0 takes it out.")
    view: Name | None = Field(None, description="The view it reads; default: the plain one.")
    divide_by: Literal["own", "target_tokens", "rows", "tokens", "selected"] = Field(
        "own", description="What its sum is divided by, counted over the whole step."
    )


class MaskedLMOptions(TermOptions):
    """Cross-entropy at the selected positions of a masked view."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of term.")
    label_smoothing: Smoothing = Field(
        0.0, description="The probability that the label gives to all other tokens."
    )
    smoothing: Literal["opennmt", "fairseq"] = Field(
        "opennmt", description="The form of label smoothing, as of cross_entropy."
    )


class CausalLMOptions(TermOptions):
    """Cross-entropy of each next word."""

    kind: Literal["causal_lm"] = Field("causal_lm", description="The kind of term.")
    label_smoothing: Smoothing = Field(
        0.0, description="The probability that the label gives to all other tokens."
    )
    smoothing: Literal["opennmt", "fairseq"] = Field(
        "opennmt", description="The form of label smoothing, as of cross_entropy."
    )


class CrossEntropyOptions(TermOptions):
    """Cross-entropy of the target's words."""

    kind: Literal["cross_entropy"] = Field("cross_entropy", description="The kind of term.")
    label_smoothing: Smoothing = Field(
        0.0, description="e: the probability that the label gives to all other tokens."
    )
    smoothing: Literal["opennmt", "fairseq"] = Field(
        "opennmt",
        description="opennmt: gold 1 - e, padding 0, others e / (V - 2); fairseq: "
        "(1 - e) NLL + e / V times the sum over V.",
    )


At = Literal["selected", "all"]
_AT = "selected: the positions that the view selected; all: every word. Of an online teacher."


class TaughtTermOptions(TermOptions):
    """What a term has that learns from the distribution of a teacher, or of several their mean; the
    base of a plugin's, too."""

    teacher: Annotated[StageReference, TEACHERS] = Field(
        description="A score stage (stored top K), or a train or load stage (asked in each step); "
        "of the latter also several, [A, B] or {A: 0.7, B: 0.3}, whose distributions are averaged."
    )
    beside: list[StageReference] = Field(
        [], description="The other teachers, where `teacher:` is not a list of all."
    )
    weights: list[Positive] | None = Field(
        None, description="Of the teachers, in their order; they need not add up to 1."
    )

    @property
    def teachers(self) -> list[str]:
        """All of them, the first first."""
        return [self.teacher, *self.beside]

    @property
    def shares(self) -> list[float] | None:
        """Their weights, which add up to 1; None where each has as much."""
        return shares_of(self.weights)

    @property
    def taught_by(self) -> str:
        """The teacher's reference; of several what they are called together."""
        return name_of_mean(self.teachers, self.shares) if self.beside else self.teacher


class SoftTargetsOptions(TaughtTermOptions):
    """A teacher's distribution, by cross-entropy or another divergence; see also form: hinton."""

    kind: Literal["soft_targets"] = Field("soft_targets", description="The kind of term.")
    temperature: Positive = Field(
        1.0, description="T, which softens the teacher; with form: hinton, the student, too."
    )
    form: Literal["paper", "hinton"] = Field(
        "paper",
        description="What T above 1 does. paper: the teacher at T, the student at 1, no factor "
        "(Chen et al., 2020); hinton: both at T, times T^2, which is distillation as by Hinton, "
        "Vinyals and Dean (2015). At T = 1 they are the same.",
    )
    divergence: Literal["forward_kl", "reverse_kl", "jensen_shannon", "total_variation"] = Field(
        "forward_kl",
        description="How far the student q is from the teacher p. forward_kl: sum p log(p/q), as "
        "the cross-entropy; reverse_kl: sum q log(q/p) (Gu et al., 2024); jensen_shannon: of both "
        "to their mixture (Agarwal et al., 2024); total_variation: half of sum |p - q|.",
    )
    beta: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5,
        description="Of jensen_shannon: the teacher's share of the mixture; towards 0 as "
        "forward_kl, towards 1 as reverse_kl.",
    )
    rest: Literal["drop", "bucket"] = Field(
        "drop", description="The teacher's mass beyond the top K: dropped, or one more class."
    )
    top_k: Count | None = Field(
        None, description="K of an online teacher; default: its whole distribution."
    )
    at: At = Field("selected", description=_AT)


class HiddenStatesOptions(TermOptions):
    """Squared distance to an online teacher's hidden states."""

    over_vocabulary: ClassVar[bool] = False

    kind: Literal["hidden_states"] = Field("hidden_states", description="The kind of term.")
    teacher: StageReference = Field(description="A train or load stage, asked in each step.")
    layers: Literal["last", "second_to_last", "every", "mix"] | dict[Name, Name] = Field(
        "last",
        description="last; second_to_last of the teacher; every layer, each by its share of the "
        "depth; mix: a learnt one of all of the teacher's; or {layer_2: layer_4, hidden: mix}: "
        "states of the student and of the teacher (embedding, layer_N, hidden, the last).",
    )
    projection: Literal["linear", "none"] = Field(
        "linear", description="From the student's width to the teacher's; none: of one width."
    )
    over_width: Literal["mean", "sum"] = Field(
        "mean", description="Over the squares of a position; sum: the squared norm."
    )
    at: At = Field("all", description=_AT)


class GuidedAttentionOptions(TermOptions):
    """Cross-entropy of word alignments and a decoder's attention (Chen et al., 2016; Garg et al.,
    2019)."""

    kind: Literal["guided_attention"] = Field("guided_attention", description="The kind of term.")
    alignments: StageReference = Field(
        description="An align stage of the corpus that is read.", examples=["lexicon"]
    )
    layer: Count | None = Field(
        None,
        description="The decoder's layer, from 1; default: the last but one, or the only one.",
        json_schema_extra={"unit": "number of a layer"},
    )
    heads: Count = Field(
        1, description="How many of its heads are guided, in the mean: the first ones."
    )


class LengthOptions(TermOptions):
    """Cross-entropy of the target's length, [SEP] counted, as the encoder predicts it."""

    kind: Literal["length"] = Field("length", description="The kind of term.")
