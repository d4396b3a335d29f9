"""Evaluations: what does not hang on the task of the model that is measured."""

from typing import Any

from tfkd.spec.checks.export_checks import check_evaluated_export
from tfkd.spec.checks.tuning_checks import check_tuning
from tfkd.spec.faults import Faults
from tfkd.spec.metrics import OUTPUTS, TEACHER_CHECK, WORDS, names_of
from tfkd.spec.names import SEVERAL, WAY_OUT, Parts, elsewhere, stage_of
from tfkd.spec.tasks.task import asked_of, task_of


def check_evaluation(parts: Parts, faults: Faults, path: tuple, entry: Any) -> None:
    """An evaluation: its stages, corpora and metrics."""
    teacher_check = TEACHER_CHECK in entry.metrics
    if teacher_check and len(entry.metrics) > 1:
        faults.add((*path, "metrics"), "teacher_check beside others", "an entry of its own")
    _noise(faults, (*path, "noise"), entry, teacher_check)
    check_tuning(parts, faults, path, entry)
    given = ("targets", "model") if teacher_check else ("model",)
    stage = stage_of(parts, faults, (*path, "of"), entry.of, *given, of_folds=True)
    if stage is not None and stage.stage.kind == "targets":
        faults.add(
            (*path, "of"), f"{entry.of} is a targets stage: there is no model to be measured",
            "a score stage, or a stage with the model (a run says of such labels how many are "
            "right)",
        )  # fmt: skip
        return
    _of_folds(faults, path, entry, stage)
    loaded = stage is not None and not teacher_check and stage.stage.kind == "load"
    if loaded and not task_of(stage).of_checkpoints:
        # What it is measured in, a train stage's terms say; all that a gpt2 reads is text.
        faults.add((*path, "of"), f"{entry.of} is a load stage", "a train stage")
        return
    if getattr(entry, "context", None) is not None and not names_of(WORDS, among=entry.metrics):
        faults.add(
            (*path, "context"), f"nothing of {', '.join(entry.metrics)} has one",
            "metrics: word_perplexity beside it",
        )  # fmt: skip
    if getattr(entry, "export", None) is not None:
        check_evaluated_export(parts, faults, path, entry, stage)
    asked = asked_of(stage)
    of = entry.of if stage is None else getattr(stage.stage, "score", None)
    if teacher_check and asked is None and elsewhere(of):
        return
    task_of(asked).check_evaluation(parts, faults, path, entry, stage)


def _of_folds(faults: Faults, path: tuple, entry: Any, stage: Any) -> None:
    """Of several models the mean distribution is measured; no text is written by it."""
    if stage is None or not stage.several:
        return
    if getattr(entry, "noise", None) is not None:
        faults.add((*path, "noise"), f"{entry.of} {SEVERAL}", WAY_OUT)
    asked = names_of(OUTPUTS, among=entry.metrics)
    if asked or entry.decode is not None:
        faults.add(
            (*path, "metrics" if asked else "decode"), f"{entry.of} {SEVERAL}, whose mean writes "
            "no text", "metrics of its distribution, like loss and accuracy, or one of the models, "
            "a stage {fold: 1, of: STAGE}",
        )  # fmt: skip


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
