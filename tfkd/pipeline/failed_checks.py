"""Stages that are not worth their hours: their teacher knows no more than a model without one."""

from collections.abc import Collection, Sequence

from tfkd.evaluation import gate_line
from tfkd.evaluation.teacher_verdict import NOT_CLEARLY_BETTER
from tfkd.pipeline.context import Context
from tfkd.pipeline.gates import judged
from tfkd.pipeline.graph import Node, in_order
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.wanted import Gate
from tfkd.spec.errors import UserError

# What an option `on_failed_check` may say: go on with a warning, or end here.
STOP = "stop"


def refuse_failed(
    node: Node, gates: Sequence[Gate], done: Collection[str], context: Context
) -> None:
    """Ends a run before a stage with `on_failed_check: stop` whose teacher has failed a check.

    Args:
        node: The stage that is next.
        gates: The run's teacher checks; those whose stages are done are known.
        done: Keys of all stages that are done.
        context: The run's surroundings.

    Raises:
        UserError: A check of a teacher that the stage rests on found it not clearly better.
    """
    if getattr(node.options, "on_failed_check", None) != STOP:
        return
    if StageFolder(context.stages, node.kind, node.fingerprint).done:
        return  # its hours are spent
    rests_on = {one.key for one in in_order([node])}
    for gate in gates:
        keys = {one.key for one in (gate.teacher, gate.baseline) if one is not None}
        if not keys <= {*done} or gate.teacher.inputs["model"].key not in rests_on:
            continue
        entry = judged(gate, context)
        if entry["verdict"] == NOT_CLEARLY_BETTER:
            raise UserError(
                f"{node.label} was not begun: on_failed_check is stop, and its teacher failed a "
                f"check. {gate_line(entry)} What is made is kept: change the teacher's stages and "
                "run the same command, or go on all the same with `on_failed_check: warn`."
            )
