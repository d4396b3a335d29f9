"""Options of batches, optimizers, schedules and validation."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tfkd.spec.options.base import (
    Amount,
    CorpusName,
    Count,
    Name,
    Options,
    Positive,
    Rate,
    Seed,
    Share,
)
from tfkd.spec.options.metric_names import ValidationMetric
from tfkd.spec.options.text_metrics import (
    BLEU_TOKENIZER,
    METRIC_OPTIONS,
    POSITIVE,
    ROUGE_WORDS,
    BleuTokenizer,
    RougeOptions,
)
from tfkd.spec.wording import shown


class BatchOptions(Options):
    """The size of a step's batch, over all devices and micro-batches."""

    size: Count = Field(
        4096, description="The size of a whole step, over all devices and parts, in the unit."
    )
    unit: Literal["target_tokens", "max_tokens", "joint_tokens", "sentences"] = Field(
        "max_tokens",
        description="max_tokens: max(source, target) x sentences; joint_tokens: of the "
        "sequence; target_tokens; sentences.",
    )
    per_device: Count | None = Field(
        None, description="What fits on a device at once; a larger step is accumulated."
    )
    pad_to: Count = Field(4, description="Widths are multiples of it.")
    max_length: Count | dict[Literal["source", "target"], Count] | None = Field(
        None, description="Longer rows are left out, and counted."
    )


class AdamOptions(Options):
    """Adam (Kingma and Ba, 2015), with decoupled weight decay."""

    kind: Literal["adam"] = Field("adam", description="The kind of optimizer.")
    beta_1: Rate = Field(0.9, description="Decay of the first moment.")
    beta_2: Rate = Field(0.98, description="Decay of the second moment.")
    epsilon: Positive = Field(1e-9, description="Added to the root of the second moment.")
    weight_decay: Amount = Field(0.0, description="Never on biases and normalizations.")
    bias_correction: bool = Field(True, description="false: as BERT's own Adam.")
    clip_norm: Positive | None = Field(None, description="Largest global norm of a gradient.")


class AdafactorOptions(Options):
    """Adafactor (Shazeer and Stern, 2018), without momentum; rates are relative to the weights."""

    kind: Literal["adafactor"] = Field("adafactor", description="The kind of optimizer.")
    beta_2_decay: Positive = Field(0.8, description="The second moment's decay is 1 - t^-this.")
    epsilon: Positive = Field(1e-30, description="Added to squared gradients.")
    epsilon_weights: Positive = Field(1e-3, description="The least size that a weight counts as.")
    clip_threshold: Positive = Field(1.0, description="Largest root mean square of an update.")
    weight_decay: Amount = Field(0.0, description="Never on biases and normalizations.")
    clip_norm: Positive | None = Field(None, description="Largest global norm of a gradient.")


class CombinerOptions(Options):
    """How the gradients of main and auxiliary terms combine; a plugin's options extend it."""

    main: Annotated[list[Name], Field(min_length=1)] = Field(
        description="The terms whose gradient always counts."
    )
    auxiliary: Annotated[list[Name], Field(min_length=1)] = Field(
        description="The other terms: each of the objective is in one of the two lists."
    )

    _listed = field_validator("main", "auxiliary", mode="before")(
        lambda value: [value] if isinstance(value, str) else value
    )


class GatedOptions(CombinerOptions):
    """A module takes the auxiliary gradient where it does not oppose the main one."""

    kind: Literal["gated"] = Field("gated", description="The kind of combiner.")
    modules: Literal["layer", "sublayer", "encoder"] = Field(
        "layer",
        description="What is gated together: each layer; attention and feed-forward apart; all "
        "that both reach.",
    )


class ScheduleOptions(Options):
    """The learning rate at each step."""

    kind: Literal["constant", "linear", "triangular", "noam", "inverse_square_root"] = Field(
        "triangular", description="Its form."
    )
    rate: Positive | None = Field(None, description="The highest rate (noam has none).")
    warmup: Amount | None = Field(None, description="Steps, or below 1 a share of all steps.")
    factor: Positive | None = Field(None, description="Of noam: what its rate is multiplied by.")
    end: Amount | None = Field(None, description="Where linear and triangular end.")

    @model_validator(mode="after")
    def _complete(self) -> "ScheduleOptions":
        if self.kind == "noam":
            if self.rate is not None:
                raise ValueError("noam has a factor, no rate")
        else:
            if self.factor is not None:
                raise ValueError(f"{self.kind} has a rate, no factor")
            if self.rate is None:
                object.__setattr__(self, "rate", 1e-3)
        return self


class LengthLimit(Options):
    """The longest output: factor x source tokens + plus."""

    factor: Amount = Field(1.5, description="Times the source's tokens.")
    plus: Amount = Field(10, description="Added to that: tokens that an output may have beyond it.")


def _as_mapping(value: Any) -> Any:
    if value is not None and not isinstance(value, str | dict):
        raise ValueError(
            f"found {shown(value)}; expected a format's name, like ctranslate2, or a mapping, like "
            "{format: ctranslate2, quantize: int8}"
        )
    return {"format": value} if isinstance(value, str) else value


# What runs a search in place of TensorFlow: a format that the model is exported in.
Engine = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_as_mapping, json_schema_input_type=str | dict[str, Any] | None),
]
_ENGINE = (
    "What runs it in a translate stage: a format that the model is exported in for that, like "
    "ctranslate2 or {format: ctranslate2, quantize: int8}, which computes on the CPU, whatever "
    "else there is; default: TensorFlow, on a GPU where there is one."
)


