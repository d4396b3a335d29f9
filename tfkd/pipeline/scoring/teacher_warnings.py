"""Warnings of what a run's teachers know: too little, or what they have learnt by heart."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfkd.evaluation import learnt_by_heart
from tfkd.evaluation.verdicts.teachers import NOT_CLEARLY_BETTER
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import TeacherCheck
from tfkd.pipeline.scoring.teacher_check import fills_in


def teacher_warnings(
    checks: Sequence[TeacherCheck], entries: Sequence[Mapping[str, Any]], context: Context
) -> list[str]:
    """What a reader must know before the scores: weak teachers, rows learnt by heart.

    A teacher that fails is told of on each corpus. One that knows rows by heart is told of once,
    by however many corpora, students' seeds, baselines and scoring stages it is measured for: by
    the pair of corpora that lies furthest apart. Teachers that differ in their seed alone are one.
    """
    failed = [
        f"{entry['of']} on {entry['on']}: {entry['message']}"
        for entry in entries
        if entry["verdict"] == NOT_CLEARLY_BETTER
    ]
    return list(dict.fromkeys([*failed, *_by_heart(checks, entries, context)]))


def _by_heart(
    checks: Sequence[TeacherCheck], entries: Sequence[Mapping[str, Any]], context: Context
) -> list[str]:
    # By the spec's name of the teacher and then by its trained model, one a seed: how far apart
    # its rows are, and what is said of them.
    teachers: dict[str, dict[str, tuple[float, str]]] = {}
    names: dict[str, str] = {}
    pairs = list(zip(checks, entries, strict=True))
    for check, scored in pairs:
        model = check.teacher.inputs[Role.MODEL].key
        # The same model by another name, that of another scoring stage or variant.
        name = names.setdefault(model, scored["of"])
        found = teachers.setdefault(name, {})
        found.setdefault(model, (0.0, ""))
        for other, unseen in pairs:
            alike = other.teacher.inputs[Role.MODEL].key == model and scored["of"] == unseen["of"]
            if not alike or not check.seen or other.seen:
                continue
            message = learnt_by_heart(
                scored["metrics"], unseen["metrics"], on=other.on, **_about(check)
            )
            apart = scored["metrics"]["accuracy"] - unseen["metrics"]["accuracy"]
            if message and apart > found[model][0] and not _blind(check, context):
                found[model] = (apart, f"{scored['of']} on {scored['on']}: {message}")
    return [_told(found) for found in teachers.values() if any(told for _, told in found.values())]


def _told(found: Mapping[str, tuple[float, str]]) -> str:
    """One teacher's warning, in the words of the seed that knows most by heart."""
    hit = [one for one in found.values() if one[1]]
    several = f" (so {len(hit)} of its {len(found)} seeds)" if len(found) > 1 else ""
    return f"{max(hit)[1]}{several}"


def _about(check: TeacherCheck) -> dict[str, Any]:
    """What a teacher is, for the words of its warning."""
    task, trained = check.teacher.task, check.teacher.inputs[Role.MODEL]
    keep = getattr(getattr(trained.options, "validate_", None), "keep", None)
    return {
        "unit": task.unit,
        "labels": task.Options.over_classes,
        "masked": fills_in(check),
        "kept_by": getattr(keep, "best", None),
    }


def _blind(check: TeacherCheck, context: Context) -> bool:
    """Whether it guesses one class of all rows: it is right as often as rows are of that class."""
    teacher = check.teacher
    if teacher.kind != "evaluate" or not teacher.task.Options.over_classes:
        return False
    return bool(teacher.task.faults(teacher, context))
