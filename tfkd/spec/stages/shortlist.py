"""The options of stages that have a model write of few pieces."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, found_stage, stage_of
from tfkd.spec.options.base import Count, ModelReference, Refers, StageReference
from tfkd.spec.stage import StageOptions
from tfkd.spec.wording import a


class ShortlistOptions(StageOptions):
    """A model that writes of each source's likely translations alone: its output layer is computed
    for these pieces, and no others (Jean et al., 2015; L'Hostis et al., 2016)."""

    kind: ClassVar[str] = "shortlist"
    gives: ClassVar[frozenset[str]] = frozenset({"model"})
    shortlist: ModelReference = Field(
        description="The stage of the translator; it writes from left to right.",
        examples=["train_student"],
    )
    lexicon: Annotated[StageReference, Refers("alignments")] = Field(
        description="An align stage of the same tokenizers.", examples=["lexicon"]
    )
    frequent: Count = Field(
        100,
        description="How many target pieces are on every list: those that stand most often in the "
        "corpus.",
        json_schema_extra={"unit": "pieces"},
    )
    best: Annotated[int, Field(ge=1, le=256)] = Field(
        100,
        description="How many are on it for each source piece: those that translate it most "
        "likely.",
        json_schema_extra={"unit": "pieces"},
    )

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple[str, ...]) -> None:
        """The model is a translator, whose pieces are those of the lexicon."""
        if not isinstance(stage, cls):
            super().check(stage, parts, faults, path)
            return
        found = stage_of(parts, faults, (*path, "shortlist"), stage.shortlist, "model")
        lexicon = stage_of(parts, faults, (*path, "lexicon"), stage.lexicon, "alignments")
        model = None if found is None else found.model
        if model is None:
            return
        if found.headless or not model.encoder_decoder or model.fills_in:
            does = "fills in hidden pieces" if model.fills_in else "does not translate"
            faults.add(
                (*path, "shortlist"), f"{stage.shortlist} is {a(model.kind)}, which {does}",
                "an encoder-decoder that writes from left to right",
            )  # fmt: skip
            return
        theirs = None
        if lexicon is not None and lexicon.parts is found.parts is parts:
            theirs = parts.models.get(getattr(found_stage(parts, stage.lexicon).stage, "model", ""))
        reads = theirs is not None and theirs.encoder_decoder  # else it has a fault of its own
        if reads and theirs.tokenizers != model.tokenizers:
            faults.add(
                (*path, "lexicon"), f"{stage.lexicon} has the pieces of other tokenizers than "
                f"{stage.shortlist}", f"an align stage with `model: {found.stage.train}`",
            )  # fmt: skip
