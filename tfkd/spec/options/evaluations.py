"""Options of evaluations, and of noise on the parameters while one is made."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator

from tfkd.spec import metrics as known
from tfkd.spec.options.base import Amount, Name, Options, Seed, StageReference
from tfkd.spec.options.metric_names import EvaluationMetric
from tfkd.spec.options.text_metrics import (
    BLEU_TOKENIZER,
    LOWER_CASE,
    METRIC_OPTIONS,
    POSITIVE,
    ROUGE_WORDS,
    TOKENIZED,
    BleuTokenizer,
    RougeOptions,
    TokenizedOptions,
)
from tfkd.spec.wording import shown


class NoiseOptions(Options):
    """Noise on the parameters, N(0, sigma^2) times the mean of each named tensor (LightPAFF,
    section 6.2)."""

    sigma: Annotated[list[Amount], Field(min_length=1, max_length=100)] = Field(
        description="Standard deviations, relative to the means; 0 is always measured too."
    )
    draws: Annotated[int, Field(ge=1, le=1000)] = Field(
        5, description="How often noise is drawn for each sigma."
    )
    seed: Seed = Field(1, description="The seed of the noise.")
    metrics: Annotated[list[Name], Field(min_length=1)] | None = Field(
        None,
        description="Of the evaluation's; default: those that need no outputs, if there are any.",
    )

    @field_validator("sigma", "metrics", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return value if isinstance(value, list) or value is None else [value]

    def measured(
        self, metrics: Sequence[str], products: Sequence[str] = known.OF_WORDS
    ) -> tuple[str, ...]:
        """The metrics that are measured under noise, of an evaluation's.

        Args:
            metrics: The evaluation's.
            products: What its model's task makes.
        """
        if self.metrics is not None:
            return tuple(name for name in metrics if name in self.metrics)
        costly = [
            one for one in metrics if known.product_of(known.about(one), products) == "outputs"
        ]
        return tuple(name for name in metrics if name not in costly) or tuple(metrics)


class EvaluateOptions(Options):
    """An evaluation."""

    of: StageReference = Field(description="The stage whose model, or store, is measured.")
    on: Annotated[list[Name], Field(min_length=1)] = Field(
        description="The corpora that it is measured on."
    )
    metrics: Annotated[list[EvaluationMetric], Field(min_length=1)] = Field(
        description="What is measured; the first is the headline."
    )
    export: Name | None = Field(
        None,
        description="What is measured in place of the stage's model: its export of this format, as "
        "FORMAT or FORMAT_QUANTIZE, like ctranslate2_int8. It decodes as the first evaluation of "
        "the stage itself says.",
    )
    decode: Any = Field(
        None,
        description="How outputs are made; default: beam, or mask_predict for a decoder that "
        "sees both sides. A gpt2 continues first halves of lines, if this is given.",
    )
    choose: Any = Field(
        None,
        description="Settings of decode to try on a validation corpus, like "
        "{decode.length_penalty: [0.6, 1.0, 1.4], by: valid.bleu}: the model and its baseline each "
        "take their own best, of equal ones the first, on the corpora of `on`; exports and their "
        "baselines do, too.",
    )
    context: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="Of word_perplexity: tokens that each token is predicted from at least; "
        "default: half of a window.",
    )
    tokenize: BleuTokenizer = Field("13a", description=BLEU_TOKENIZER)
    tokenized: TokenizedOptions = Field(TokenizedOptions(), description=TOKENIZED)
    rouge: RougeOptions = Field(RougeOptions(), description=ROUGE_WORDS)
    positive: Name | None = Field(None, description=POSITIVE)
    lower_case: bool = Field(False, description=LOWER_CASE)
    metric_options: dict[str, Any] = Field({}, description=METRIC_OPTIONS)
    against: StageReference | None = Field(None, description="A baseline: STAGE[#VARIANT].")
    against_decode: Any = Field(
        None,
        description="How the baseline's outputs are made; default: as decode, or, where its "
        "decoder is of the other kind, by that one's default.",
    )
    bootstrap: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        1000, description="Bootstrap samples, of which intervals are made."
    )
    randomization: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        10_000, description="Trials of the approximate randomization, by which p is computed."
    )
    seed: Seed = Field(1, description="The seed of bootstrap samples and of trials.")
    noise: NoiseOptions | None = Field(
        None, description="The metrics under noise on the parameters, like {sigma: [0.1, 0.2]}."
    )

    @field_validator("of", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if isinstance(value, list | dict):
            raise ValueError(
                f"found {shown(value)}; expected one stage: what several models say together is "
                "learnt from (score: [A, B], translate: [A, B]), and a mean of weights is an "
                "average stage"
            )
        return value

    @field_validator("on", "metrics", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value
