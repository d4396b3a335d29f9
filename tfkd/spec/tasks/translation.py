"""Translation, and all that writes a target of a source: summaries, answers."""

from typing import Any, ClassVar

from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import check_top_k, predicted
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts
from tfkd.spec.tasks.task import Path
from tfkd.spec.tasks.words import WordsOptions


class TranslationOptions(WordsOptions):
    """A target of a source, by an encoder-decoder: it has no head to choose."""

    of_checkpoints: ClassVar[bool] = True

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found | None
    ) -> None:
        if teacher is not None:
            top_k, pieces = getattr(stage, "top_k", 0), predicted(teacher.model)
            check_top_k(teacher.parts, faults, (*path, "top_k"), top_k, pieces)
        super().check_scores(parts, faults, path, stage, teacher)

    @classmethod
    def check_export(cls, faults: Faults, path: Path, name: str, trained: Found) -> None:
        if segments_of(trained) is not None:
            faults.add(
                path, f"{name} learns to write segments ({segments_of(trained)})",
                "a stage that starts from it",
            )  # fmt: skip
