"""The rows of corpora that trainings in folds leave out."""

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.text_stages import place


def folds_of(node: Node) -> list[Node]:
    """The trainings of a stage with `folds:`, in the order of the parts that they leave out; []
    of any other."""
    return list(node.inputs_of(Role.FOLD).values())


def open_parts(node: Node, corpus: Node, context: Context) -> np.ndarray | None:
    """The part of each row of a corpus, uint8 `[rows]`; None of one that has none.

    Args:
        node: The parts.
        corpus: The corpus's stage.
        context: The run's surroundings.
    """
    keys = [child.key for child in node.inputs.values()]
    if corpus.key not in keys:
        return None
    path = place(node, context).path / f"parts-{keys.index(corpus.key)}.npy"
    return np.load(path, allow_pickle=False)


def left_out(node: Node, corpus: Node, context: Context) -> np.ndarray | None:
    """Of a training the rows of a corpus that it leaves out, bool `[rows]`; None without any."""
    if "left_out" not in node.identity:
        return None
    parts = open_parts(node.inputs[Role.PARTS], corpus, context)
    return None if parts is None else parts == node.identity["left_out"]
