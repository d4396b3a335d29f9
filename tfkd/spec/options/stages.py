"""Options of stages: what trains, loads, scores and translates."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from tfkd.spec.options.base import (
    Count,
    FilePath,
    Name,
    Options,
    Positive,
    Seed,
    Seeds,
    StageReference,
)
from tfkd.spec.options.training import BatchOptions, ScheduleOptions, ValidateOptions


class _Taught(Options):
    """A stage that uses a teacher."""

    on_failed_check: Literal["warn", "stop"] = Field(
        "warn",
        description="When a `teacher_gate` evaluation has found its teacher not clearly better "
        "than a model without one: warn and go on, or stop before this stage's hours are spent.",
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


class TrainOptions(_Taught):
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
    seeds: Seeds | None = Field(
        None,
        description="It is trained once with each of them, like [1, 2, 3], and what comes after it "
        "is made of each; what it rests on is made once.",
    )
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

    @property
    def newlines(self) -> bool:
        """Whether documents have newlines between them: what its first corpus is packed with."""
        packing = self.data[0].packing
        return packing is not None and packing.separator == "newline"

    @property
    def block(self) -> int | None:
        """The longest blocks that its corpora are packed into; None where one is read by rows."""
        packings = [part.packing for part in self.data]
        if None in packings:
            return None
        return max(packing.length for packing in packings)

    @property
    def reads_rows(self) -> bool:
        """Whether documents are read one by one: some of its corpora, or in its validation."""
        return self.validate_ is not None or any(part.packing is None for part in self.data)


class LoadOptions(Options):
    """A published checkpoint as a stage: others start from it, or are taught by it."""

    kind: ClassVar[str] = "load"
    load: FilePath = Field(
        description="A folder with config.json and model.safetensors (or its numbered parts), "
        "relative to the data folder, else to the folder that the run is started in."
    )
    into: Name = Field(description="The model, a bert or gpt2 whose sizes are the checkpoint's.")
    head: Literal["published", "none"] = Field(
        "published",
        description="none: for a checkpoint without its word-prediction head, as SpanBERT's are; "
        "enough for hidden_states, and to start parts from.",
    )

    @property
    def train(self) -> str:
        """The model that comes of it, as of a training stage."""
        return self.into


class ScoreOptions(_Taught):
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
        """The same work on other corpora, which is itself a check, and waits for none."""
        data = [DataPart(of=name) for name in names]
        return self.model_copy(update={"data": data, "on_failed_check": "warn"})


# Fields that hold no text.
_NO_TEXT = {"label", "mark"}


class TranslateOptions(_Taught):
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
