"""Tagging: a tag for each word of a text."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.faults import Faults
from tfkd.spec.tasks.classification import ClassificationOptions
from tfkd.spec.tasks.task import Path


class TaggingOptions(ClassificationOptions):
    """A tag for each word of a text: what stands between spaces, as the tags do in `label`.

    The tag is predicted at the word's first piece, in the plain view (or one of kind classify).
    """

    each_word: ClassVar[bool] = True
    kind: Literal["tagger"] = Field(description="The kind of head.")
    read: Literal["words"] = Field(
        "words", description="Where the state is read: at the first piece of each word."
    )

    @classmethod
    def check_read(cls, faults: Faults, path: Path, model: Any, name: str, corpus: Any) -> None:
        """A corpus that a tagger reads has a text, and nothing beside it."""
        fields = corpus.field_names
        if "text" not in fields or {"text_b", "source", "target"} & set(fields):
            faults.add(
                path, f"a tagger reads the words of a text, and {name} has {', '.join(fields)}",
                "a corpus with the fields text and label",
            )  # fmt: skip
