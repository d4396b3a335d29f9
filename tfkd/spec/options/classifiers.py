"""Options of classification: the head over classes, and how it is read."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tfkd.spec.options.base import Name, Options, Rate


class ClassifierHeadOptions(Options):
    """Classes of a text, a pair or a marked character: BERT's pooler and a matrix over classes.

    A stage has it where its terms read the plain view (or one of kind classify); in pre-training,
    where they read masked words, the model has BERT's own head in its place.
    """

    kind: Literal["classifier"] = Field(description="The kind of head.")
    read: Literal["cls", "mark"] = Field(
        "cls",
        description="Where the state is read: at [CLS], or at the character that `mark` says.",
    )
    dropout: Rate | None = Field(
        None, description="On the pooled state, in training; default: the model's."
    )
    classes: list[Name] = Field(
        [],
        description="Corpora whose labels are the classes; default: those of the stage's data that "
        "have labels.",
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class ClassifyOptions(Options):
    """A text or a pair whose class is predicted; the plain view of a model with a classifier."""

    kind: Literal["classify"] = Field("classify", description="The kind of view.")
    max_length: Annotated[int, Field(ge=8)] = Field(
        256,
        description="The most tokens of a sequence; longer ones lose their end, never the mark.",
    )
