"""The options of scoring stages."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from tfkd.spec.checks.mean_checks import check_mean
from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import NO_HEAD, encoders
from tfkd.spec.faults import Faults
from tfkd.spec.names import SEVERAL, Found, Parts, elsewhere, stage_of, written
from tfkd.spec.options.base import Count, ModelReference, Positive
from tfkd.spec.options.models.family import SMOKE_LENGTH
from tfkd.spec.options.stages import Data, DataPart, small_blocks
from tfkd.spec.options.teachers import TEACHERS
from tfkd.spec.stages.asked import AskedOptions
from tfkd.spec.tasks.task import task_of
from tfkd.spec.wording import a
from tfkd.spec.wording import shown as in_short


def _with_source(prompt: str) -> str:
    if prompt.count("{source}") != 1:
        raise ValueError(
            f"{in_short(prompt)}; expected a text with {{source}} in it once, where the source is "
            "to stand"
        )
    return prompt


class ScoreOptions(AskedOptions):
    """Stores a teacher's top K for every target word (Chen et al., 2020, section 3.3)."""

    kind: ClassVar[str] = "score"
    gives: ClassVar[frozenset[str]] = frozenset({"targets"})
    score: Annotated[ModelReference, TEACHERS] = Field(
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
        "encoder-decoder and a language model know no other way than that, and need no such key.",
    )
    prompt: Annotated[str, AfterValidator(_with_source)] | None = Field(
        None,
        description="Of a language model that is asked of pairs: what it reads before a target, "
        "{source} in it standing for the source; each word of the target is stored, for a student "
        "that cuts it by the same tokenizer. It is cut apart from the target: end it where a piece "
        "ends, like a newline.",
    )
    passes: Count = Field(7, description="Passes a sentence; each hides every n-th word (masked).")
    top_k: Count = Field(8, description="K: probabilities kept for a word.")
    max_length: Annotated[int, Field(ge=8)] = Field(
        512,
        description="Longer pairs are left out: both sides together, of an encoder-decoder each.",
    )
    batch_tokens: Count = Field(8192, description="Tokens scored at once, padding included.")

    @classmethod
    def smoke(cls, stage: dict[str, Any]) -> None:
        stage["top_k"] = min(stage.get("top_k") or 8, 8)
        stage["batch_tokens"] = 2048
        stage["max_length"] = SMOKE_LENGTH
        small_blocks(stage)

    def hides(self, model: Any) -> bool:
        """Whether a teacher fills in what is hidden from it, by its model's options."""
        return self.read == "masked" and model.encoder_only

    def on_corpora(self, names: list[str]) -> "ScoreOptions":
        """The same work on other corpora, which is itself a check, and waits for none."""
        data = [DataPart(of=name) for name in names]
        return self.model_copy(update={"data": data, "on_failed_check": "warn"})

    @classmethod
    def check(cls, stage: Any, parts: Parts, faults: Faults, path: tuple) -> None:
        """A scoring stage: its teachers and data."""
        before, beside = len(faults.errors), getattr(stage, "beside", ())
        first = _teacher(parts, faults, path, stage, stage.score, 0)
        if beside and first is not None and first.several:
            faults.add((*path, "score"), f"{stage.score} {SEVERAL}, beside others",
                       "it alone, or none with folds")  # fmt: skip
        for index, name in enumerate(beside, 1):
            alone = stage.model_copy(update={"score": name, "beside": []})
            other = _teacher(parts, faults, path, alone, name, index)
            where = ScoreOptions.place_of(faults, path, name, index)
            check_mean(faults, where, stage.score, first, name, other, as_first=True)
        # What is said of its data is the same of each teacher.
        faults.errors[before:] = dict.fromkeys(faults.errors[before:])
        causal = first is not None and first.model is not None and first.model.is_causal
        if getattr(stage, "prompt", None) and not causal and first and first.model is not None:
            what = f"{stage.score} is {a(first.model.kind)}, which reads source and target as is"
            faults.add((*path, "prompt"), what, "a language model, or no prompt")
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            if part.swap:
                faults.add(where, f"swap: {part.of} is scored as it is", "no swap in a score stage")
            if getattr(part, "pack", None) is not None and not causal:
                faults.add(
                    where,
                    f"pack: {part.of} is scored row by row",
                    "no pack in a score stage, but of a language model",
                )
            if getattr(part, "row_weights", None) is not None:
                faults.add(where, f"row_weights: {part.of} is scored once",
                           "none in a score stage")  # fmt: skip
            if getattr(part, "weight", 1) != 1:
                faults.add(where, f"weight: {part.of} is scored once", "no weight in a score stage")


def _teacher(
    parts: Parts, faults: Faults, path: tuple, stage: Any, name: str, index: int
) -> Found | None:
    """One of a stage's teachers, which can be asked so; `stage` as if it had no other."""
    where = ScoreOptions.place_of(faults, path, name, index)
    teacher = stage_of(parts, faults, where, name, "model", of_folds=not index)
    if teacher is not None and teacher.headless:
        faults.add(where, f"{name} {NO_HEAD}", "one with a head")
    model = None if teacher is None else teacher.model
    if model is not None and model.fills_in:
        faults.add(
            where, f"its model is {a(model.kind)}, which fills in what is hidden",
            f"a stage of {encoders()}, or of a model that goes from left to right",
        )  # fmt: skip
    elif (segments := segments_of(teacher)) is not None:
        faults.add(
            where, f"{name} learns to write segments ({segments})", "a stage that starts from it"
        )
    if teacher is not None or not (index or elsewhere(name)):
        task_of(teacher).check_scores(parts, faults, path, stage, teacher)
    return teacher
