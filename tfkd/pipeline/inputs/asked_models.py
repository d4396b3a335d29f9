"""The models that a stage asks: one, or several as the mean of their distributions."""

from collections.abc import Callable, Mapping
from typing import Any

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.names import SEVERAL
from tfkd.spec.options.parts import CLASSES
from tfkd.spec.stages.asked import AskedOptions


def model_inputs(graph: Any, spec: Spec, options: AskedOptions, label: str) -> dict[str, Node]:
    """The stages of a stage's models by role, the first's without a number.

    Raises:
        UserError: What the checks of one spec do not know of another's: one of several is several
            models itself, or one of another task.
    """
    inputs = {Role.MODEL: graph.stage(spec, options.teachers[0])}
    inputs |= {Role.MODEL.of(i): graph.stage(spec, name) for i, name in enumerate(options.beside)}
    first, *others = inputs.values()
    for one in (first, *others) if others else ():
        if folds_of(one):
            raise UserError(
                f"stages.{label}.{options.kind}: {one.label} {SEVERAL}, beside others. Expected it "
                "alone, or none with folds"
            )
        if type(one.task) is not type(first.task):
            raise UserError(
                f"stages.{label}.{options.kind}: {one.label} is a teacher of another kind than "
                f"{first.label}. Expected teachers that predict the same from the same"
            )
    return inputs


def asked_nodes(node: Node) -> list[Node]:
    """The stages of the models that a stage asks, in their order."""
    return [node.inputs[Role.MODEL], *node.inputs_of(Role.MODEL).values()]


def asked_model(node: Node, load: Callable[[Node], Any]) -> Any:
    """The model that a stage asks, or the mean of several.

    Args:
        node: The stage.
        load: From the stage of a model to the model.
    """
    from tfkd.models.mean_of import MeanOf

    models = [load(one) for one in asked_nodes(node)]
    return MeanOf(models, node.options.shares) if models[1:] else models[0]


def refuse_other_pieces(node: Node, context: Context) -> None:
    """Raises UserError where one of several models has other pieces or classes than the first."""
    first, *others = asked_nodes(node)
    for other in others:
        if _predicts(other, context) != _predicts(first, context):
            raise UserError(
                f"stages.{node.label}.{node.kind}: {first.label} and {other.label} have other "
                "pieces or classes, and no mean. Expected teachers of the same tokenizers and "
                "classes"
            )


def _predicts(teacher: Node, context: Context) -> Mapping[str, str]:
    """The fingerprints of a teacher's tokenizers by side, and of its classes."""
    from tfkd.pipeline.inputs.made import side_tokenizers
    from tfkd.pipeline.inputs.text_stages import classes_of

    made = {**side_tokenizers(teacher, context), CLASSES: classes_of(teacher, context)}
    return {name: one.fingerprint() for name, one in made.items() if one is not None}
