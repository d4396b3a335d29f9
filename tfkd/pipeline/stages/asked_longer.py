"""What `--more-steps` asks of a run's trainings that they cannot do: refused, or told."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.outdated import contents_of
from tfkd.pipeline.stages.longer import ENDS, shorter
from tfkd.spec.errors import UserError
from tfkd.spec.source.asked_steps import OPTION, asked_steps


def told_of_longer(nodes: Iterable[Node], context: Context) -> Iterator[str]:
    """A line for each training that is asked for more steps and makes none.

    Args:
        nodes: All that a run makes.
        context: The run's surroundings.

    Raises:
        UserError: One has ended, and nothing is left of its end to go on from: it would be trained
            anew from its start.
    """
    for node in nodes:
        more = _more(node)
        if not more:
            continue
        if node.options.steps is None:
            yield (
                f"{node.label}: {OPTION} adds none to its {node.options.epochs:g} epochs; raise "
                "`epochs` where the variant has them, and it goes on from where these ended"
            )
        elif _begins(node, context) and not shorter(node, node.options.steps, context)[0]:
            name, steps = _stage(node), node.options.steps
            own = context.folder(replace(node, identity={**node.identity, "steps": steps - more}))
            if not own.done or own.outdated(contents_of(node, context)):
                yield (
                    f"{node.label}: makes all {steps:,} steps of {OPTION} from its start: no "
                    f"training of {max(0, steps - more):,} has ended here"
                )
                continue
            raise UserError(
                f"{OPTION} {name}={more}: {node.label} has ended at {steps - more:,} steps, but "
                f"its end is not kept in {context.stages / ENDS} (it was removed, or an older "
                f"version trained it), so nothing can go on from it. To train all {steps:,} steps "
                f"anew: --set stages.{name}.steps={steps}. To go on from the weights alone: a "
                f"stage of its own, from: {name}, with steps: {more}"
            )


def _more(node: Node) -> int:
    """The steps that are asked for beyond those of a training's own."""
    if node.kind != "train" or node.options.choose is not None or node.options.folds is not None:
        return 0
    return asked_steps(node.spec.overrides).get(_stage(node), 0)


def _stage(node: Node) -> str:
    return re.split(r"[#+]|\[fold ", node.label)[0]


def _begins(node: Node, context: Context) -> bool:
    folder = context.folder(node)
    return not folder.done and not any((folder.work / "checkpoints").glob("step-*.json"))
