"""The tasks whose models predict words: whether what they are measured on and by fits them."""

from typing import Any

from tfkd.spec.checks.packing_checks import check_separators, check_words
from tfkd.spec.checks.reading_checks import (
    check_decode,
    check_measured,
    check_reads,
    check_scored,
    check_writes,
)
from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import NO_HEAD
from tfkd.spec.checks.writing_teacher_checks import check_writing_teacher, writes
from tfkd.spec.families import kinds
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import (
    CLASSES,
    OUTPUTS,
    TEACHER_CHECK,
    TEACHER_FORCED,
    WORDS,
    about,
    in_training,
    names_of,
    product_of,
)
from tfkd.spec.names import Found, Parts, corpus_of, stage_of, written
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import Path, TaskOptions, task_of
from tfkd.spec.wording import a


class WordsOptions(TaskOptions):
    """What the tasks of words have in common."""

    @classmethod
    def check_training(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, model: Any
    ) -> None:
        if stage.validate_ is not None:
            where, metrics = (*path, "validate", "metrics"), stage.validate_.metrics
            _of_words(faults, where, stage.train, model, metrics)
            _in_training(faults, where, metrics)
            check_writes(faults, where, model, metrics, segments_of(Found(stage, parts)))

    @classmethod
    def check_scores(
        cls, parts: Parts, faults: Faults, path: Path, stage: Any, teacher: Found | None
    ) -> None:
        """What a teacher scores are pairs."""
        for index, part in enumerate(stage.data):
            check_scored(parts, faults, written(faults, (*path, "data", index)), part.of)

    @classmethod
    def check_asked(
        cls, parts: Parts, faults: Faults, path: Path, name: str | None, stage: Found | None
    ) -> None:
        """A corpus that a scoring stage's teacher is checked on."""
        check_scored(parts, faults, path, name)

    @classmethod
    def check_evaluation(
        cls, parts: Parts, faults: Faults, path: Path, entry: Any, stage: Found | None
    ) -> None:
        teacher_check = TEACHER_CHECK in entry.metrics
        if teacher_check and stage is not None and stage.stage.kind != "score":
            check = _writing_teacher if writes(stage) else _masked_teacher
            check(parts, faults, path, entry, stage)
            return
        beside = stage_of(parts, faults, (*path, "against"), entry.against, "model")
        trained = beside is None or "trained" in gives_of(beside.stage)
        if not trained and not task_of(beside).of_checkpoints:
            loaded = f"{entry.against} is {a(beside.stage.kind)} stage"
            faults.add((*path, "against"), loaded, "a train stage")
            beside = None
        model = stage.model if stage is not None else None
        check_decode(faults, (*path, "decode"), entry.of, model, getattr(entry, "decode", None))
        if beside is not None:
            if beside.model is not None and task_of(beside).over_classes:
                faults.add(
                    (*path, "against"), f"{entry.against} predicts classes, {entry.of} words",
                    "a baseline that predicts words",
                )  # fmt: skip
            if stage is not None:
                check_separators(faults, (*path, "against"), entry, stage, beside)
            decode = getattr(entry, "against_decode", None)
            check_decode(faults, (*path, "against_decode"), entry.against, beside.model, decode)
        elif getattr(entry, "against_decode", None) is not None and entry.against is None:
            faults.add(
                (*path, "against_decode"), "no baseline to decode",
                "against: STAGE[#VARIANT] beside it",
            )  # fmt: skip
        segments = segments_of(stage)
        check_writes(faults, (*path, "metrics"), model, entry.metrics, segments)
        _of_words(faults, (*path, "metrics"), entry.of, model, entry.metrics)
        for index, name in enumerate(entry.on):
            where = written(faults, (*path, "on", index))
            if teacher_check:
                cls.check_asked(parts, faults, where, name, stage)
                continue
            corpus = corpus_of(parts, faults, where, name, whole=True)
            check_reads(faults, where, model, name, corpus, segments)
            if names_of(WORDS, among=entry.metrics):
                check_words(faults, path, where, entry, stage, name, corpus)
            if stage is not None:
                check_measured(parts, faults, where, stage, name)


def _of_words(faults: Faults, path: Path, name: str, model: Any, metrics: list[str]) -> None:
    """Metrics of classes are of classifiers alone."""
    found = [metric for metric in metrics if about(metric).products == (CLASSES,)]
    if found and model is not None:
        faults.add(
            path, f"{', '.join(found)} of {name}, which predicts words",
            "a model with head: {kind: classifier}",
        )  # fmt: skip


def _in_training(faults: Faults, path: Path, metrics: list[str]) -> None:
    """Trainings on words make outputs and teacher-forced metrics, and no text's likelihood."""
    made = (TEACHER_FORCED, OUTPUTS)
    found = [one for one in metrics if WORDS in about(one).products]
    if found := [one for one in found if product_of(about(one), made) is None]:
        known = [one for one in in_training() if product_of(about(one), made) is not None]
        faults.add(
            path, f"{', '.join(found)}, counted from a whole text's likelihood, which no training "
            "measures", f"one of {', '.join(known)}, or an evaluation that measures it",
        )  # fmt: skip


def _masked_teacher(parts: Parts, faults: Faults, path: Path, entry: Any, stage: Found) -> None:
    """The check of a teacher that students ask in their steps: a bert, beside itself."""
    encoder_only = stage.model is not None and stage.model.encoder_only
    if stage.model is not None and not encoder_only:
        known_ones = ", ".join(map(a, kinds(lambda one: one.single_sequence)))
        faults.add(
            (*path, "of"), f"{entry.of} has {a(stage.model.kind)}",
            f"a score stage, or a stage of {known_ones} or a model that writes from left to right",
        )  # fmt: skip
    if stage.headless:
        faults.add((*path, "of"), f"{entry.of} {NO_HEAD}", "one with a head")
    if entry.against is not None and stage.model is not None:  # None: a faulty one
        faults.add(
            (*path, "against"), f"{entry.against}, and {entry.of} is compared with itself without "
            "context", "a score stage, or nothing to compare with",
        )  # fmt: skip
    if "trained" in gives_of(stage.stage) and encoder_only:
        first = next(iter(stage.stage.objective.values()), None)
        view = stage.parts.views.get(getattr(first, "view", None))
        if first is not None and (view is None or not {"masked_lm"} & {*view.terms}):
            faults.add(
                (*path, "of"), f"the first term of {entry.of} hides no words", "one with a view of "
                "kind mlm, spans or conditional_mlm first",
            )  # fmt: skip
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus_of(parts, faults, where, name, whole=True)
        if "trained" in gives_of(stage.stage):
            check_measured(parts, faults, where, stage, name)


def _writing_teacher(parts: Parts, faults: Faults, path: Path, entry: Any, stage: Found) -> None:
    """The check of a teacher that writes from left to right."""
    check_writing_teacher(parts, faults, path, entry, stage)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus = corpus_of(parts, faults, where, name, whole=True)
        check_reads(faults, where, stage.model, name, corpus, segments_of(stage))
