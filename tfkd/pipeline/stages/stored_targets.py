"""Stored targets that a training stage's terms name, row by row the student's own."""

from typing import Any

import numpy as np

from tfkd.data.alignment.link_store import LinkStore
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.text_stages import place
from tfkd.spec.errors import UserError
from tfkd.targets import SoftTargetStore
from tfkd.targets.target_stores import TargetStores


def stores_of(node: Node, context: Context) -> dict[str, Any]:
    """Stored targets by the scoring stage that the terms name.

    Raises:
        UserError: They are of other words or classes than the student's.
    """
    return {
        node.options.objective[term].teacher: node.task.stores(node, term, scored, context)
        for term, scored in node.inputs_of(Role.TEACHER).items()
        if "targets" in scored.gives
    }


def of_corpora(
    node: Node, scored: Node, vocabulary: str, context: Context
) -> list[SoftTargetStore | None]:
    """The store of each corpus of a training stage; None of one that was not scored."""
    numbers = {rows_of(scored, number): number for number in range(len(scored.corpora))}
    places = [numbers.get(rows_of(node, number)) for number in range(len(node.corpora))]
    return [
        None if place is None else _open(scored, place, vocabulary, context) for place in places
    ]


def rows_of(node: Node, index: int) -> str:
    """What tells the rows of a stage's corpus number `index`: its fingerprint, and the blocks that
    it is packed into."""
    corpus, packing = node.corpora[index].fingerprint, node.options.data[index].packing
    if packing is None:
        return corpus
    return f"{corpus} in blocks of {packing.length} with {packing.separator}"


def _open(node: Node, index: int, vocabulary: str, context: Context) -> SoftTargetStore:
    """The store of a scoring stage's corpus number `index`.

    Raises:
        UserError: It is of another corpus, or its ids are not the student's.
    """
    folder = place(node, context).path / f"store-{index}"
    rows = rows_of(node, index)
    return SoftTargetStore(folder, corpus=rows, vocabulary=vocabulary, verify=False)


def check_rows(node: Node, batcher: Any) -> None:
    """Refuses a store whose rows are not the student's target words, one by one.

    The same pieces do not suffice: a teacher that reads by another tokenizer may cut words
    otherwise, and its rows would stand at other words.
    """
    sides = node.model.tokenizers
    for stage, stores in batcher.stores.items():
        if isinstance(stores, LinkStore):
            continue  # of the very ids that the student reads
        target = sides.get("target")
        if isinstance(stores, TargetStores):
            target = sides["text"]
        if target is None:
            continue
        for part, store in zip(batcher.example_set.parts, stores.stores, strict=True):
            words = part.find("target", target)
            if store is None or words is None:
                continue
            other = store.rows_present & (store.counts != words.lengths.astype(np.int64) + 1)
            if other.any():
                row = int(np.flatnonzero(other)[0])
                raise UserError(
                    f"stages.{node.label}: {stage} scored {store.counts[row]} words of row "
                    f"{row + 1} of {part.name}, and the student reads {words.lengths[row] + 1} "
                    f"({other.sum():,} such rows): the teacher's tokenizer cuts the target "
                    "otherwise than the student's. Give both the same, or cut the teacher's down "
                    "for the student by `keep: {seen_in: ...}`"
                )
