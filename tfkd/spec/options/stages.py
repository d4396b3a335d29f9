"""Options of stages, evaluations and the top level."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from tfkd.spec.options.base import (
    Amount,
    Count,
    FilePath,
    Name,
    Options,
    Positive,
    Seed,
    StageReference,
    Text,
)
from tfkd.spec.options.training import (
    BLEU_TOKENIZER,
    POSITIVE,
    BatchOptions,
    BleuTokenizer,
    ScheduleOptions,
    ValidateOptions,
)


class PackOptions(Options):
    """Blocks of documents end to end."""

    length: Annotated[int, Field(ge=8)] = Field(
        description="Tokens of a block as the model reads it, special ones counted."
    )
    separator: Literal["end", "newline"] = Field(
        "end", description="What follows each document: the text's end, or a newline's piece."
    )


class DataPart(Options):
    """One corpus of a stage's data."""

    of: Name = Field(description="The corpus.")
    weight: Positive = Field(1.0, description="How often an epoch goes through it.")
    swap: bool = Field(False, description="Source and target change places.")
    pack: Annotated[int, Field(ge=8)] | PackOptions | None = Field(
        None,
        description="Rows are blocks of so many tokens of all documents end to end; or {length: "
        "128, separator: newline}.",
    )

    @property
    def packing(self) -> PackOptions | None:
        """How its rows are packed; None where they are not."""
        return PackOptions(length=self.pack) if isinstance(self.pack, int) else self.pack


def _parts(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"of": item} if isinstance(item, str) else item for item in items]


class TrainOptions(Options):
    """A training stage."""

    kind: ClassVar[str] = "train"
    train: Name = Field(description="The model: teacher, student, or teacher.NAME.")
    data: Annotated[list[DataPart], Field(min_length=1)] = Field(description="What it reads.")
    steps: Count = Field(description="Updates.")
    objective: dict[Name, Any] = Field(description="Terms by name; their weighted sum is the loss.")
    from_: StageReference | dict[Name, StageReference] | None = Field(
        None, alias="from", description="A stage to start from, or parts and their stages."
    )
    balance: dict[Name, Annotated[float, Field(ge=0, le=1)]] | None = Field(
        None,
        description="Shares of terms, like {soft: 0.7}: that is its weight, and each other term "
        "has the rest times its own; at a weight of 0 a term leaves the graph.",
    )
    choose: Any = Field(
        None,
        description="Settings of this stage to try, like {balance.soft: [0.3, 0.5, 0.7], by: "
        "valid.accuracy}: each is trained, and the best on validation is what follows goes on "
        "with.",
    )
    gradients: Any = Field(
        None,
        description="How gradients of main and auxiliary terms combine, like {gated: {main: [...], "
        "auxiliary: [...], modules: layer}}; default: they are summed.",
    )
    batch: BatchOptions = Field(BatchOptions(), description="The step's batch.")
    optimizer: Any = Field(None, description="The optimizer; default: Adam.")
    schedule: ScheduleOptions = Field(ScheduleOptions(), description="The learning rate.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="Of the products; weights stay float32. float16 scales the loss."
    )
    seed: Seed = Field(1, description="Of weights, batches, masks and dropout.")
    validate_: ValidateOptions | None = Field(None, alias="validate", description="Validation.")
    trainable: Literal["all"] | Annotated[list[Name], Field(min_length=1)] = Field(
        "all",
        description="all, or what is trained: parts (encoder, decoder, lengths, ...), adapters.",
    )
    frozen_dropout: bool = Field(
        True, description="Whether frozen layers keep their dropout, as AB-Net's berts do."
    )
    log_every: Count = Field(50, description="Steps between two lines of the history.")
    save_every: Positive = Field(120.0, description="Seconds between two checkpoints.")

    _listed = field_validator("data", mode="before")(_parts)


