"""The options of stages that align the pieces of a corpus's two sides."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, found_corpus
from tfkd.spec.options.base import CorpusName, Count, ModelName
from tfkd.spec.stage import StageOptions
from tfkd.spec.wording import a

_SIDES = {"source", "target"}


class AlignOptions(StageOptions):
    """Learns which pieces of a corpus's two sides stand for each other: links of each row, and a
    lexicon (an IBM model 2 with fast_align's prior: Dyer et al., 2013)."""

    kind: ClassVar[str] = "align"
    gives: ClassVar[frozenset[str]] = frozenset({"alignments"})
    align: CorpusName = Field(
        description="The corpus, with source and target, or a stage that writes one.",
        examples=["train"],
    )
    model: ModelName = Field(
        description="The encoder-decoder whose tokenizers cut the texts into pieces.",
        examples=["student"],
    )
    swap: bool = Field(
        False, description="Source and target change places: for a model that translates back."
    )
    passes: Count = Field(
        5,
        description="How often it goes through the rows that it learns from.",
        json_schema_extra={"unit": "passes"},
    )
    rows: Count = Field(
        500_000,
        description="The most rows that it learns from, spread over the corpus; it aligns all. Of "
        "each two pieces that stand together in one of them some 60 bytes are in memory.",
        json_schema_extra={"unit": "rows"},
    )
    symmetrize: Literal["grow_diag", "intersection", "union"] = Field(
        "grow_diag",
        description="What becomes of the links that either direction finds: those that both find; "
        "those that either finds; or those that both find, and of the others those beside one.",
    )

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple[str, ...]) -> None:
        """The corpus has two sides, and the model reads them."""
        super().check(stage, parts, faults, path)
        if not isinstance(stage, cls):
            return  # a stand-in for options that have faults of their own
        fields = getattr(found_corpus(parts, stage.align), "field_names", _SIDES)
        if not set(fields) >= _SIDES:
            faults.add(
                (*path, "align"), f"{stage.align} has {', '.join(fields)}",
                "a corpus with source and target",
            )  # fmt: skip
        model = parts.models.get(stage.model)
        if model is not None and not model.encoder_decoder:
            faults.add(
                (*path, "model"), f"{stage.model} is {a(model.kind)}, which reads one text",
                "an encoder-decoder",
            )  # fmt: skip
