"""Teachers whose distributions are averaged: they predict the same from the same."""

from typing import Any

from tfkd.spec.checks.teacher_checks import check_teacher
from tfkd.spec.faults import Faults
from tfkd.spec.names import SEVERAL, Found, Parts, named_stage
from tfkd.spec.options import classifier
from tfkd.spec.options.teachers import each_alone
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import task_of
from tfkd.spec.wording import a

# The kind of stages whose models write of lists.
LISTS = "shortlist"


def check_teachers(
    parts: Parts, faults: Faults, path: tuple, options: Any, model: Any, stage: Any
) -> list[tuple[Any, Any]]:
    """Checks a term's teachers, each and their mean.

    Returns:
        The term's options with each teacher alone, and the model of one that is asked in the step,
        or None.
    """
    before, every = len(faults.errors), each_alone(options)
    first, asked = None, []
    for number, alone in enumerate(every):
        found, online = check_teacher(parts, faults, path, alone, model, stage)
        asked.append((alone, online))
        if found is not None and every[1:]:
            where = (*path, "teacher")
            if found.several:
                faults.add(
                    where, f"{alone.teacher} {SEVERAL}, beside others",
                    "it alone, or one of the models, a stage {fold: 1, of: STAGE}",
                )  # fmt: skip
            if "targets" in gives_of(found.stage):
                faults.add(
                    where, f"{alone.teacher} is {a(found.stage.kind)} stage, beside others",
                    "a score stage of all of them, score: [A, B], whose mean is stored",
                )  # fmt: skip
            elif number:
                check_mean(faults, where, every[0].teacher, first, alone.teacher, found)
        first = found if number == 0 else first
    # What is said of the term is the same with each of them.
    faults.errors[before:] = dict.fromkeys(faults.errors[before:])
    return asked


def check_mean(
    faults: Faults,
    where: tuple,
    of: str,
    first: Found | None,
    name: str,
    other: Found | None,
    *,
    as_first: bool = False,
) -> None:
    """Several teachers predict the same pieces for the same task.

    Args:
        faults: Takes the faults.
        where: Where the other one is named.
        of: The first one's reference.
        first: It; None where nothing is known of it.
        name: The other one's reference.
        other: It.
        as_first: Whether all read of a text what the first one reads.
    """
    if other is None or first is None or None in (other.model, first.model):
        return
    if _asked(other) != _asked(first):
        faults.add(where, f"{name} is a teacher of another kind than {of}",
                   "teachers that predict the same from the same")  # fmt: skip
    elif other.model.tokenizers != first.model.tokenizers:
        faults.add(where, f"{name} reads by other tokenizers than {of}",
                   "teachers of the same tokenizers")  # fmt: skip
    elif other.model.own_vocabulary != first.model.own_vocabulary:
        faults.add(where, f"{name} predicts other pieces than {of}",
                   "teachers with the same head")  # fmt: skip
    elif (
        as_first and task_of(first).over_classes and other.model.max_length < first.model.max_length
    ):
        faults.add(
            where, f"{name} reads {other.model.max_length} tokens of a text, and {of} "
            f"{first.model.max_length}", "the one that reads fewest as the first",
        )  # fmt: skip


def without_lists(faults: Faults, where: tuple, parts: Parts, name: str) -> None:
    """A fault where one of several models writes of lists, which their mean would leave out.

    Args:
        faults: Takes it.
        where: Where the model is named.
        parts: The spec's parts.
        name: Its stage's reference.
    """
    named = named_stage(parts, name)
    if named is not None and named.stage.kind == LISTS:
        faults.add(where, *listed(name, getattr(named.stage, LISTS, None)))


def listed(name: str, behind: str | None) -> tuple[str, str]:
    """What is wrong with a shortlist stage as one of several models, and the way out.

    Args:
        name: What the stage is called.
        behind: The stage that it has its weights from; None: not known.
    """
    return (
        f"{name} is {a(LISTS)} stage, whose lists a mean of several would leave out",
        f"{behind or 'the stage that it has its weights from'}; `{LISTS}:` of an average stage has "
        "a mean of weights write of lists",
    )


def _asked(teacher: Found) -> tuple[Any, ...]:
    """How a teacher is asked: those of one mean alike."""
    task = task_of(teacher)
    head = classifier(teacher.model) if task.over_classes else None
    return task, teacher.model.is_causal, getattr(head, "read", None)
