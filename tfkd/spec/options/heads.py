"""Options of output heads."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from tfkd.spec.options.base import Name, Options
from tfkd.spec.options.classifiers import ClassifierHeadOptions


class MaskedLMHeadOptions(Options):
    """A word-prediction head with a vocabulary of its own, like the student's."""

    kind: Literal["masked_lm"] = Field("masked_lm", description="The kind of head.")
    tokenizer: Name | None = Field(None, description="Its vocabulary; default: the input's.")
    start: Literal["input_embeddings", "random"] = Field(
        "input_embeddings", description="Rows start from the input embeddings of the same pieces."
    )
    tied: bool = Field(False, description="Share the input embeddings.")


def _head_kind(value: Any) -> str:
    """The kind of a head; unless it is said, one over words."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return "classifier" if kind == "classifier" else "masked_lm"


HeadOptions = Annotated[
    Annotated[MaskedLMHeadOptions, Tag("masked_lm")]
    | Annotated[ClassifierHeadOptions, Tag("classifier")],
    Discriminator(_head_kind),
]
