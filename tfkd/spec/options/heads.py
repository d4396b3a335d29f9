"""Options of output heads, and of the view of classes."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, SerializeAsAny, Tag, WrapValidator, field_validator

from tfkd.spec import registry
from tfkd.spec.options.base import Name, Options, Rate
from tfkd.spec.options.views import Reader, ViewOptions


class MaskedLMHeadOptions(Options):
    """A word-prediction head with a vocabulary of its own, like the student's."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of head.")
    tokenizer: Name | None = Field(None, description="Its vocabulary; default: the input's.")
    start: Literal["input_embeddings", "random"] = Field(
        "input_embeddings", description="Rows start from the input embeddings of the same pieces."
    )
    tied: bool = Field(False, description="Share the input embeddings.")


class ClassifierHeadOptions(Options):
    """Classes of a text, a pair or a marked character: BERT's pooler and a matrix over classes.

    A stage has it where its terms read the plain view (or one of kind classify); in pre-training,
    where they read masked words, the model has BERT's own head in its place.
    """

    over_classes: ClassVar[bool] = True
    kind: Literal["classifier"] = Field(description="The kind of head.")
    read: Literal["cls", "mark"] = Field(
        "cls",
        description="Where the state is read: at [CLS], or at the character that `mark` says.",
    )
    activation: Literal["tanh", "gelu", "relu", "none"] = Field(
        "tanh",
        description="Of the layer before the classes: tanh in BERT, RoBERTa and ALBERT, gelu in "
        "ELECTRA, relu in DistilBERT; none: no such layer, as in heads over the classes of tokens.",
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


class ClassifyOptions(ViewOptions):
    """A text or a pair whose class is predicted; the plain view of a model with a classifier."""

    readers: ClassVar[frozenset[Reader]] = frozenset({Reader.ENCODER})
    terms: ClassVar[tuple[str, ...]] = ()
    of_classes: ClassVar[bool] = True
    kind: Literal["classify"] = Field("classify", description="The kind of view.")
    max_length: Annotated[int, Field(ge=8)] = Field(
        256,
        description="The most tokens of a sequence; longer ones lose their end, never the mark.",
    )


def _head_kind(value: Any) -> str:
    """The kind of a head; unless it is said, one over words."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "classifier" if kind == "classifier" else "masked_lm"


def _of_task(value: Any, own: Any) -> Any:
    """The head of a plugin's task, chosen by its name; else one of the package's `own`."""
    if isinstance(value, ClassifierHeadOptions):
        return value
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if kind in ("classifier", "masked_lm") or kind not in registry.names("task"):
        return own(value)
    options = registry.lookup("task", kind).options
    # Of the package's own tasks some have no head.
    return options.model_validate(value) if "kind" in options.model_fields else own(value)


HeadOptions = SerializeAsAny[
    Annotated[
        Annotated[MaskedLMHeadOptions, Tag("masked_lm")]
        | Annotated[ClassifierHeadOptions, Tag("classifier")],
        Discriminator(_head_kind),
        WrapValidator(_of_task),
    ]
]
