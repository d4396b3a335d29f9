"""Stages that are not worth their hours: their teacher knows no more than a model without one."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from tfkd.evaluation import check_line
from tfkd.evaluation.verdicts.teachers import NOT_CLEARLY_BETTER
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, in_order
from tfkd.pipeline.engine.outdated import contents_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.wanted import TeacherCheck, Wanted
from tfkd.pipeline.scoring.teacher_check import judged
from tfkd.spec.errors import SpecError, UserError

# What an option `on_failed_check` may say: go on with a warning, or end here.
STOP = "stop"


def in_checked_order(plan: Wanted, until: str | None = None) -> list[Node]:
    """All that a run makes, each once, inputs first, and what is `early` before all others; before
    a stage with `on_failed_check: stop` the checks of the models that it rests on, unless they rest
    on itself.

    Args:
        plan: What the spec asks for.
        until: The one stage to stop after; None: the whole run.

    Raises:
        UserError: There is no such stage, or nothing that the run ends in.
    """
    order: dict[str, Node] = {}
    waiting: set[str] = set()  # stages that are to follow their checks

    def visit(node: Node) -> None:
        if node.key in order:
            return
        if stops(node):
            waiting.add(node.key)
            for check in _checks_of(_rests_on(node), plan.teacher_checks):
                if not waiting & _rests_on(*check.nodes):
                    for one in check.nodes:
                        visit(one)
            waiting.remove(node.key)
        for child in node.inputs.values():
            visit(child)
        order[node.key] = node

    ends = plan.until(until) if until else plan.ends()
    for node in (*(one for one in in_order(ends) if one.stage.early), *ends):
        visit(node)
    return list(order.values())


def unchecked(nodes: Sequence[Node], plan: Wanted) -> list[tuple[Node, SpecError]]:
    """Stages with `on_failed_check: stop` before which no check is made that could fail.

    Args:
        nodes: What a run makes, see `in_checked_order`.
        plan: What the spec asks for.
    """
    found, before = [], set()
    for node in nodes:
        if stops(node) and (why := _why_unchecked(node, plan, before)):
            # A label is a stage's name, and what tells it from others.
            name = re.match(r"(?:.*:)?([\w-]*)", node.label)[1]
            expected = (
                "a teacher_check of its teacher that is made before, like {of: targets, on: [valid]"
                ', metrics: [teacher_check], against: "student#baseline"}, or on_failed_check: warn'
            )
            variant = node.spec.variant or ""
            error = SpecError(
                str(node.spec.path), 0, f"stages.{name}.on_failed_check", why, expected,
                variant=variant,
            )  # fmt: skip
            found.append((node, error))
        before.add(node.key)
    return found


def refuse_unchecked(nodes: Sequence[Node], plan: Wanted, context: Context) -> None:
    """Ends a run before all its stages where one of them would stop for a check that nobody makes.

    Args:
        nodes: What the run makes.
        plan: What the spec asks for.
        context: The run's surroundings.

    Raises:
        UserError: There are such stages, and they are not made yet.
    """
    said = [str(error) for node, error in unchecked(nodes, plan) if not _made(node, context)]
    if said:
        raise UserError("\n".join(said))


def refuse_failed(
    node: Node, checks: Sequence[TeacherCheck], done: Collection[str], context: Context
) -> None:
    """Ends a run before a stage with `on_failed_check: stop` whose teacher has failed a check.

    Args:
        node: The stage that is next.
        checks: The run's teacher checks; those whose stages are done are known.
        done: Keys of all stages that are done.
        context: The run's surroundings.

    Raises:
        UserError: A check of a teacher that the stage rests on found it not clearly better.
    """
    if not stops(node) or _made(node, context):
        return
    for check in _checks_of(_rests_on(node), checks):
        if not {one.key for one in check.nodes} <= {*done}:
            continue
        entry = judged(check, context)
        if entry["verdict"] == NOT_CLEARLY_BETTER:
            raise UserError(
                f"{node.label} was not begun: on_failed_check is stop, and its teacher failed a "
                f"check. {check_line(entry)} What is made is kept: change the teacher's stages and "
                "run the same command, or go on all the same with `on_failed_check: warn`."
            )


def _why_unchecked(node: Node, plan: Wanted, before: Collection[str]) -> str:
    """Why no check that could fail is among what is made before a stage; empty: one is."""
    teachers = _teachers(node)
    checks = _checks_of(teachers or _rests_on(node), plan.teacher_checks)
    if any(check.judges and {one.key for one in check.nodes} <= {*before} for check in checks):
        return ""
    if not teachers:
        # A variant may take the teacher out of a stage: there is nothing to check then.
        return "" if node.spec.variant else "stop, and this stage has no teacher"
    if Path(node.spec.path) != Path(plan.spec.path):
        return f"stop, and its checks are that spec's, not {plan.spec.name}'s: run that one first"
    if not checks:
        return "stop, and no evaluation checks its teacher"
    if not any(check.judges for check in checks):
        return "stop, and its teacher is checked beside nothing: without against"
    return "stop, and what checks its teacher rests on this stage itself"


def stops(node: Node) -> bool:
    """Whether a failed check of its teacher is to end a run before this stage."""
    return getattr(node.options, "on_failed_check", None) == STOP


def _made(node: Node, context: Context) -> bool:
    """Whether a stage's hours are spent."""
    folder = context.folder(node)
    return folder.done and not folder.outdated(contents_of(node, context))


def _rests_on(*nodes: Node) -> set[str]:
    """Keys of nodes and of all that they rest on."""
    return {one.key for one in in_order(nodes)}


def _checks_of(models: Collection[str], checks: Sequence[TeacherCheck]) -> list[TeacherCheck]:
    """The checks of some models, by their keys."""
    return [check for check in checks if check.teacher.inputs[Role.MODEL].key in models]


def _teachers(node: Node) -> set[str]:
    """Keys of the models that a stage asks, or learns from as others have asked them."""
    found = set()
    for role, child in node.inputs.items():
        if "model" not in child.gives:
            found |= _teachers(child)
        elif _asked(role) or role.startswith(Role.TEACHER.of("")):
            found.add(child.key)
    return found


def _asked(role: str) -> bool:
    """Whether a role is that of a stage's model, the only one or one of several."""
    return role == Role.MODEL or role.removeprefix(Role.MODEL.of("")).isdigit()
