"""Results that rest on another result than is there now: a stage before was made anew.

A fingerprint says how a stage is made. Trainings on several cores or devices do not always come to
the same weights, so a stage that was removed and made anew may differ from the one that scores were
taken of; those are then taken anew.
"""

from collections.abc import Iterable

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node


def contents_of(node: Node, context: Context) -> dict[str, str]:
    """`StageFolder.content` of each input that is made, by role."""
    folders = {role: context.folder(child) for role, child in node.inputs.items()}
    return {role: folder.content() for role, folder in folders.items() if folder.done}


def outdated(nodes: Iterable[Node], context: Context) -> set[str]:
    """Keys of the nodes whose result, or work on it, does not rest on what is there now.

    Args:
        nodes: Inputs first, see `graph.in_order`.
        context: The run's surroundings.
    """
    found: set[str] = set()
    for node in nodes:
        folder = context.folder(node)
        inputs = {child.key for child in node.inputs.values()}
        if folder.path.exists() and (inputs & found or folder.outdated(contents_of(node, context))):
            found.add(node.key)
    return found
