"""The options of stages that have a model write of few pieces."""

from collections.abc import Iterable
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
        if fault := no_lists(stage.shortlist, model, found.headless):
            faults.add((*path, "shortlist"), *fault)
            return
        theirs = None
        if lexicon is not None and lexicon.parts is found.parts is parts:
            aligned = found_stage(parts, stage.lexicon).stage
            theirs = parts.models.get(getattr(aligned, "model", ""))
        if theirs is not None and hasattr(aligned, "swap"):  # else a stand-in
            read = [(one.of == aligned.align, one.swap) for one in data_of(found.stage)]
            if fault := other_way(stage.lexicon, aligned.swap, stage.shortlist, read):
                faults.add((*path, "lexicon"), *fault)
        reads = theirs is not None and theirs.encoder_decoder  # else it has a fault of its own
        if reads and theirs.tokenizers != model.tokenizers:
            faults.add(
                (*path, "lexicon"), f"{stage.lexicon} has the pieces of other tokenizers than "
                f"{stage.shortlist}", f"an align stage with `model: {found.stage.train}`",
            )  # fmt: skip


def no_lists(name: str, model: Any, headless: bool) -> tuple[str, str] | None:
    """Why a model cannot write of lists, and what can; None: it can.

    Args:
        name: What its stage is called.
        model: Its options.
        headless: Whether it has no head.
    """
    left_to_right = "an encoder-decoder that writes from left to right"
    if headless or not model.encoder_decoder or model.fills_in:
        does = "fills in hidden pieces" if model.fills_in else "does not translate"
        return f"{name} is {a(model.kind)}, which {does}", left_to_right
    if not model.lists:
        does = "computes all pieces in each step (`lists` in its options)"
        return f"{name} is {a(model.kind)}, which {does}", f"{left_to_right} and has `lists = True`"
    return None


def other_way(
    lexicon: str, swap: bool, name: str, data: Iterable[tuple[bool, bool]]
) -> tuple[str, str] | None:
    """Why a lexicon is not of the direction that a model translates in, and what would be.

    Corpora may have their sides the other way round, as translations back have: where the model
    learns from the one that is aligned, that one counts alone.

    Args:
        lexicon: What the align stage is called.
        swap: Its `swap`.
        name: What the model's stage is called.
        data: Of each corpus that the model learns from whether it is the aligned one, and `swap`.
    """
    data = list(data)
    same = {swapped for aligned, swapped in data if aligned}
    ways = same or {swapped for _, swapped in data}
    if ways <= {swap}:
        return None
    if len(ways) > 1:
        return (
            f"{lexicon} is of one direction, and {name} learns from data with and without swap",
            "a lexicon of a corpus that it reads one way",
        )
    said = {True: "with swap", False: "without swap"}
    of_its_own = "" if same else ", or one of a corpus that it learns from"
    return (
        f"{lexicon} is {said[swap]}, and {name} learns from data {said[not swap]}: its lists would "
        "be of the other direction",
        f"an align stage {said[not swap]}: true{of_its_own}",
    )


def data_of(stage: Any) -> list[Any]:
    """The corpora that a stage trains on; none of one that only loads."""
    return [one for one in getattr(stage, "data", None) or () if hasattr(one, "swap")]
