"""Options of stages' data: corpora, and how their rows are packed."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from tfkd.spec.options.base import CorpusName, Count, Name, Options, Positive

# Of rows of n-best lists: the list's number, and the output's score.
LIST_FIELDS = ("list", "score")
# Half of the most tokens of a model under --smoke.
_SMOKE_BLOCK = 64


class PackOptions(Options):
    """Blocks of documents end to end."""

    length: Annotated[int, Field(ge=8)] = Field(
        description="Tokens of a block as the model reads it, special ones counted."
    )
    separator: Literal["end", "newline"] = Field(
        "end", description="What follows each document: the text's end, or a newline's piece."
    )


class RowWeights(Options):
    """Rows of n-best lists, each as much as it is worth beside the others of its list."""

    by: Literal["score"] = Field(
        "score",
        description="The field whose softmax over a list is what its rows count, together 1.",
    )
    temperature: Positive = Field(
        1.0, description="T of exp(score / T): below 1 the best row counts more, above 1 less."
    )


class DataPart(Options):
    """One corpus of a stage's data."""

    of: CorpusName = Field(description="The corpus, or a stage that writes one.")
    weight: Positive = Field(1.0, description="How often an epoch goes through it.")
    swap: bool = Field(False, description="Source and target change places.")
    pack: Annotated[int, Field(ge=8)] | PackOptions | None = Field(
        None,
        description="Rows are blocks of so many tokens of all documents end to end; or {length: "
        "128, separator: newline}.",
    )

    row_weights: Literal["score"] | RowWeights | None = Field(
        None,
        description="What its rows count in the loss, of a corpus with fields list and score: "
        "score, the softmax of the scores of each list, or {by: score, temperature: 0.5}. "
        "Default: each row as much.",
    )

    @property
    def weighing(self) -> RowWeights | None:
        """How its rows are weighed; None where each counts as much."""
        return RowWeights() if self.row_weights == "score" else self.row_weights

    @property
    def packing(self) -> PackOptions | None:
        """How its rows are packed; None where they are not."""
        return PackOptions(length=self.pack) if isinstance(self.pack, int) else self.pack


class LearntPart(DataPart):
    """One corpus that a training learns from."""

    view: Name | None = Field(
        None,
        description="A view of kind noise: its texts are changed before they are cut into pieces, "
        "in each epoch otherwise.",
        examples=["robust"],
    )
    from_: Count | None = Field(
        None,
        alias="from",
        description="The step behind which it is in the mixture: from: 20000 reads it in step "
        "20001 first. Default: from the start.",
        json_schema_extra={"unit": "optimizer steps"},
        examples=[20000],
    )
    until: Count | None = Field(
        None,
        description="The last step that reads it; default: the training's last.",
        json_schema_extra={"unit": "optimizer steps"},
        examples=[20000],
    )

    @model_validator(mode="after")
    def _read_at_all(self) -> "LearntPart":
        if self.until is not None and self.until <= (self.from_ or 0):
            raise ValueError(
                f"from {self.from_} until {self.until}, which is no step; expected more in until"
            )
        return self


class Mixture(NamedTuple):
    """The corpora that some steps read.

    Attributes:
        start: The steps before the first of them.
        parts: The places of the corpora in the stage's data.
    """

    start: int
    parts: tuple[int, ...]


def mixtures_of(data: Sequence[Any], steps: int | None = None) -> list[Mixture]:
    """A training's mixtures in their order, of which the last goes on to its end.

    Args:
        data: Its corpora, `LearntPart` or what stands in for faulty ones.
        steps: The training's; None: as many as there are.
    """
    spans = [(getattr(one, "from_", None) or 0, getattr(one, "until", None)) for one in data]
    changes = {0, *(start for start, _ in spans), *(stop for _, stop in spans if stop is not None)}
    found: list[Mixture] = []
    for at in sorted(one for one in changes if steps is None or one < steps):
        parts = tuple(
            place
            for place, (start, stop) in enumerate(spans)
            if start <= at and (stop is None or at < stop)
        )
        if not found or parts != found[-1].parts:
            found.append(Mixture(at, parts))
    return found


def small_blocks(stage: dict[str, Any]) -> None:
    """Makes the blocks of a stage's data, in plain values, as short as --smoke has them."""
    for part in stage["data"] if isinstance(stage.get("data"), list) else []:
        if isinstance(part, dict) and part.get("pack"):
            said = part["pack"] if isinstance(part["pack"], dict) else {}
            part["pack"] = {**said, "length": _SMOKE_BLOCK}


def listed(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"of": item} if isinstance(item, str) else item for item in items]


def few_steps(stage: dict[str, Any], least: int) -> int:
    """The steps of a training under --smoke: each mixture of its data, in plain values, has one at
    least; in place. An end at its last step, or beyond, is none."""
    parts = stage["data"] if isinstance(stage.get("data"), list) else []
    parts = [part for part in parts if isinstance(part, dict)]
    steps = stage.get("steps")
    for part in parts:
        if isinstance(steps, int) and isinstance(stop := part.get("until"), int) and stop >= steps:
            del part["until"]
    given = {part.get(key) for part in parts for key in ("from", "until")}
    changes = sorted(one for one in given if isinstance(one, int))
    for part in parts:
        for key in ("from", "until"):
            if part.get(key) in changes:
                part[key] = changes.index(part[key]) + 1
    return max(least, len(changes) + 1)


# What a stage reads: corpora, of which one may stand alone and each by its name.
Data = Annotated[list[DataPart], Field(min_length=1), BeforeValidator(listed)]
LearntData = Annotated[list[LearntPart], Field(min_length=1), BeforeValidator(listed)]
