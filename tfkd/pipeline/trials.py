"""The trials of a stage with `choose`, in the graph of stages."""

from tfkd.pipeline.graph import Node


def trials_of(node: Node) -> list[Node]:
    """The trainings that a stage is chosen from, in the order of the spec; [] without `choose`."""
    return [child for role, child in node.inputs.items() if role.startswith("trial.")]