class LoadOptions(Options):
    """A published checkpoint as a stage: others start from it, or are taught by it."""

    kind: ClassVar[str] = "load"
    load: FilePath = Field(
        description="A folder with config.json and model.safetensors (or its numbered parts), "
        "relative to the data folder, else to the folder that the run is started in."
    )
    into: Name = Field(description="The model, a bert whose sizes are the checkpoint's.")
    head: Literal["published", "none"] = Field(
        "published",
        description="none: for a checkpoint without its word-prediction head, as SpanBERT's are; "
        "enough for hidden_states, and to start parts from.",
    )

    @property
    def train(self) -> str:
        """The model that comes of it, as of a training stage."""
        return self.into


class ScoreOptions(Options):
    """Stores a teacher's top K for every target word (Chen et al., 2020, section 3.3)."""

    kind: ClassVar[str] = "score"
    score: StageReference = Field(description="The teacher's training stage.")
    data: Annotated[list[DataPart], Field(min_length=1)] = Field(description="What it reads.")
    read: Literal["masked", "previous"] = Field(
        "masked", description="masked: each word while it is hidden; previous: from the left."
    )
    passes: Count = Field(7, description="Passes a sentence; each hides every n-th word.")
    top_k: Count = Field(8, description="K: probabilities kept for a word.")
    max_length: Annotated[int, Field(ge=8)] = Field(512, description="Longer pairs are left out.")
    batch_tokens: Count = Field(8192, description="Tokens scored at once.")

    _listed = field_validator("data", mode="before")(_parts)

    def on_corpora(self, names: list[str]) -> "ScoreOptions":
        """The same work on other corpora."""
        return self.model_copy(update={"data": [DataPart(of=name) for name in names]})


# Fields that hold no text.
_NO_TEXT = {"label", "mark"}


class TranslateOptions(Options):
    """Writes a model's outputs for a corpus; its name is that of a corpus of source and target
    (sequence-level distillation: Kim and Rush, 2016; back-translation: Sennrich et al., 2016)."""

    kind: ClassVar[str] = "translate"
    translate: StageReference = Field(description="The training stage of an encoder-decoder.")
    data: Annotated[list[DataPart], Field(min_length=1)] = Field(
        description="What it reads: the source, or a text without sides; with swap, the target."
    )
    keep_source: bool = Field(
        True,
        description="true: fields source (what was read) and target (the outputs); false: the "
        "outputs alone, as text.",
    )
    decode: Any = Field(None, description="How outputs are made; default: beam.")

    _listed = field_validator("data", mode="before")(_parts)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields of the corpus that it writes."""
        return ("source", "target") if self.keep_source else ("text",)

    @staticmethod
    def read_field(fields: Sequence[str], swap: bool) -> str | None:
        """The field that is read of a corpus with these fields; None where it has none to read."""
        if swap or "source" in fields:
            side = "target" if swap else "source"
            return side if side in fields else None
        return "text" if set(fields) - _NO_TEXT == {"text"} else None


METRICS = (
    "bleu",
    "chrf",
    "tokenized_bleu",
    "loss",
    "perplexity",
    "accuracy",
    "word_perplexity",
    "f1",
    "matthews",
    "teacher_gate",
)


# What is measured while parameters have noise: without outputs, and of outputs.
_OF_PREDICTIONS = ("loss", "perplexity", "accuracy", "f1", "matthews")
_UNDER_NOISE = (*_OF_PREDICTIONS, "bleu", "chrf", "tokenized_bleu")


class NoiseOptions(Options):
    """Noise on the parameters, N(0, sigma^2) times the mean of each named tensor (LightPAFF,
    section 6.2)."""

    sigma: Annotated[list[Amount], Field(min_length=1, max_length=100)] = Field(
        description="Standard deviations, relative to the means; 0 is always measured too."
    )
    draws: Annotated[int, Field(ge=1, le=1000)] = Field(5, description="Draws of each.")
    seed: Seed = Field(1, description="Their seed.")
    metrics: list[Name] | None = Field(
        None,
        description="Of the evaluation's; default: those that need no outputs, if there are any.",
    )

    @field_validator("sigma", "metrics", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return value if isinstance(value, list) or value is None else [value]

    def measured(self, metrics: Sequence[str]) -> tuple[str, ...]:
        """The metrics that are measured under noise, of an evaluation's."""
        if self.metrics is not None:
            return tuple(name for name in metrics if name in self.metrics and name in _UNDER_NOISE)
        able = tuple(name for name in metrics if name in _UNDER_NOISE)
        return tuple(name for name in able if name in _OF_PREDICTIONS) or able


