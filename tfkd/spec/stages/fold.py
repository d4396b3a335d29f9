"""The options of a stage that is one of the models of a stage with folds."""

from typing import Any, ClassVar

from pydantic import Field

from tfkd.spec.faults import Faults
from tfkd.spec.names import Parts, stage_of
from tfkd.spec.options.base import Count, ModelReference
from tfkd.spec.stage import StageOptions


class FoldOptions(StageOptions):
    """One of the K models of a training stage with `folds: K`, where one model is needed."""

    kind: ClassVar[str] = "fold"
    gives: ClassVar[frozenset[str]] = frozenset({"model", "trained"})
    fold: Count = Field(description="Which: 1 to K. It has not seen the rows of that part.")
    of: ModelReference = Field(description="The training stage, which has `folds:`.")

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """The stage has folds, and so many."""
        of = getattr(stage, "of", None) or getattr(stage, "written", {}).get("of")
        where = (*path, "of")
        if not isinstance(of, str):
            return
        found = stage_of(parts, faults, where, of, "trained", of_folds=True)
        if found is None:
            return
        if not found.several:
            faults.add(where, f"{of} has no folds", "a stage with them, or its own name")
            return
        folds, number = getattr(found.stage, "folds", None), getattr(stage, "fold", None)
        if folds and number is not None and number > folds:
            faults.add((*path, "fold"), f"{number} of {folds}", f"1 to {folds}")
