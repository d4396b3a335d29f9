"""Options of stages' data: corpora, and how their rows are packed."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tfkd.spec.options.base import CorpusName, Options, Positive

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


def small_blocks(stage: dict[str, Any]) -> None:
    """Makes the blocks of a stage's data, in plain values, as short as --smoke has them."""
    for part in stage["data"] if isinstance(stage.get("data"), list) else []:
        if isinstance(part, dict) and part.get("pack"):
            said = part["pack"] if isinstance(part["pack"], dict) else {}
            part["pack"] = {**said, "length": _SMOKE_BLOCK}


def listed(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [{"of": item} if isinstance(item, str) else item for item in items]


# What a stage reads: corpora, of which one may stand alone and each by its name.
Data = Annotated[list[DataPart], Field(min_length=1), BeforeValidator(listed)]
