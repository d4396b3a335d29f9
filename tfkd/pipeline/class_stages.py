"""The classes of labels that a finished stage left."""

from tfkd.data.classes import Classes
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.text_stages import place


def open_classes(node: Node, context: Context) -> Classes:
    """The classes that a stage of kind `classes` left."""
    return Classes.load(place(node, context).path)


def classes_of(node: Node, context: Context) -> Classes | None:
    """The classes that a training stage's model tells apart; None for any other stage."""
    found = node.trained.inputs.get("classes")
    return None if found is None else open_classes(found, context)
