"""Masked words: what stands where a view has hidden something."""

from typing import Any, ClassVar

from tfkd.spec.checks.teacher_checks import check_top_k, predicted
from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, known
from tfkd.spec.options.heads import MaskedLMHeadOptions
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import Path
from tfkd.spec.tasks.words import WordsOptions
from tfkd.spec.wording import a


class MaskedWordsOptions(MaskedLMHeadOptions, WordsOptions):
    """Words that a view hides, by an encoder that sees both sides of them."""

    encodes: ClassVar[bool] = True

    @classmethod
    def check_model(cls, parts: Parts, faults: Faults, path: Path, model: Any) -> None:
        head, place = model.head, (*path, "head", "tokenizer")
        if head.tokenizer is None:
            return
        known(parts, faults, place, "tokenizer", head.tokenizer, "tokenizers")
        theirs, ours = (
            getattr(parts.tokenizers.get(one), "kind", None)
            for one in (head.tokenizer, model.tokenizer)
        )
        if None not in (theirs, ours) and theirs != ours:
            faults.add(
                place, f"{head.tokenizer} is of kind {theirs}, {model.tokenizer} of kind {ours}: "
                "words of one have no piece of the same name in the other",
                f"a tokenizer of kind {ours}",
            )  # fmt: skip
        if head.tied and head.tokenizer != model.tokenizer:
            faults.add(
                (*path, "head", "tied"), "true, with another vocabulary than the input's",
                "tied: false, or the input's tokenizer",
            )  # fmt: skip

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found
    ) -> None:
        # No more probabilities are kept than there are pieces.
        top_k, pieces = getattr(stage, "top_k", 0), predicted(teacher.model)
        check_top_k(teacher.parts, faults, (*path, "top_k"), top_k, pieces)
        _read_as_taught(faults, (*path, "read"), stage, teacher)
        super().check_scores(parts, faults, path, stage, teacher)

    @classmethod
    def check_export(cls, faults: Faults, path: Path, name: str, trained: Found) -> None:
        causal = one_of(lambda one: one.is_causal)
        faults.add(
            path, f"{name} trains {a(trained.model.kind)}, which writes no text",
            f"an encoder-decoder, {causal}, or a stage that trains a classifier",
        )  # fmt: skip


def _read_as_taught(faults: Faults, path: Path, stage: Any, teacher: Found) -> None:
    """A teacher is asked as it has learnt to answer: at hidden words, or before each next one."""
    if "trained" not in gives_of(teacher.stage):
        return
    terms = teacher.stage.objective.values()
    names = {getattr(term, "view", None) for term in terms}
    views = [teacher.parts.views.get(name) for name in names]
    if None in views:
        return  # faults of their own
    read, to_the_left = getattr(stage, "read", None), [one.terms == ("causal_lm",) for one in views]
    if read == "previous" and not any(to_the_left):
        faults.add(
            path, f"previous, and {stage.score} has learnt to fill in hidden words",
            "read: masked, or a teacher with a term causal_lm in a view of kind prefix_lm",
        )  # fmt: skip
    elif read == "masked" and all(to_the_left) and {t.kind for t in terms} == {"causal_lm"}:
        learnt = " and ".join(dict.fromkeys(one.kind for one in views))
        faults.add(
            path, f"masked, and {stage.score} has learnt to predict each next word ({learnt})",
            "read: previous",
        )  # fmt: skip
