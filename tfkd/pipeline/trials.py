"""The trials of a stage or an evaluation with `choose`, in the graph of stages."""

from tfkd.pipeline.graph import Node


def trials_of(node: Node) -> list[Node]:
    """What one is chosen from, in the order of the spec, trainings or the evaluations of a `tune`
    node; [] without `choose`."""
    return list(node.inputs_of("trial").values())
