"""The options of scoring stages."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import NO_HEAD, encoders
from tfkd.spec.faults import Faults
from tfkd.spec.names import SEVERAL, Found, Parts, stage_of, written
from tfkd.spec.options.base import Count, ModelReference, Positive
from tfkd.spec.options.models.family import SMOKE_LENGTH
from tfkd.spec.options.stages import Data, DataPart
from tfkd.spec.stage import TaughtOptions
from tfkd.spec.tasks.task import task_of
from tfkd.spec.wording import a


class ScoreOptions(TaughtOptions):
    """Stores a teacher's top K for every target word (Chen et al., 2020, section 3.3)."""

    kind: ClassVar[str] = "score"
    gives: ClassVar[frozenset[str]] = frozenset({"targets"})
    score: ModelReference = Field(
        description="The teacher's training stage; or several, [A, B] or {A: 0.7, B: 0.3}, whose "
        "distributions are averaged, with these weights."
    )
    beside: list[ModelReference] = Field(
        [], description="The other teachers, where `score:` is not a list of all."
    )
    weights: list[Positive] | None = Field(
        None, description="Of the teachers, in their order; they need not add up to 1."
    )
    data: Data = Field(description="The corpora whose tokens or rows it scores.")
    read: Literal["masked", "previous"] = Field(
        "masked",
        description="masked: each word while it is hidden; previous: from the left. An "
        "encoder-decoder knows no other way than from the left, and needs no such key.",
    )
    passes: Count = Field(7, description="Passes a sentence; each hides every n-th word (masked).")
    top_k: Count = Field(8, description="K: probabilities kept for a word.")
    max_length: Annotated[int, Field(ge=8)] = Field(
        512,
        description="Longer pairs are left out: both sides together, of an encoder-decoder each.",
    )
    batch_tokens: Count = Field(8192, description="Tokens scored at once, padding included.")

    @classmethod
    def typed(cls, faults: Faults, path: tuple, value: dict[str, Any]) -> dict[str, Any]:
        """With several teachers as the first and those beside it."""
        given = value.get("score")
        if isinstance(given, dict) and given:
            value["weights"] = list(given.values())
            given = list(given)
        if isinstance(given, list) and given:
            value["score"], value["beside"] = given[0], given[1:]
        value = super().typed(faults, path, value)
        teachers = [value.get("score"), *(value.get("beside") or [])]
        weights = value.get("weights")
        if isinstance(weights, list) and len(weights) != len(teachers):
            faults.add(
                (*path, "weights"), f"{len(weights)} weights of {len(teachers)} teachers",
                "one for each",
            )  # fmt: skip
        for name in {str(one) for one in teachers if teachers.count(one) > 1}:
            faults.add((*path, "score"), f"{name} twice", "each teacher once")
        return value

    @property
    def teachers(self) -> list[str]:
        """All of them, the first first."""
        return [self.score, *self.beside]

    @property
    def shares(self) -> list[float] | None:
        """Their weights, which add up to 1; None where each has as much."""
        if self.weights is None:
            return None
        return [one / sum(self.weights) for one in self.weights]

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        stage["top_k"] = min(stage.get("top_k") or 8, 8)
        stage["batch_tokens"] = 2048
        stage["max_length"] = SMOKE_LENGTH

    def hides(self, model: Any) -> bool:
        """Whether a teacher fills in what is hidden from it, by its model's options."""
        return self.read == "masked" and not model.encoder_decoder

    def on_corpora(self, names: list[str]) -> "ScoreOptions":
        """The same work on other corpora, which is itself a check, and waits for none."""
        data = [DataPart(of=name) for name in names]
        return self.model_copy(update={"data": data, "on_failed_check": "warn"})

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A scoring stage: its teacher and data."""
        teacher = stage_of(parts, faults, (*path, "score"), stage.score, "model", of_folds=True)
        if teacher is not None and teacher.headless:
            faults.add((*path, "score"), f"{stage.score} {NO_HEAD}", "one with a head")
        model = None if teacher is None else teacher.model
        if model is not None and (model.is_causal or model.fills_in):
            does = "reads one text" if model.is_causal else "fills in what is hidden"
            faults.add(
                (*path, "score"), f"its model is {a(model.kind)}, which {does}",
                f"a stage of {encoders()}, or of an encoder-decoder from left to right",
            )  # fmt: skip
        elif (segments := segments_of(teacher)) is not None:
            faults.add(
                (*path, "score"), f"{stage.score} learns to write segments ({segments})",
                "a stage that starts from it",
            )  # fmt: skip
        task_of(teacher).check_scores(parts, faults, path, stage, teacher)
        _beside(parts, faults, path, stage, teacher)
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            if part.swap:
                faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
            if getattr(part, "pack", None) is not None:
                faults.add(
                    where, f"pack: {part.of} is scored row by row", "no pack in a score stage"
                )
            if getattr(part, "weight", 1) != 1:
                faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def _beside(parts: Parts, faults: Faults, path: tuple, stage: Any, first: Found | None) -> None:
    """Several teachers predict the same pieces for the same task, and each is one model."""
    where = (*path, "score")
    if getattr(stage, "beside", None) and first is not None and getattr(first.stage, "folds", None):
        faults.add(where, f"{stage.score} {SEVERAL}, beside others", "it alone, or none with folds")
    for name in getattr(stage, "beside", ()):
        other = stage_of(parts, faults, where, name, "model")
        if other is None or first is None or None in (other.model, first.model):
            continue
        if other.headless:
            faults.add(where, f"{name} {NO_HEAD}", "one with a head")
        if task_of(other) is not task_of(first) or other.model.is_causal != first.model.is_causal:
            faults.add(where, f"{name} is a teacher of another kind than {stage.score}",
                       "teachers that predict the same from the same")  # fmt: skip
        elif other.model.tokenizers != first.model.tokenizers:
            faults.add(where, f"{name} reads by other tokenizers than {stage.score}",
                       "teachers of the same tokenizers")  # fmt: skip
        elif other.model.own_vocabulary != first.model.own_vocabulary:
            faults.add(where, f"{name} predicts other pieces than {stage.score}",
                       "teachers with the same head")  # fmt: skip
