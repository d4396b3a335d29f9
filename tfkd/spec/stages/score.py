"""The options of scoring stages."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.classifier_checks import check_class_scores, tells_classes
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, stage_of, written
from tfkd.spec.options.base import Count, ModelReference
from tfkd.spec.options.family import SMOKE_LENGTH
from tfkd.spec.options.stages import Data, DataPart
from tfkd.spec.reading_checks import check_scored
from tfkd.spec.stage import TaughtOptions
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.teacher_checks import NO_HEAD, check_top_k, encoders, predicted
from tfkd.spec.wording import a


class ScoreOptions(TaughtOptions):
    """Stores a teacher's top K for every target word (Chen et al., 2020, section 3.3)."""

    kind: ClassVar[str] = "score"
    gives: ClassVar[frozenset[str]] = frozenset({"targets"})
    score: ModelReference = Field(description="The teacher's training stage.")
    data: Data = Field(description="The corpora whose tokens or rows it scores.")
    read: Literal["masked", "previous"] = Field(
        "masked", description="masked: each word while it is hidden; previous: from the left."
    )
    passes: Count = Field(7, description="Passes a sentence; each hides every n-th word.")
    top_k: Count = Field(8, description="K: probabilities kept for a word.")
    max_length: Annotated[int, Field(ge=8)] = Field(512, description="Longer pairs are left out.")
    batch_tokens: Count = Field(8192, description="Tokens scored at once, padding included.")

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        stage["top_k"] = min(stage.get("top_k") or 8, 8)
        stage["batch_tokens"] = 2048
        stage["max_length"] = SMOKE_LENGTH

    def on_corpora(self, names: list[str]) -> "ScoreOptions":
        """The same work on other corpora, which is itself a check, and waits for none."""
        data = [DataPart(of=name) for name in names]
        return self.model_copy(update={"data": data, "on_failed_check": "warn"})

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A scoring stage: its teacher and data."""
        teacher = stage_of(parts, faults, (*path, "score"), stage.score, "model")
        if teacher is not None and teacher.headless:
            faults.add((*path, "score"), f"{stage.score} {NO_HEAD}", "one with a head")
        if teacher is not None and teacher.model is not None:
            if not teacher.model.encoder_only:
                faults.add(
                    (*path, "score"), f"its model is {a(teacher.model.kind)}",
                    f"a stage that trains {encoders()}",
                )  # fmt: skip
            if tells_classes(teacher):
                check_class_scores(parts, faults, path, stage, teacher.model)
            else:
                _keeps(faults, (*path, "top_k"), stage, teacher)
                _read_as_taught(faults, (*path, "read"), stage, teacher)
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            if not tells_classes(teacher):
                check_scored(parts, faults, where, part.of)
            if part.swap:
                faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
            if getattr(part, "pack", None) is not None:
                faults.add(
                    where, f"pack: {part.of} is scored row by row", "no pack in a score stage"
                )
            if getattr(part, "weight", 1) != 1:
                faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def _read_as_taught(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """A teacher is asked as it has learnt to answer: at hidden words, or before each next one."""
    if "trained" not in gives_of(teacher.stage):
        return
    terms = teacher.stage.objective.values()
    names = {getattr(term, "view", None) for term in terms}
    views = {getattr(teacher.parts.views.get(name), "kind", None) for name in names}
    if None in views:
        return  # faults of their own
    read = getattr(stage, "read", None)
    if read == "previous" and "prefix_lm" not in views:
        faults.add(
            path, f"previous, and {stage.score} has learnt to fill in hidden words",
            "read: masked, or a teacher with a term causal_lm in a view of kind prefix_lm",
        )  # fmt: skip
    elif read == "masked" and views == {"prefix_lm"} and {t.kind for t in terms} == {"causal_lm"}:
        faults.add(
            path, f"masked, and {stage.score} has learnt to predict each next word (prefix_lm)",
            "read: previous",
        )  # fmt: skip


def _keeps(faults: Faults, path: tuple, stage: Any, teacher: Found) -> None:
    """No more probabilities are kept than there are pieces."""
    top_k = getattr(stage, "top_k", 0)
    check_top_k(teacher.parts, faults, path, top_k, predicted(teacher.model))
