"""Teacher checks, judged: does a teacher know more than a model without it?"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tfkd.evaluation import check_line, context_check, teacher_check
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.wanted import TeacherCheck
from tfkd.spec.metrics import TEACHER_FORCED

# Whom a teacher is compared with.
WITHOUT_TEACHER, WITHOUT_CONTEXT = "a model without a teacher", "the teacher without context"


def judged(check: TeacherCheck, context: Context) -> dict[str, Any]:
    """A check's entry in results.json, of stages that are made."""
    summary = _summary(check.teacher, context)
    entry = {
        "of": check.options.of,
        "on": check.on,
        "against": check.options.against,
        "seen": check.seen,
        "metrics": summary[TEACHER_FORCED],
    }
    if (seed := check.teacher.seed) is not None:
        entry["seed"] = seed
    if "blind" in summary:
        blind, most = summary["blind"], summary["most_frequent"]
        beside = summary.get("beside", WITHOUT_CONTEXT)
        words = {"words": summary["words"]} if "words" in summary else {}
        verdict = context_check(summary[TEACHER_FORCED], blind, most, beside=beside, **words)
        return {**entry, "baseline": blind, "beside": beside, "most_frequent": most} | verdict
    baseline = (
        _summary(check.baseline, context)[TEACHER_FORCED] if check.baseline is not None else None
    )
    said = {"unit": check.teacher.task.unit, "masked": fills_in(check)}
    verdict = teacher_check(summary[TEACHER_FORCED], baseline, **said)
    return {**entry, "baseline": baseline, "beside": WITHOUT_TEACHER} | verdict


def news(
    checks: Sequence[TeacherCheck],
    done: Collection[str],
    cached: Collection[str],
    last: str,
    context: Context,
) -> Iterator[str]:
    """The verdicts that a stage completes: what a student's hours should wait for.

    Args:
        checks: The run's checks.
        done: Keys of all stages that are done.
        cached: Of these, the ones that were done before: a verdict on them alone is no news.
        last: The key of the one that was done last.
        context: The run's surroundings.
    """
    for check in checks:
        keys = {node.key for node in check.nodes}
        if last in keys and keys.issubset(done) and not keys.issubset(cached):
            yield check_line(judged(check, context))


def fills_in(check: TeacherCheck) -> bool:
    """Whether what a teacher scores are words that it fills in."""
    teacher = check.teacher
    of_words = teacher.kind == "score" and not teacher.task.Options.over_classes
    return of_words and teacher.options.hides(teacher.model)


def _summary(node: Node, context: Context) -> dict[str, Any]:
    return context.folder(node).manifest()["summary"]