class EvaluateOptions(Options):
    """An evaluation."""

    of: StageReference = Field(description="A stage.")
    on: Annotated[list[Name], Field(min_length=1)] = Field(description="Corpora.")
    metrics: Annotated[
        list[
            Literal[
                "bleu",
                "chrf",
                "tokenized_bleu",
                "loss",
                "perplexity",
                "accuracy",
                "word_perplexity",
                "f1",
                "matthews",
                "teacher_gate",
            ]
        ],
        Field(min_length=1),
    ] = Field(description="What is measured.")
    decode: Any = Field(
        None,
        description="How outputs are made; default: beam, or mask_predict for a decoder that "
        "sees both sides. A gpt2 continues first halves of lines, if this is given.",
    )
    context: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="Of word_perplexity: tokens that each token is predicted from at least; "
        "default: half of the model's max_length.",
    )
    tokenize: BleuTokenizer = Field("13a", description=BLEU_TOKENIZER)
    positive: Name | None = Field(None, description=POSITIVE)
    lower_case: bool = Field(False, description="Score outputs without regard to case.")
    against: StageReference | None = Field(None, description="A baseline: STAGE[#VARIANT].")
    against_decode: Any = Field(
        None,
        description="How the baseline's outputs are made; default: as decode, or, where its "
        "decoder is of the other kind, by that one's default.",
    )
    bootstrap: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        1000, description="Bootstrap samples."
    )
    seed: Seed = Field(1, description="Their seed.")
    noise: NoiseOptions | None = Field(
        None, description="The metrics under noise on the parameters, like {sigma: [0.1, 0.2]}."
    )

    @field_validator("on", "metrics", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class PaperOptions(Options):
    """The paper that a spec follows."""

    title: Text = Field(description="Its title.")
    table: int | str | None = Field(None, description="The table.")
    published: dict[Name, float] = Field({}, description="Published figures.")


def may_share_cores(runtime: "RuntimeOptions") -> bool:
    """Whether trainings may take parts of a batch side by side."""
    return runtime.streams != 1 and not runtime.jit_compile and runtime.devices in ("auto", 1)


class RuntimeOptions(Options):
    """Where it runs. Batches and masks stay the same everywhere; on several devices, and with
    jit_compile, rounding and what dropout leaves out do not. Finished stages are used wherever
    they were made."""

    devices: Literal["auto"] | Count = Field(
        "auto",
        description="Devices to use. With another number of them rounding and dropout's masks "
        "differ.",
    )
    hosts: Literal["auto"] | Count = Field(
        "auto",
        description="Hosts that train together: those that TF_CONFIG names, if it is set; a number "
        "refuses any other.",
    )
    steps_per_execution: Annotated[int, Field(ge=1, le=64)] = Field(
        1,
        description="Steps that one call of the graph makes; more keep a fast device from waiting.",
    )
    streams: Literal["auto"] | Count = Field(
        "auto",
        description="On a CPU: parts of a batch that its cores compute side by side. auto: one a "
        "core, at most 4, where steps are large enough. Dropout's masks differ with the number.",
    )
    fuse: Literal["auto"] | bool = Field(
        "auto",
        description="On a CPU: compile chains of elementwise operations by XLA, a second or so "
        "for each new shape of batch. auto: where steps are large and many.",
    )
    jit_compile: bool = Field(
        False,
        description="Compile the step by XLA, anew for each shape of batch. Batches are padded "
        "wider, to fewer shapes, so dropout's masks differ as well.",
    )
