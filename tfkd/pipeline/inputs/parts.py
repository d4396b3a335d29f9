"""The rows of corpora that trainings in folds leave out."""

import numpy as np

from tfkd.data.folds import part_by_text, text_hashes
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.data.transforms import text_fields
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.text_stages import open_text, place

# Rows, and bytes of them, between two looks at the clock.
_ROWS, _BYTES = 2**16, 2**24


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


def hashed(text: TextCorpus, field: str, label: str, context: Context) -> np.ndarray:
    """`text_hashes` of a corpus's field; says how far it is, and ends in time."""
    show, found = context.told_progress(f"{label}: {field}"), []
    for first, last in text.blocks(field, rows=_ROWS, size=_BYTES):
        found.append(text_hashes(text.lines(field, first, last)))
        show(last, len(text))
    return np.concatenate(found)


def parts_by_text(node: Node, corpus: Node, context: Context) -> np.ndarray:
    """The part of each row of a corpus that has none of its own, by the texts that it has in common
    with those that have; see `part_by_text`.

    Args:
        node: The parts.
        corpus: The corpus's stage.
        context: The run's surroundings.
    """
    known = []
    for child, fields in zip(node.inputs.values(), node.identity["fields"], strict=True):
        text, parts = open_text(child, context), open_parts(node, child, context)
        known += [(hashed(text, field, child.label, context), parts) for field in fields]
    text = open_text(corpus, context)
    names = [text.fields[place] for place in text_fields(text.fields)]
    return part_by_text(known, [hashed(text, name, corpus.label, context) for name in names])


def left_out(node: Node, corpus: Node, context: Context) -> np.ndarray | None:
    """Of a training the rows of a corpus that it leaves out, bool `[rows]`; None without any."""
    if "left_out" not in node.identity:
        return None
    parts = open_parts(node.inputs[Role.PARTS], corpus, context)
    return None if parts is None else parts == node.identity["left_out"]