class GreedyOptions(Options):
    """The best word at each step."""

    kind: Literal["greedy"] = Field("greedy", description="The kind of search.")
    max_length: Count | LengthLimit | None = Field(None, description="The longest output.")
    min_length: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The fewest tokens of an output; the longest output goes before it."
    )
    engine: Engine = Field(None, description=_ENGINE)


class BeamOptions(Options):
    """Beam search with GNMT's length penalty ((5 + length) / 6)^alpha."""

    kind: Literal["beam"] = Field("beam", description="The kind of search.")
    beam: Count = Field(4, description="Prefixes of outputs that are kept at each step.")
    length_penalty: float = Field(
        0.6, description="GNMT's alpha: a score is log p / ((5 + length) / 6)^alpha; 0: log p."
    )
    n_best: Count = Field(1, description="How many outputs are given for each input.")
    max_length: Count | LengthLimit | None = Field(None, description="The longest output.")
    min_length: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The fewest tokens of an output; the longest output goes before it."
    )
    engine: Engine = Field(None, description=_ENGINE)

    @model_validator(mode="after")
    def _enough(self) -> "BeamOptions":
        if self.n_best > self.beam:
            raise ValueError(f"n_best ({self.n_best}) is more than beam ({self.beam})")
        return self


class MaskPredictOptions(Options):
    """Mask-Predict: all of an output at once, its least sure tokens again (P3, appendix B)."""

    kind: Literal["mask_predict"] = Field("mask_predict", description="The kind of search.")
    iterations: Annotated[int, Field(ge=1, le=1000)] = Field(
        10, description="T: passes over an output, the first of which predicts all tokens."
    )
    length_candidates: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="The most likely lengths, decoded side by side."
    )
    passes: Literal["iterations", "one_more"] = Field(
        "iterations", description="Passes of the decoder: T, or T + 1 as AB-Net's code."
    )
    stop_when_stable: bool = Field(
        False,
        description="A candidate that a pass leaves as it was is done: faster, and worse, since "
        "early passes hide nearly all tokens again and find the same ones.",
    )
    choose_by: Literal["length_penalty", "mean"] = Field(
        "length_penalty",
        description="Of the candidates: sum log p / ((5 + L) / 6)^length_penalty, or mean log p.",
    )
    length_penalty: float = Field(1.1, description="Its exponent.")
    forbid_specials: bool = Field(
        True, description="No [MASK], [PAD], [UNK] or [CLS] in an output."
    )
    n_best: Count = Field(1, description="Outputs a sentence, of different lengths.")
    max_length: Count | LengthLimit | None = Field(None, description="The longest output.")

    @model_validator(mode="after")
    def _enough(self) -> "MaskPredictOptions":
        if self.n_best > self.length_candidates:
            raise ValueError(
                f"n_best ({self.n_best}) is more than length_candidates ({self.length_candidates})"
            )
        return self


class KeepBest(Options):
    """The weights of the best step by validation."""

    best: Name = Field(description="A metric of this validation.")


class KeepAverage(Options):
    """The mean of the last weights at validation."""

    average: Count = Field(
        description="How many of the last validated checkpoints are averaged into one model."
    )


class ValidateOptions(Options):
    """Validation while training."""

    on: CorpusName = Field(description="The corpus that is measured on while the stage trains.")
    every: Count = Field(500, description="Steps between two validations.")
    metrics: Annotated[list[ValidationMetric], Field(min_length=1)] = Field(
        ["loss", "accuracy"],
        description="What is measured on it each time; keep may choose by one of them.",
    )
    decode: Any = Field(None, description="How outputs are made for bleu, chrf and ROUGE.")
    tokenize: BleuTokenizer = Field("13a", description=BLEU_TOKENIZER)
    rouge: RougeOptions = Field(RougeOptions(), description=ROUGE_WORDS)
    positive: Name | None = Field(None, description=POSITIVE)
    metric_options: dict[str, Any] = Field({}, description=METRIC_OPTIONS)
    keep: KeepBest | KeepAverage | Literal["last"] = Field(
        "last", description="{best: METRIC}, {average: N} or last."
    )
    set_aside: Count | None = Field(
        None,
        description="How many of the last validated weights stay in the stage's result beside "
        "those that it ends with, for stages that average them, `average: {of: STAGE, last: N}`. "
        "Each takes as much room as the weights that are trained.",
    )
    patience: Count | None = Field(
        None, description="Stop after so many without a better one; needs keep: {best: METRIC}."
    )

    @model_validator(mode="after")
    def _measured(self) -> "ValidateOptions":
        if isinstance(self.keep, KeepBest) and self.keep.best not in self.metrics:
            raise ValueError(f"keep.best is {self.keep.best}, which metrics does not list")
        if self.patience is not None and not isinstance(self.keep, KeepBest):
            raise ValueError(
                "patience without a measure of better; expected keep: {best: METRIC} beside it"
            )
        return self


class SampleOptions(Options):
    """Each token drawn from the model's distribution; the same for the same seed and text."""

    kind: Literal["sample"] = Field("sample", description="The kind of search.")
    temperature: Positive = Field(1.0, description="Divides the logits; below 1: likelier tokens.")
    top_k: Count | None = Field(None, description="Only the K likeliest tokens; default: all.")
    top_p: Share = Field(1.0, description="Only the likeliest tokens of this probability.")
    seed: Seed = Field(1, description="Other seeds draw other outputs.")
    n_best: Count = Field(
        1, description="Outputs of each input, drawn with seed, seed + 1, ...: likeliest first."
    )
    max_length: Count | LengthLimit | None = Field(None, description="The longest output.")
    min_length: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="The fewest tokens of an output; the longest output goes before it."
    )
