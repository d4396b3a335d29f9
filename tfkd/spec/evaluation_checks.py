"""Evaluations: whether what they measure can be measured, and teachers be checked."""

from typing import Any

from tfkd.spec.classifier_checks import check_class_evaluation, check_word_metrics, tells_classes
from tfkd.spec.families import kinds
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import TEACHER_CHECK, WORDS, names_of
from tfkd.spec.names import Found, Parts, corpus_of, found_stage, stage_of, written
from tfkd.spec.packing_checks import check_separators, check_words
from tfkd.spec.reading_checks import (
    check_decode,
    check_measured,
    check_reads,
    check_scored,
    check_writes,
)
from tfkd.spec.segment_checks import segments_of
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.teacher_checks import NO_HEAD
from tfkd.spec.tuning_checks import check_tuning
from tfkd.spec.wording import a
from tfkd.spec.writing_teacher_checks import check_writing_teacher, writes


def check_evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation: its stages, corpora and metrics."""
    teacher_check = TEACHER_CHECK in entry.metrics
    if teacher_check and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_check beside others", "an entry of its own")
    _noise(faults, (*path, "noise"), entry, teacher_check)
    check_tuning(parts, faults, path, entry)
    given = ("targets", "model") if teacher_check else ("model",)
    stage = stage_of(parts, faults, (*path, "of"), entry.of, *given)
    causal = stage is not None and stage.model is not None and stage.model.is_causal
    if stage is not None and not teacher_check and stage.stage.kind == "load" and not causal:
        # What it is measured in, a train stage's terms say; all that a gpt2 reads is text.
        faults.add((*path, "of"), f"{entry.of} is a load stage", "a train stage")
        return
    if getattr(entry, "context", None) is not None and not names_of(WORDS, among=entry.metrics):
        faults.add(
            (*path, "context"), f"nothing of {', '.join(entry.metrics)} has one",
            "metrics: word_perplexity beside it",
        )  # fmt: skip
    asked = stage
    if teacher_check and stage is not None and stage.stage.kind == "score":
        asked = found_stage(stage.parts, stage.stage.score)
    if tells_classes(asked):
        beside = stage_of(parts, faults, (*path, "against"), entry.against, "trained")
        check_class_evaluation(parts, faults, path, entry, asked, beside)
        return
    if teacher_check and stage is not None and stage.stage.kind != "score":
        if writes(stage):
            _writing_teacher(parts, faults, path, entry, stage)
        else:
            _masked_teacher(parts, faults, path, entry, stage)
        return
    beside = stage_of(parts, faults, (*path, "against"), entry.against, "trained")
    model = stage.model if stage is not None else None
    check_decode(faults, (*path, "decode"), entry.of, model, getattr(entry, "decode", None))
    if beside is not None:
        if stage is not None:
            check_separators(faults, (*path, "against"), entry, stage, beside)
        decode = getattr(entry, "against_decode", None)
        check_decode(faults, (*path, "against_decode"), entry.against, beside.model, decode)
    elif getattr(entry, "against_decode", None) is not None and entry.against is None:
        faults.add(
            (*path, "against_decode"), "no baseline to decode", "against: STAGE[#VARIANT] beside it"
        )
    segments = segments_of(stage)
    check_writes(faults, (*path, "metrics"), model, entry.metrics, segments)
    check_word_metrics(faults, path, entry, model)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        if teacher_check:
            check_scored(parts, faults, where, name)
            continue
        corpus = corpus_of(parts, faults, where, name, whole=True)
        check_reads(faults, where, model, name, corpus, segments)
        if names_of(WORDS, among=entry.metrics):
            check_words(faults, path, where, entry, stage, name, corpus)
        if stage is not None:
            check_measured(parts, faults, where, stage, name)


def _noise(faults: Faults, path: tuple, entry: Any, teacher_check: bool) -> None:
    """Metrics under noise are some of the evaluation's."""
    noise = getattr(entry, "noise", None)
    if noise is None:
        return
    if teacher_check:
        faults.add(path, "noise on a teacher check", "an evaluation of its model")
        return
    for name in noise.metrics or ():
        if name not in entry.metrics:
            faults.add(
                (*path, "metrics"), f"{name}, which the evaluation does not measure",
                f"some of {', '.join(entry.metrics)}", entry.metrics, name,
            )  # fmt: skip


def _masked_teacher(parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found) -> None:
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
    if entry.against is not None:
        faults.add(
            (*path, "against"), f"{entry.against}, and {entry.of} is compared with itself without "
            "context", "a score stage, or nothing to compare with",
        )  # fmt: skip
    if "trained" in gives_of(stage.stage) and encoder_only:
        first = next(iter(stage.stage.objective.values()), None)
        view = stage.parts.views.get(getattr(first, "view", None))
        if first is not None and getattr(view, "kind", "none") in ("none", "prefix_lm"):
            faults.add(
                (*path, "of"), f"the first term of {entry.of} hides no words", "one with a view of "
                "kind mlm, spans or conditional_mlm first",
            )  # fmt: skip
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus_of(parts, faults, where, name, whole=True)
        if "trained" in gives_of(stage.stage):
            check_measured(parts, faults, where, stage, name)


def _writing_teacher(parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found) -> None:
    """The check of a teacher that writes from left to right."""
    check_writing_teacher(parts, faults, path, entry, stage)
    for index, name in enumerate(entry.on):
        where = written(faults, (*path, "on", index))
        corpus = corpus_of(parts, faults, where, name, whole=True)
        check_reads(faults, where, stage.model, name, corpus, segments_of(stage))
