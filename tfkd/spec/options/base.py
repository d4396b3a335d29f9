"""What all options share."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tfkd.spec.options.soft_labels import NUMBERS
from tfkd.spec.wording import shown

# What names folders and files, and stands in references and dotted paths.
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}\Z")
WORDS = "a to z, A to Z, digits, _ and -, at most 100 characters"
LONGEST_PATH = 4096


class Options(BaseModel):
    """Typed options: frozen, no unknown keys, no silent conversion but integer to float."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=True,
        allow_inf_nan=False,
        defer_build=True,
    )


def _different(seeds: list[int]) -> list[int]:
    if len({*seeds}) < len(seeds):
        raise ValueError(f"{seeds}; expected different seeds, like [1, 2, 3]")
    return seeds


def _word(text: str) -> str:
    if not WORD.match(text):
        raise ValueError(f"{shown(text)} is no name; expected {WORDS}")
    return text


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"{shown(text)} has a NUL, which no path can have")
    return text


Count = Annotated[int, Field(ge=1, lt=2**31)]
Amount = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Seeds = Annotated[list[Seed], Field(min_length=1, max_length=100), AfterValidator(_different)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
# Fields that hold no text: they are not lower-cased, and two equal ones are no overlap.
NOT_TEXT = frozenset({"label", "mark", "list", "score"}) | NUMBERS
# The name of a field, which becomes a file's.
FieldName = Annotated[Name, AfterValidator(_word)]
# A file, folder or glob.
FilePath = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH), AfterValidator(_no_nul)]
# STAGE, STAGE#VARIANT or SPEC:STAGE#VARIANT: a path and two names.
StageReference = Annotated[
    str, Field(min_length=1, max_length=LONGEST_PATH + 202), AfterValidator(_no_nul)
]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


@dataclass(frozen=True)
class Refers:
    """Marks an option that names another part of the spec.

    Attributes:
        to: What is named: a stage by what it has to give (`model`, `targets`), a `corpus` of
            `data:` or a stage that writes one, or a `declared` model.
    """

    to: str


@dataclass(frozen=True)
class OfKind:
    """Marks an option, of type Any, that is a class of the registry with its options.

    Attributes:
        kind: The kind of class, `decode` for one.
    """

    kind: str


# What a stage refers to; see `tfkd.spec.stage`.
ModelReference = Annotated[StageReference, Refers("model")]
TargetsReference = Annotated[StageReference, Refers("targets")]
CorpusName = Annotated[Name, Refers("corpus")]
ModelName = Annotated[Name, Refers("declared")]
