"""Language models: how likely a text is, and how it goes on."""

from typing import Any, ClassVar

from tfkd.spec.checks.reading_checks import check_scored
from tfkd.spec.checks.teacher_checks import check_top_k, predicted
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, corpus_of, written
from tfkd.spec.tasks.task import Path
from tfkd.spec.tasks.words import WordsOptions


class LanguageModelOptions(WordsOptions):
    """Each next word of a text: its head is the model's own."""

    of_checkpoints: ClassVar[bool] = True

    @classmethod
    def check_training(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, model: Any
    ) -> None:
        super().check_training(parts, faults, path, stage, model)
        if getattr(model, "logit_cap", None) is not None:
            faults.add(
                (*path, "train"), f"{stage.train} has a logit_cap, which no loss knows of a model "
                "that is trained", "a model without; a load stage's may have one, and teach",
            )  # fmt: skip

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found | None
    ) -> None:
        """What it scores is text, in blocks that it has positions for."""
        model = None if teacher is None else teacher.model
        if teacher is not None and model is not None:
            top_k = getattr(stage, "top_k", 0)
            check_top_k(teacher.parts, faults, (*path, "top_k"), top_k, predicted(model))
            if getattr(stage, "prompt", None) is not None:
                _check_prompted(faults, path, stage, teacher)
        for index, part in enumerate(stage.data):
            where = written(faults, (*path, "data", index))
            packing = getattr(part, "packing", None)  # a faulty part has none
            if getattr(stage, "prompt", None) is not None:
                check_scored(parts, faults, where, part.of)
                if packing is not None:
                    faults.add(where, f"pack: {part.of} is scored pair by pair, in a prompt",
                               "no pack, or no prompt")  # fmt: skip
                continue
            _check_text(parts, faults, where, part.of)
            if packing is not None and model is not None and packing.length > model.max_length:
                faults.add(
                    (*where, "pack"),
                    f"{packing.length} tokens, more than the {model.max_length} that "
                    f"{stage.score} has positions for", "no more than that",
                )  # fmt: skip
            if packing is not None and packing.length > stage.max_length:
                faults.add(
                    (*where, "pack"),
                    f"{packing.length} tokens, and rows of more than {stage.max_length} are left "
                    "out", f"max_length: {packing.length} of this stage",
                )  # fmt: skip

    @classmethod
    def check_asked(
        cls, parts: Parts, faults: Faults, path: Path, name: str | None, stage: Found | None
    ) -> None:
        if stage is not None and getattr(stage.stage, "prompt", None) is not None:
            super().check_asked(parts, faults, path, name, stage)
            return
        _check_text(parts, faults, path, name)


def _check_text(parts: Parts, faults: Faults, path: Path, name: str | None) -> None:
    """A language model scores text."""
    corpus = corpus_of(parts, faults, path, name, whole=True)
    if corpus is not None and "text" not in corpus.field_names:
        found = ", ".join(corpus.field_names)
        wanted = "a corpus of text; or prompt: with {source} in it, for pairs"
        faults.add(path, f"{name} has {found}", wanted)


def _check_prompted(faults: Faults, path: Path, stage: Any, teacher: Found) -> None:
    """A teacher reads a prompt as it has learnt to read: in whole pieces, from the start of a text
    to its end."""
    name = predicted(teacher.model)
    if getattr(teacher.parts.tokenizers.get(name), "keep", None) is not None:
        faults.add(
            (*path, "prompt"), f"tokenizer {name}, which {stage.score} reads by, keeps the pieces "
            "of corpora, and a prompt in one would be cut into what is left of its own, letter by "
            "letter", f"a tokenizer {name} without keep, or no prompt",
        )  # fmt: skip
    if getattr(teacher.stage, "newlines", False):
        faults.add(
            (*path, "prompt"), f"{stage.score} has learnt from documents between newlines, and "
            "nothing of the pieces that start and end a text, between which prompt and target are "
            "read", "a teacher whose pack: has no separator: newline, or no prompt",
        )  # fmt: skip
